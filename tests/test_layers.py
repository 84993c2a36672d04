"""The house stands: imports go one way, and no room becomes a drawer."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.source_files import sources

MAY_IMPORT = {
    "state": {"state"},
    "prompts": {"prompts", "state.domain"},
    "nodes": {"nodes", "state", "prompts"},
    "workflows": {"workflows", "nodes", "state", "prompts"},
    "evals": {"evals", "workflows", "nodes", "state", "prompts"},
}
LEAF = "state.domain"
LONGEST = 300


def imports_of(module: str, path: Path, known: set[str]) -> Iterator[str]:
    """Yield the modules of ours that `module` imports, wherever in the file it does so."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            full = [f"{base}.{alias.name}" for alias in node.names]
            names = [name if name in known else base for name in full]
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] in MAY_IMPORT)


def faults(root: Path) -> list[str]:
    """Return what breaks the rules of the house under `root`, one line each."""
    modules = sources(root)
    graph = {
        name: set(imports_of(name, path, set(modules))) - {name} for name, path in modules.items()
    }
    found = [
        f"{name} imports {target}"
        for name, targets in graph.items()
        for target in sorted(targets)
        if not allowed(name, target)
    ]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.append("cycle: " + " -> ".join(error.args[1]))
    for name, path in modules.items():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST:
            found.append(f"{name} has {lines} lines, {LONGEST} at most")
        if path.name == "utils.py":
            found.append(f"{name} says nothing about what is in it")
    return found


def allowed(name: str, target: str) -> bool:
    if name == LEAF:
        return False
    permitted = MAY_IMPORT[name.partition(".")[0]]
    return any(target == entry or target.startswith(f"{entry}.") for entry in permitted)


def test_the_house_stands() -> None:
    assert len(sources(ROOT)) > len(MAY_IMPORT)
    assert faults(ROOT) == []


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        (
            "state/db/pool.py",
            "import prompts.llm.client",
            "state.db.pool imports prompts.llm.client",
        ),
        (
            "state/db/pool.py",
            "def f():\n    from nodes import merge",
            "state.db.pool imports nodes",
        ),
        ("state/domain.py", "from state.db import pool", "state.domain imports state.db.pool"),
        (
            "prompts/llm/client.py",
            "from state.db import pool",
            "prompts.llm.client imports state.db.pool",
        ),
        (
            "prompts/llm/client.py",
            "from state.store import rules",
            "prompts.llm.client imports state.store",
        ),
        ("prompts/llm/client.py", "import state", "prompts.llm.client imports state"),
        ("nodes/merge.py", "from workflows.driver import run", "nodes.merge imports workflows"),
        ("workflows/api.py", "import evals", "workflows.api imports evals"),
        ("nodes/a.py", "from . import b", "cycle: "),
        ("nodes/merge.py", "x = 1\n" * 301, "nodes.merge has 301 lines"),
        ("nodes/utils.py", "", "nodes.utils says nothing"),
    ],
)
def test_a_fault_is_found(tmp_path: Path, file: str, text: str, fault: str) -> None:
    for package in MAY_IMPORT:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    for folder in ("state/db", "prompts/llm"):
        (tmp_path / folder).mkdir()
    for beside in ("state/domain.py", "state/db/pool.py", "nodes/merge.py"):
        (tmp_path / beside).touch()
    (tmp_path / "nodes/b.py").write_text("import nodes.a", encoding="utf-8")
    (tmp_path / "prompts/fine.py").write_text("from state.domain import Key", encoding="utf-8")
    (tmp_path / file).write_text(text, encoding="utf-8")
    found = faults(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(fault)
