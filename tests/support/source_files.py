"""The modules and the texts of the repository."""

from collections.abc import Iterator, Sequence
from pathlib import Path

PACKAGES = ("state", "prompts", "nodes", "workflows", "evals")
_TEXTS = {".py", ".md", ".sql", ".json", ".toml"}


def modules(root: Path, packages: Sequence[str]) -> dict[str, Path]:
    """Return the modules of packages under `root`, by dotted name."""
    found: dict[str, Path] = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def texts(root: Path) -> Iterator[Path]:
    """Yield the files under `root` that people read: code, templates, documents, settings."""
    yield from (path for path in sorted(root.iterdir()) if path.suffix in _TEXTS)
    for folder in (*PACKAGES, "benchmarks", "tests", "docs"):
        yield from (path for path in sorted((root / folder).rglob("*")) if path.suffix in _TEXTS)
