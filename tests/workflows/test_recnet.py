"""The Python API: one handle a network, and several open databases that never mix."""

import asyncio
import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from textwrap import dedent

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

import workflows
from nodes.resources import resources
from state.dataset import Dataset, Item
from state.errors import InputError, NetworkError
from state.settings import Settings
from tests.support.database_rows import rows
from tests.support.tiny_network import NETWORK_SETTINGS, tiny_dataset
from workflows import Network, RecNet

NetworkChange = Callable[[Network], Awaitable[object]]


async def copy_and_drop(films: Network) -> None:
    copy = await films.copy("copy", update_size=7)
    await copy.train(limit=1)
    await copy.drop()


STEPS: dict[str, NetworkChange] = {
    "bootstrap": lambda films: films.bootstrap(NETWORK_SETTINGS),
    "train": lambda films: films.train(limit=4),
    "interact": lambda films: films.interact("ann", "j3", "m1", id="a"),
    "retry": lambda films: films.retry(),
    "update_routers": lambda films: films.update_routers(),
    "recommend": lambda films: films.recommend("ann", count=3),
    "edit": lambda films: films.edit("user:ann", "Likes accordions."),
    "rollback": lambda films: films.rollback("user:ann", 1),
    "pin": lambda films: films.pin("router:1"),
    "unpin": lambda films: films.unpin("router:1"),
    "copy": copy_and_drop,
    "evaluate": lambda films: films.evaluate("test", draws=[0]),
    "trace": lambda films: films.trace("a"),
    "show": lambda films: films.show(),
    "client": lambda films: films.client("user", "ann"),
    "router": lambda films: films.router(1),
    "interactions": lambda films: films.interactions("ann"),
    "module": lambda films: films.module("rules:user:ann"),
    "usage": lambda films: films.usage(),
}


@pytest.fixture
def second_database(server: str) -> Iterator[str]:
    """Return the URL of an empty database beside the one of the session."""
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute("CREATE DATABASE second")
        yield make_conninfo(server, dbname="second")
        conn.execute("DROP DATABASE second WITH (FORCE)")


def films_dataset() -> Dataset:
    """Return the tiny data set with enough other items for nine negatives a user."""
    more = tuple(Item(key=f"p{n}", title=f"Pop {n}", category="Pop") for n in range(3))
    tiny = tiny_dataset()
    return tiny.model_copy(update={"items": (*tiny.items, *more)})


async def content(films: Network) -> tuple[object, ...]:
    """Return what a step in another database must not change."""
    app = RecNet(films.resources)
    names = [network.name for network in await app.networks()]
    calls = await rows(app, "SELECT count(*) AS calls FROM usage")
    return await films.digest(), names, calls


async def test_two_open_databases_never_mix(
    settings: Settings, database: str, second_database: str
) -> None:
    other_settings = settings.model_copy(update={"database_url": SecretStr(second_database)})
    assert settings.database_url == SecretStr(database)
    async with RecNet.open(settings) as first, RecNet.open(other_settings) as second:
        with pytest.raises(RuntimeError, match="no resources are open"):
            resources()  # nothing is served, as the fixtures of other tests do
        films = [await app.load("films", films_dataset()) for app in (first, second)]
        for name, step in STEPS.items():
            for mine, other in (films, films[::-1]):
                before = await content(other)
                await step(mine)
                assert await content(other) == before, name
        await asyncio.gather(*(one.train(limit=2) for one in films))
        assert await films[0].digest() == await films[1].digest()
        assert await films[0].show() == await films[1].show()
        await films[0].drop()
        assert (await films[1].show()).interactions == 7


async def test_a_handle_of_no_network_says_which_there_are(recnet: RecNet) -> None:
    await recnet.load("films", tiny_dataset())
    handle = recnet.network("movies")
    for step in (handle.record, handle.train, handle.drop, handle.digest, handle.show):
        with pytest.raises(NetworkError, match="no network 'movies'; there are: films"):
            await step()
    assert repr(await recnet.networks()) == "[Network('films')]"


async def test_a_bootstrap_without_settings_keeps_those_it_has(recnet: RecNet) -> None:
    films = await recnet.load("films", tiny_dataset())
    await films.bootstrap(NETWORK_SETTINGS)
    await films.bootstrap()
    assert (await films.record()).settings == NETWORK_SETTINGS


async def test_usage_of_an_unknown_run_is_refused(recnet: RecNet) -> None:
    films = await recnet.load("films", tiny_dataset())
    with pytest.raises(InputError, match="run 9 made no calls for network 'films'"):
        await films.usage(run=9)


async def test_without_an_evaluator_evaluate_says_how_to_install_one(
    recnet: RecNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.network.entry_points", lambda **_: ())
    with pytest.raises(InputError, match="no evaluator is installed"):
        await recnet.network("films").evaluate()
    (found,) = importlib.metadata.entry_points(group="recnet.evaluators")
    assert found.value == "evals.evaluation:evaluate_network"


def test_the_package_exports_nothing_else() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = workflows.Nothing


@pytest.mark.slow
@pytest.mark.usefixtures("database")
def test_the_example_of_the_package_runs(settings: Settings) -> None:
    assert workflows.__doc__ is not None
    _, _, example = workflows.__doc__.partition("\n\n")
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    ran = subprocess.run(  # noqa: S603 - our own example
        [sys.executable, "-c", dedent(example)],
        env=os.environ | {"RECNET_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.startswith("10 records, mean reward "), ran.stderr
