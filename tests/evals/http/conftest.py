"""A test server for one test, and settings by which everything goes through it."""

from collections.abc import Iterator

import psycopg
import pytest

from state.db.migrate import SCHEMA
from state.settings import Settings
from tests.support.http_network import KEY, MODEL, over_http, tiny_digest
from tests.support.model_server.serving import RunningServer, serving


@pytest.fixture
def endpoint() -> Iterator[RunningServer]:
    """Run a server that answers soundly and at once."""
    with serving() as running:
        yield running


@pytest.fixture
def http(settings: Settings, endpoint: RunningServer, database: str) -> Settings:  # noqa: ARG001
    """Return settings that reach models and encoder over HTTP; no reply is kept."""
    return over_http(endpoint, settings)


@pytest.fixture(scope="session")
async def alone(settings: Settings) -> str:
    """Return the digest of the tiny network that was trained without any endpoint."""
    return await tiny_digest(settings)


@pytest.fixture
def typed_http(endpoint: RunningServer, database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let commands reach models and encoder over HTTP; return the database's URL."""
    for name, value in {
        "OPENAI_BASE_URL": endpoint.url,
        "OPENAI_API_KEY": KEY.get_secret_value(),
        "RECNET_MODEL": MODEL,
        "RECNET_EMBEDDING": MODEL,
        "RECNET_RETRY_WAIT": "0.001",
        "RECNET_CACHE": "false",
    }.items():
        monkeypatch.setenv(name, value)
    return database


@pytest.fixture
def no_replies(database: str) -> Iterator[None]:
    """Keep no reply from another test, and leave none."""

    def forget() -> None:
        with psycopg.connect(database, autocommit=True) as conn:
            row = conn.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.replies",)).fetchone()
            if row is not None and row[0] is not None:
                conn.execute(f"DELETE FROM {SCHEMA}.replies".encode())  # noqa: S608 - our name

    forget()
    yield
    forget()
