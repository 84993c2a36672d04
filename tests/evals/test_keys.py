"""No key appears anywhere: not in logs, output, errors, traces or the database, whoever echoes it.

One long run over real HTTP: soundly, with faults, with an endpoint that refuses the key and quotes
it, and with one that says it in its replies. Then everything that was written is looked through.
"""

import asyncio
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from itertools import count, product
from typing import Any

import psycopg
import pytest
from langchain_core.tracers.context import collect_runs
from psycopg import sql
from typer.testing import CliRunner

import tests.support.model_server.server
from evals.cli import app
from state.dataset import Dataset, Item
from state.db.migrate import SCHEMA
from tests.support.model_server.answers import PreparedAnswer, answer_chat
from tests.support.model_server.faults import Fault
from tests.support.model_server.protocol import Body
from tests.support.model_server.serving import RunningServer, serving
from tests.support.model_server.settings import ModelServerSettings
from tests.support.tiny_network import tiny_dataset
from workflows.recnet import RecNet

pytestmark = pytest.mark.slow

KEYS = {
    "the models' key": "sk-proj-Vq3Zt8LmX0aRkW7uYbN2",
    "the encoder's key": "HwJ5cD9eS1oTgP4fKxQ6iM8n",
    "a header's key": "Bz7yUr2Gj0EaLp5sCk9vFtXd",
    "a wrong key": "sk-Wn4hOq6mIb1xTf8zDe3gRu",
}
MODEL, ENCODER, HEADER, WRONG = KEYS.values()
TOLD = 12
"""Characters of a key that are as good as the key."""
PHASES = ("plain", "faults", "refused", "echo")
PLACES = ("logs", "printed", "errors", "traces", "database")
Written = dict[tuple[str, str], str]
"""What was written, by phase and place."""

_SPOKEN = frozenset({"profile", "profiles", "reason", "suggestion", "rules", "attributes"})
"""Fields that hold what a model has to say, and no name that was given to it."""


def echo(value: Any, said: str, name: str = "") -> Any:  # noqa: ANN401 - any JSON
    """Return a reply in which every text that is free says `said` too."""
    match value:
        case dict():
            return {key: echo(held, said, key) for key, held in value.items()}
        case list():
            return [echo(held, said, name) for held in value]
        case str() if name in _SPOKEN:
            return f"{value} {said}"
    return value


def echoing(answering: Callable[[Body, ModelServerSettings], PreparedAnswer]) -> Any:  # noqa: ANN401
    """Let a server say the models' key, in every text, in thoughts, and in refusals."""
    place = count()

    def spoil(body: Body) -> Body:
        message = body["choices"][0]["message"]
        match next(place) % 5:
            case 0:
                message["refusal"] = f"I was given {MODEL}."
            case 1:
                message["content"] = f"The key is {MODEL}."
            case _:
                said = json.dumps(echo(json.loads(message["content"]), MODEL))
                message["content"] = f"<think>I was given {MODEL}.</think>{said}"
                message["reasoning_content"] = f"The key is {MODEL}."
        return body

    def answer(body: Body, settings: ModelServerSettings) -> PreparedAnswer:
        found = answering(body, settings)
        if body["model"] != "echo":
            return found
        return replace(found, write=lambda fault: spoil(found.write(fault)))

    return answer


def catalogue() -> Dataset:
    """Return the tiny data set with enough items to rank nine beside each target."""
    dataset = tiny_dataset()
    more = tuple(Item(key=f"x{n}", title=f"Untitled {n}", category="Opera") for n in range(4))
    return dataset.model_copy(update={"items": (*dataset.items, *more)})


@contextmanager
def everything_logged() -> Iterator[StringIO]:
    """Collect what any logger says, at the lowest level, with the traces of exceptions."""
    root, said = logging.getLogger(), StringIO()
    handler, level = logging.StreamHandler(said), root.level
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield said
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def stored(url: str) -> str:
    """Return every row of every table of ours as text."""
    said = []
    with psycopg.connect(url) as conn:
        tables = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (SCHEMA,))
        for (table,) in tables.fetchall():
            rows = conn.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(SCHEMA, table)))
            for row in rows:
                values = (v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in row)
                said.append(f"{table}: {' | '.join(values)}")
    return "\n".join(said)


def commands(network: str) -> list[list[str]]:
    """Return what a person does with a network; a retry follows where replies stay bad."""
    lines = (
        "bootstrap --set routers=3 --set update_size=5",
        "train --limit 5",
        "retry",
        "interact ann j3 m1 --id order",
        "trace order --json",
        "recommend ann m4 j4",
        "evaluate --draws 1",
        "show interactions",
        "show user ann",
        "usage",
    )
    return [[*line.split(), "--network", network] for line in lines]


