"""The modules of the packages."""

from pathlib import Path

PACKAGES = ("state", "prompts", "nodes", "workflows", "evals")


def sources(root: Path) -> dict[str, Path]:
    """Return the modules of the packages under `root`, by dotted name."""
    found: dict[str, Path] = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found
