"""Imports follow the layers, files stay short, and texts cite only what is in the repository."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.source_files import PACKAGES, modules, texts

MAY_IMPORT = {
    "state": {"state"},
    "prompts": {"prompts", "state.domain"},
    "nodes": {"nodes", "state", "prompts"},
    "workflows": {"workflows", "nodes", "state", "prompts"},
    "evals": {"evals", "workflows", "nodes", "state", "prompts"},
}
LEAF = "state.domain"
"""A module that imports no other module of ours."""
MOST_LINES = 300
FINE = "from state.domain import Key\n\nclass B:\n    x = 1\n"
UNWANTED = {
    r"\bDESIGN(\.md| ?§)|(?i:\bdecision \d)": "cites a document that is not in the repository",
    r"pip install ['\"]?recnet": "advises to install a package that is not published",
}


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


def may_import(module: str, target: str) -> bool:
    if module == LEAF:
        return False
    permitted = MAY_IMPORT[module.partition(".")[0]]
    return any(target == entry or target.startswith(f"{entry}.") for entry in permitted)


def import_faults(root: Path) -> list[str]:
    """Return the imports under `root` that go against the layers, or in a circle."""
    paths = modules(root, PACKAGES)
    graph = {name: set(imports_of(name, path, set(paths))) - {name} for name, path in paths.items()}
    found = [
        f"{name} imports {target}"
        for name, targets in graph.items()
        for target in sorted(targets)
        if not may_import(name, target)
    ]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.append("cycle: " + " -> ".join(error.args[1]))
    return found


def file_faults(root: Path) -> list[str]:
    """Return the modules under `root` that are too long, or whose name says nothing."""
    found = []
    for name, path in modules(root, (*PACKAGES, "benchmarks", "tests")).items():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            found.append(f"{name} has {lines} lines, {MOST_LINES} at most")
        if path.stem == "utils":
            found.append(f"{name} needs a name that says what is in it")
    return found


def class_faults(root: Path) -> list[str]:
    """Return the names of public classes that several modules under `root` define."""
    where: dict[str, list[str]] = {}
    for module, path in modules(root, (*PACKAGES, "benchmarks")).items():
        for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where.setdefault(node.name, []).append(module)
    return [
        f"class {name} is defined in {' and '.join(found)}"
        for name, found in where.items()
        if len(found) > 1
    ]


def text_faults(root: Path) -> list[str]:
    """Return the lines of texts under `root` that say what nobody can follow."""
    return [
        f"{path.relative_to(root)}:{number} {fault}"
        for path in texts(root)
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for pattern, fault in UNWANTED.items()
        if re.search(pattern, line)
    ]


def test_the_layers_hold() -> None:
    assert len(modules(ROOT, PACKAGES)) > len(PACKAGES)
    assert import_faults(ROOT) == []


def test_files_are_short_and_have_names() -> None:
    assert file_faults(ROOT) == []


def test_no_public_class_name_exists_twice() -> None:
    assert class_faults(ROOT) == []


def test_texts_cite_and_advise_what_there_is() -> None:
    assert text_faults(ROOT) == []


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("state/db/pool.py", "import prompts.llm", "state.db.pool imports prompts.llm"),
        (
            "state/db/pool.py",
            "def f():\n    from nodes import merge",
            "state.db.pool imports nodes",
        ),
        ("state/domain.py", "from state.db import pool", "state.domain imports state.db.pool"),
        ("prompts/llm/a.py", "from state.db import pool", "prompts.llm.a imports state.db.pool"),
        ("prompts/llm/a.py", "from state.store import rules", "prompts.llm.a imports state.store"),
        ("prompts/llm/a.py", "import state", "prompts.llm.a imports state"),
        ("nodes/merge.py", "from workflows.driver import run", "nodes.merge imports workflows"),
        ("workflows/api.py", "import evals", "workflows.api imports evals"),
        ("nodes/a.py", "from . import b", "cycle: "),
        ("nodes/merge.py", "x = 1\n" * 301, "nodes.merge has 301 lines"),
        ("benchmarks/a.py", "x = 1\n" * 301, "benchmarks.a has 301 lines"),
        ("tests/test_a.py", "x = 1\n" * 301, "tests.test_a has 301 lines"),
        ("nodes/a.py", "class B:\n    x = 1", "class B is defined in prompts.fine and nodes.a"),
        ("nodes/utils.py", "", "nodes.utils needs a name"),
        ("docs/a.md", "fine\nas DESIGN §3 says", "docs/a.md:2 cites a document"),
        ("nodes/a.py", '"""One lock (decision 7)."""', "nodes/a.py:1 cites a document"),
        ("README.md", "pip install 'recnet[bench]'", "README.md:1 advises to install"),
    ],
)
def test_a_broken_rule_is_reported(tmp_path: Path, file: str, text: str, expected: str) -> None:
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    for folder in ("state/db", "prompts/llm", "benchmarks", "tests", "docs"):
        (tmp_path / folder).mkdir()
    for beside in ("state/domain.py", "state/db/pool.py", "nodes/merge.py"):
        (tmp_path / beside).touch()
    (tmp_path / "nodes/b.py").write_text("import nodes.a", encoding="utf-8")
    (tmp_path / "prompts/fine.py").write_text(FINE, encoding="utf-8")
    (tmp_path / file).write_text(text, encoding="utf-8")
    faults = (import_faults, file_faults, class_faults, text_faults)
    found = [fault for find_faults in faults for fault in find_faults(tmp_path)]
    assert len(found) == 1
    assert found[0].startswith(expected)