def live(phase: str, url: str, written: Written) -> None:
    """Do everything once, and add what was written."""
    with everything_logged() as logged, collect_runs() as traced:
        results = [CliRunner().invoke(app, words) for words in commands(phase)]
        errors = [asyncio.run(error_of(phase)), *(result.exception for result in results)]
    found = {
        "logs": logged.getvalue(),
        "printed": "\n".join(result.output + result.stderr for result in results),
        "errors": "".join(line for e in errors if e for line in traceback.format_exception(e)),
        "traces": json.dumps([run.model_dump() for run in traced.traced_runs], default=repr),
        "database": stored(url),
    }
    for place, text in found.items():
        written[phase, place] = written.get((phase, place), "") + text


async def error_of(network: str) -> Exception | None:
    """Return what a program catches where it uses the system without the command line."""
    try:
        async with RecNet.open() as recnet:
            await recnet.network(network).interact(user="bob", positive="j1", negative="m2")
            await recnet.network(network).recommend("bob", ["j1", "m1"])
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error
    return None


@pytest.fixture
def written(server: str) -> Iterator[Written]:
    """Run all phases, and return what they have written."""
    found: Written = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tests.support.model_server.server, "answer_chat", echoing(answer_chat))
        with serving(ModelServerSettings(key=MODEL)) as models, serving() as encoders:
            encoders.settings = ModelServerSettings(key=ENCODER)
            options = {"default_headers": {"X-Key": HEADER}}
            for name, value in {
                "OPENAI_BASE_URL": models.url,
                "OPENAI_API_KEY": MODEL,
                "RECNET_MODEL_OPTIONS": json.dumps(options),
                "RECNET_EMBEDDING": "openai:encoder",
                "RECNET_EMBEDDING_BASE_URL": encoders.url,
                "RECNET_EMBEDDING_API_KEY": ENCODER,
                "RECNET_DATABASE_URL": server,
                "RECNET_RETRY_WAIT": "0",
                "RECNET_REPLY_ATTEMPTS": "5",
            }.items():
                patch.setenv(name, value)
            for phase in PHASES:
                set_up(phase, models, patch)
                asyncio.run(load(phase))
                if phase == "refused":
                    CliRunner().invoke(app, commands(phase)[0])
                    for name in ("OPENAI_API_KEY", "RECNET_EMBEDDING_API_KEY"):
                        with pytest.MonkeyPatch.context() as wrong:
                            wrong.setenv(name, WRONG)
                            live(phase, server, found)
                else:
                    live(phase, server, found)
    yield found
    with psycopg.connect(server, autocommit=True) as conn:
        for table in ("networks", "runs", "replies", "checkpoint_writes", "checkpoint_blobs",
                      "checkpoints"):  # fmt: skip
            conn.execute(f"DELETE FROM {SCHEMA}.{table}".encode())  # noqa: S608 - our names


def set_up(phase: str, models: RunningServer, patch: pytest.MonkeyPatch) -> None:
    """Let the endpoint behave as the phase has it; a model of its own finds no kept reply."""
    patch.setenv("RECNET_MODEL", f"openai:{phase}")
    quick = frozenset(Fault) - {Fault.HANG}
    share = 0.3 if phase == "faults" else 0.0
    models.settings = ModelServerSettings(key=MODEL, faults=share, kinds=quick)


async def load(name: str) -> None:
    async with RecNet.open() as recnet:
        await recnet.load(name, catalogue())


def leaks(text: str) -> list[str]:
    """Return where a key is told, in its surroundings."""
    found = []
    for name, key in KEYS.items():
        for start in range(len(key) - TOLD + 1):
            at = text.find(key[start : start + TOLD])
            if at >= 0:
                found.append(f"{name}: …{text[max(at - 100, 0) : at + 40]}…")
                break
    return found


def test_no_key_is_told(written: Written) -> None:
    """One test, or several processes would each write all of it."""
    assert written.keys() == set(product(PHASES, PLACES))
    assert {place: told for place, text in written.items() if (told := leaks(text))} == {}
    # Nothing would be found where nothing was written, or looked for.
    for phase in PHASES:
        assert "HTTP Request" in written[phase, "logs"]
        assert "openai:encoder" in written[phase, "database"]
        assert "serialized" in written[phase, "traces"]
    assert "NDCG" in written["plain", "printed"]
    assert "the endpoint refused the key" in written["refused", "printed"]
    assert "the endpoint refused the key" in written["refused", "errors"]
    assert "***" in written["echo", "database"]
    assert leaks(f"something {MODEL[3:16]} else")
