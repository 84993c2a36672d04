"""`recnet digest --diff A B` as a person types it: what it prints, its exit codes, its errors."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from state.db.pool import Connection
from state.settings import Settings
from state.store.interactions import write_interaction
from tests.support.commands import run_command
from tests.support.network_changes import lived_in, reward, settled_record
from workflows.commands.console import DIFFERENT
from workflows.recnet import RecNet

DIFF = ("digest", "--diff", "one", "two")

Change = Callable[[Connection, int], Awaitable[None]]
Write = Callable[..., None]


@pytest.fixture
def write(settings: Settings, database: str) -> Write:  # noqa: ARG001 - it empties the database
    """Plant two networks that are the same; what it returns lets changes happen to the second."""

    async def plant() -> None:
        async with RecNet.open(settings) as recnet:
            await lived_in(recnet.resources, "one")
            await recnet.network("one").copy("two")

    async def happen(*changes: Change) -> None:
        async with RecNet.open(settings) as recnet, recnet.resources.pool.connection() as conn:
            network = await recnet.network("two").record()
            for change in changes:
                await change(conn, network.id)

    asyncio.run(plant())
    return lambda *changes: asyncio.run(happen(*changes))


def say(text: str) -> Change:
    """Return the change that makes `text` the first profile of ann."""

    async def change(conn: Connection, network: int) -> None:
        await conn.execute(
            "UPDATE module_versions SET content = %s "
            "WHERE network_id = %s AND module = 'user_profile' AND owner = 1",
            (text, network),
        )

    return change


@pytest.mark.slow
@pytest.mark.usefixtures("write")
def test_the_same_networks_are_one_line() -> None:
    digest = run_command("digest", "--network", "one").stdout.strip()
    assert run_command(*DIFF).stdout == f"'one' and 'two' are the same: {digest}\n"
    assert digest in run_command("digest", "--diff", "one", "one").stdout
    found = json.loads(run_command(*DIFF, "--json").stdout)
    assert found["same"]
    assert found["digests"] == [digest, digest]
    assert (found["first_difference"], found["tables"]) == (None, [])


def test_different_networks_say_where_they_differ(write: Write) -> None:
    async def more(conn: Connection, network: int) -> None:
        await write_interaction(conn, network, settled_record("i:2"))

    async def shaped(conn: Connection, network: int) -> None:
        await conn.execute(
            "UPDATE networks SET settings = settings || '{\"echo\": true}' WHERE id = %s",
            (network,),
        )

    write(reward, more, shaped)
    told = run_command(*DIFF, code=DIFFERENT).stdout
    lines = [line.strip("│├└─ ") for line in told.splitlines()]
    assert lines == [
        "one → two: not the same network",
        "first difference: interaction i:1",
        "interactions: 1 only in two, 1 differs",
        "i:1",
        "reward: 1 → 0",
        "i:2: only in two",
        "settings differ too; the digest leaves them out",
        "echo: false → true",
    ]


def test_the_differences_are_data_for_scripts(write: Write) -> None:
    write(say("x" * 100), reward)
    found = json.loads(run_command(*DIFF, "--json", code=DIFFERENT).stdout)
    assert not found["same"]
    assert found["networks"] == ["one", "two"]
    assert len(set(found["digests"])) == 2
    assert found["first_difference"] == {"kind": "bootstrap", "id": ""}
    assert [table["table"] for table in found["tables"]] == ["module_versions", "interactions"]
    (row,) = found["tables"][0]["rows"]
    assert (row["name"], row["only_in"]) == ("user:ann · 1", None)
    assert row["columns"][0]["second"] == "x" * 100


def test_texts_are_never_markup(write: Write) -> None:
    write(say("[red]x[/red]"))
    told = run_command(*DIFF, code=DIFFERENT).stdout
    assert "first difference: bootstrap" in told
    assert '→ "[red]x[/red]"' in told


def test_long_texts_are_shown_where_they_differ(write: Write) -> None:
    write(say("x"))
    found = json.loads(run_command(*DIFF, "--json", code=DIFFERENT).stdout)
    text = found["tables"][0]["rows"][0]["columns"][0]["first"]
    assert len(text) > 40
    write(say(f"{text}\nAnd [/more]."))
    (line,) = [
        line for line in run_command(*DIFF, code=DIFFERENT).stdout.splitlines() if "content" in line
    ]
    assert line.endswith(f'{text[-8:]}\\nAnd [/more]."')


@pytest.mark.usefixtures("write")
def test_an_unknown_network_is_one_line() -> None:
    for words in (("one", "elsewhere"), ("elsewhere", "one")):
        result = run_command("digest", "--diff", *words, code=1)
        assert result.stderr == "recnet: no network 'elsewhere'; there are: one, two\n"
        assert result.stdout == ""
