"""A real PostgreSQL for a whole session, and the open system on it for one test."""

import os
import sys
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest
from hypothesis import HealthCheck
from pydantic import SecretStr

from nodes.resources import Resources, open_resources, serve
from state.dataset import Dataset
from state.db.embedded import start_server
from state.db.migrate import SCHEMA
from state.settings import Settings
from tests.support.home_folder import home_folder
from tests.support.tiny_network import tiny_dataset
from workflows.recnet import RecNet

_EVALS = Path(__file__).parent / "evals"
_CHECKPOINTS = ("checkpoint_writes", "checkpoint_blobs", "checkpoints")
_FOREIGN = ("RECNET_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_", "LANGGRAPH_", "OTEL_", "PG")


_QUICK = hypothesis.settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
hypothesis.settings.register_profile("quick", _QUICK)
hypothesis.settings.register_profile("thorough", _QUICK, max_examples=1_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--thorough`, which repeats more often what is tested by repetition."""
    parser.addoption(
        "--thorough",
        action="store_true",
        help="test properties on 1,000 examples, not 50, and kill and disturb runs more often",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Set how many examples Hypothesis draws; they are the same ones in every session."""
    thorough = config.getoption("thorough")
    hypothesis.settings.load_profile("thorough" if thorough else "quick")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Leave the slow tests and those of `evals` out of the coverage.

    It doubles their time, and the other tests cover as much.
    """
    # pytest-cov's own marker for it does nothing in a process of pytest-xdist.
    tracer, of_threads = sys.gettrace(), threading.gettrace()
    if item.get_closest_marker("slow") or _EVALS in item.path.parents:
        sys.settrace(None)
        threading.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)
        threading.settrace(of_threads)


@pytest.fixture(scope="session")
def thorough(pytestconfig: pytest.Config) -> bool:
    """Return whether the tests were started with `--thorough`."""
    return bool(pytestconfig.getoption("thorough"))


@pytest.fixture(scope="session", autouse=True)
def environment() -> Iterator[Path]:
    """Remove outer settings from the environment, and use a data folder of this session."""
    with home_folder() as home, pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_FOREIGN):
                patch.delenv(name)
        patch.setenv("RECNET_HOME", str(home))
        yield home


@pytest.fixture(scope="session", autouse=True)
def cycles() -> None:
    """Look for cycles as seldom as commands do."""
    # Only here: what is imported with this file is out of the coverage.
    from workflows.commands.console import collect_seldom

    collect_seldom()


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a data folder for a server of one test."""
    with home_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def server(environment: Path) -> str:
    """Run an embedded server for the session and return its URL."""
    url = start_server(environment)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET fsync = off")  # nothing here has to outlive the machine
        conn.execute("SELECT pg_reload_conf()")
    return url


@pytest.fixture(scope="session")
def settings(environment: Path, server: str) -> Settings:
    """Return settings on the session's server: the offline model and encoder."""
    return Settings(home=environment, database_url=SecretStr(server))


@pytest.fixture
def database(server: str) -> Iterator[str]:
    """Return the URL of a database that holds no network, and leave it so."""
    yield server
    with psycopg.connect(server, autocommit=True) as conn:
        row = conn.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.networks",)).fetchone()
        if row is not None and row[0] is not None:
            # For a few rows a delete is several times as fast as truncating forty files.
            for table in ("networks", *_CHECKPOINTS):
                conn.execute(f"DELETE FROM {SCHEMA}.{table}".encode())  # noqa: S608 - our names


@pytest.fixture
async def resources(settings: Settings, database: str) -> AsyncIterator[Resources]:  # noqa: ARG001
    """Return open resources with a fresh budget, on a database that holds no network."""
    async with open_resources(settings) as held:
        with serve(held):  # for tests that call nodes by themselves
            yield held


@pytest.fixture
def recnet(resources: Resources) -> RecNet:
    """Return `RecNet` on an empty database."""
    return RecNet(resources)


@pytest.fixture
def dataset() -> Dataset:
    """Return the tiny data set of `tests.support.tiny_network`."""
    return tiny_dataset()
