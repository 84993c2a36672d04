"""The packages are flat, so no other distribution may own one of their names.

llama-index-workflows, for one, installs a `workflows` of its own: whichever came last would be
imported, and the other would fail in ways that are hard to read.
"""

import sys
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path

import pytest

OURS = "recnet"
NAMES = frozenset({"workflows", "nodes", "state", "prompts", "evals"})


def others(search: Iterable[str]) -> dict[str, set[str]]:
    """Return who, but us, installs one of the names on the paths of `search`."""
    owners: dict[str, set[str]] = {}
    for distribution in distributions(path=list(search)):
        if distribution.name != OURS:
            for file in distribution.files or []:
                top = file.parts[0].removesuffix(".py")
                if top in NAMES:
                    owners.setdefault(top, set()).add(distribution.name)
    return owners


def install(folder: Path, name: str, *files: str) -> None:
    """Leave in `folder` what an installer leaves of a distribution."""
    record = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (record / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()


def test_nobody_else_owns_one_of_our_names() -> None:
    assert others(sys.path) == {}, "uninstall what owns the name, or use an environment of its own"


@pytest.mark.parametrize("file", ["workflows/__init__.py", "workflows/deep/part.py", "state.py"])
def test_another_owner_is_found(tmp_path: Path, file: str) -> None:
    install(tmp_path, "llama-index-workflows", "llama/__init__.py", file)
    install(tmp_path, "harmless", "nodes_of_mine/__init__.py", "mine/state.py")
    install(tmp_path, OURS, "nodes/__init__.py")
    top = Path(file).parts[0].removesuffix(".py")
    assert others([str(tmp_path)]) == {top: {"llama-index-workflows"}}
