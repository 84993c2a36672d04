"""Every snippet of the documentation runs, page by page, from top to bottom.

A shell block is run line by line: `recnet` commands in this process, `export` sets a variable. A
block that needs something that is not here says so in a comment above it.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evals.cli import app
from tests.support.markdown import PAGES, Block, blocks
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

ITEMS = [f"item-{n:02}\tFilm {n}\t{'noir; crime' if n % 2 else 'comedy; music'}" for n in range(30)]
LOADED = Block(
    "sh",
    "recnet load path/to/folder -n films --domain films\nrecnet bootstrap -n films\n"
    "recnet train -n films --limit 3\n",
    skipped=False,
)
"""What comes before a page that looks at a network without loading it."""
USERS = ("ada", "bob", "cy", "dee", "eve")


@pytest.fixture
def workplace(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """Work in a folder that has the data the pages name, on an empty database."""
    folder = tmp_path / "path/to/folder"
    folder.mkdir(parents=True)
    events = [
        f"{user}\titem-{(7 * at + n) % 30:02}\t{1000 + 10 * at + n}"
        for at in range(6)
        for n, user in enumerate(USERS)
    ]
    header = "item_id:token\ttitle:token_seq\tcategory:token_seq"
    (folder / "films.item").write_text("\n".join([header, *ITEMS]) + "\n")
    header = "user_id:token\titem_id:token\ttimestamp:float"
    (folder / "films.inter").write_text("\n".join([header, *events]) + "\n")
    (tmp_path / "evals").symlink_to(ROOT / "evals")
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path)
        patch.setenv("RECNET_DATABASE_URL", database)
        yield patch


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_snippets_of_a_page_run(page: Path, workplace: pytest.MonkeyPatch) -> None:
    found = [block for block in blocks(page) if not block.skipped]
    text = "".join(block.text for block in found)
    if "--network films" in text and "recnet load" not in text:
        found.insert(0, LOADED)
    for block in found:
        if block.language == "python":
            _run_python(block)
        elif block.language == "sh":
            _run_shell(block, workplace)


def _run_python(block: Block) -> None:
    exec(compile(block.text, "snippet", "exec"), {"__name__": "snippet"})  # noqa: S102


def _run_shell(block: Block, patch: pytest.MonkeyPatch) -> None:
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        for command in _split(words):
            if command[0] == "export":
                for pair in command[1:]:
                    patch.setenv(*pair.split("=", 1))
            elif command[0] == "make":
                assert re.search(rf"^{command[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
            elif command[0] == "recnet":
                result = CliRunner().invoke(app, command[1:])
                assert result.exit_code == 0, f"{line}\n{result.output}"
            else:
                assert command[0] == "source", line


def _split(words: list[str]) -> Iterator[list[str]]:
    """Yield the commands of a line."""
    command: list[str] = []
    for word in [*words, "&&"]:
        if word != "&&":
            command.append(word)
        elif command:
            yield command
            command = []
