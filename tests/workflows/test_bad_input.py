"""What is typed wrongly ends in one line that says so, a non-zero exit, and no change at all."""

import asyncio
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner, Result

from evals.cli import app
from state.dataset import Item
from state.db.migrate import SCHEMA
from state.settings import Settings
from tests.support.bad_input import MISTYPED, OTHER_ENCODER, REFUSED, TINY, UNSET, USED
from tests.support.tiny_network import BASKETS, NETWORK_SETTINGS, tiny_dataset
from workflows.recnet import RecNet


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small data set that could be loaded."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "w.item").write_text("item_id:token\ttitle:token_seq\na\tA\nb\tB\n")
    (folder / "w.inter").write_text("user_id:token\titem_id:token\nu\ta\nu\tb\n")
    return folder


@pytest.fixture(scope="module")
def url(server: str, settings: Settings) -> Iterator[str]:
    """Return the URL of a database with the two networks that no case may change."""

    async def make() -> None:
        async with RecNet.open(settings) as recnet:
            await _found(recnet)

    async def drop() -> None:
        async with RecNet.open(settings) as recnet:
            for name in ("tiny", "raw"):
                await recnet.network(name).drop()

    asyncio.run(make())
    yield server
    asyncio.run(drop())


@pytest.fixture(scope="module")
def before(url: str) -> dict[str, object]:
    return kept(url)


async def _found(recnet: RecNet) -> None:
    tiny = tiny_dataset()
    more = tuple(Item(key=f"x{n}", title=f"Untitled {n}") for n in range(4))
    await recnet.load("tiny", tiny.model_copy(update={"items": tiny.items + more}))
    await recnet.load("raw", tiny)
    await recnet.network("tiny").bootstrap(NETWORK_SETTINGS)
    await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1", id=USED)
    await recnet.network("tiny").train(limit=2)


def kept(url: str) -> dict[str, object]:
    """Return the digest of the network and how many rows each table holds.

    Checkpoints are left out: what a stopped run goes on from is no part of a network.
    """
    found: dict[str, object] = {"digest": CliRunner().invoke(app, ["digest", *TINY]).stdout}
    with psycopg.connect(url, options=f"-c search_path={SCHEMA}") as conn:
        tables = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (SCHEMA,))
        for (table,) in tables.fetchall():
            if not table.startswith("checkpoint"):
                count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
                found[table] = conn.execute(count).fetchone()
    return found


def run(words: tuple[str, ...], folder: Path) -> Result:
    typed = [word.replace("FOLDER", str(folder)) for word in words]
    return CliRunner().invoke(app, typed)


def line_of(result: Result) -> str:
    """Return the one line that a refusal says, after the progress bars of what had begun."""
    assert result.exit_code == 1, (result.output, result.exception)
    assert result.stdout == ""
    *bars, line = result.stderr.strip().split("\n")
    assert not any("recnet:" in bar for bar in bars)
    assert line.startswith("recnet: ")
    assert len(line) < 1_100
    return line


@pytest.mark.parametrize(("words", "says"), REFUSED, ids=lambda value: ascii(value)[:80])
def test_what_makes_no_sense_is_one_line_and_changes_nothing(
    url: str, folder: Path, before: dict[str, object], words: tuple[str, ...], says: str
) -> None:
    result = run(words, folder)
    assert re.search(says, line_of(result))
    assert "\n" not in result.stderr.strip()
    assert kept(url) == before


@pytest.mark.parametrize("words", MISTYPED, ids=" ".join)
def test_what_the_parser_refuses_changes_nothing(
    url: str, folder: Path, before: dict[str, object], words: tuple[str, ...]
) -> None:
    result = run(words, folder)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    assert kept(url) == before


@pytest.mark.parametrize(("name", "value"), UNSET)
def test_a_variable_out_of_range_is_named(
    url: str,
    folder: Path,
    before: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(f"RECNET_{name}", value)
        result = run(("train", *TINY), folder)
    assert f"RECNET_{name}" in line_of(result)
    assert value in line_of(result)
    assert kept(url) == before


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "RECNET_BUDGT_CALLS",
            "RECNET_BUDGT_CALLS is not a setting; did you mean RECNET_BUDGET_CALLS?",
        ),
        ("RECNET_XYZZY", "RECNET_XYZZY is not a setting"),
    ],
)
def test_a_variable_of_an_unknown_name_is_refused(
    url: str,
    folder: Path,
    before: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    says: str,
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(name, "sk-secret")
        result = run(("train", *TINY), folder)
    assert line_of(result) == f"recnet: {says}"
    assert kept(url) == before


@pytest.mark.parametrize(
    "words",
    [
        ("bootstrap", *TINY, "--set", "routers=3", "--set", "update_size=5"),
        ("train", *TINY),
        ("interact", "ann", "j2", "m1", *TINY),
        ("recommend", "ann", *TINY),
        ("evaluate", *TINY),
    ],
    ids=lambda words: words[0],
)
def test_another_encoder_is_refused_before_it_is_asked(
    url: str,
    folder: Path,
    before: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as endpoint, monkeypatch.context() as patch:
        patch.setenv("RECNET_EMBEDDING", "openai:text-embedding-3-small")
        patch.setenv("OPENAI_API_KEY", "none")
        patch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{endpoint.getsockname()[1]}/v1")
        result = run(words, folder)
        endpoint.setblocking(False)
        with pytest.raises(BlockingIOError):
            endpoint.accept()
    assert re.search(OTHER_ENCODER, line_of(result))
    assert kept(url) == before


def test_the_data_of_the_cases_is_as_they_say(folder: Path, before: dict[str, object]) -> None:
    """Or every case above could be refused for another reason."""
    assert set(BASKETS) >= {"ann", "bob"}
    assert before["interactions"] == (3,)
    assert run(("load", "FOLDER", "-n", "new"), folder).exit_code == 0
    assert run(("drop", "-n", "new", "--yes"), folder).exit_code == 0
