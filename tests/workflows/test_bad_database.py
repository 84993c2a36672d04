"""A database that cannot be used, or stops being so: one line, and the same command goes on."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr
from typer.testing import CliRunner

from evals.cli import app
from state.db.embedded import start_server, stop_server
from state.settings import Settings
from tests.support.paths import ROOT
from tests.support.tiny_network import bootstrap_tiny
from workflows.recnet import RecNet

TRAIN = ("train", "-n", "tiny")
GOES_ON = "no step is half written, so run the same command again"


@pytest.fixture
def owner(server: str) -> Iterator[str]:
    """Return the URL of an empty database as its owner, who is no superuser."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {name} LOGIN".encode())
        conn.execute(f"CREATE DATABASE {name} OWNER {name}".encode())
        yield make_conninfo(server, dbname=name, user=name)
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        conn.execute(f"DROP ROLE {name}".encode())


@pytest.fixture
def extended(server: str, owner: str) -> str:
    """Return the URL of such a database that has pgvector."""
    as_superuser(server, owner, "CREATE EXTENSION vector")
    return owner


def name_of(url: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


def as_superuser(server: str, url: str, statement: str) -> None:
    """Run a statement in the database of `url`; {} in it is the name of database and role."""
    with psycopg.connect(make_conninfo(server, dbname=name_of(url)), autocommit=True) as conn:
        conn.execute(statement.replace("{}", name_of(url)).encode())


def make(url: str) -> None:
    """Found two equal networks in a database: `tiny`, and `other`."""

    async def work() -> None:
        async with RecNet.open(Settings(database_url=SecretStr(url))) as recnet:
            await bootstrap_tiny(recnet)
            await recnet.network("tiny").copy("other")

    asyncio.run(work())


def typed(url: str, *words: str) -> tuple[int, str, str]:
    """Run a command on a database; return its exit code, its output, and the last line it said."""
    result = CliRunner().invoke(app, words, env={"RECNET_DATABASE_URL": url})
    assert result.exception is None or isinstance(result.exception, SystemExit)
    *bars, line = result.stderr.strip().split("\n")
    assert not any("recnet:" in bar for bar in bars)
    return result.exit_code, result.stdout, line


def refusal(url: str, *words: str) -> str:
    """Run a command that cannot be done; return the line it says."""
    code, out, line = typed(url, *words)
    assert (code, out) == (1, "")
    assert line.startswith("recnet: ")
    return line


def digest(url: str, name: str) -> str:
    code, out, _ = typed(url, "digest", "-n", name)
    assert code == 0
    return out


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://me:hunter2@127.0.0.1:1/db", "Connection refused"),
        ("postgresql://me:hunter2@localhost:1/db", "Connection refused"),
        ("postgresql://me:hunter2@nowhere.invalid/db", "failed to resolve host 'nowhere.invalid'"),
        ("postgresql://me:hunter2@127.0.0.1:99999/db", "invalid port number"),
        ("postgresql://me:hunter2@/db?host=/nowhere", "No such file or directory"),
        ("postgresql://me:hunter2@127.0.0.1:1/db?sslmode=perhaps", "sslmode"),
        ("postgresql://me:hunt%er2@127.0.0.1/db", "is not the URL of a PostgreSQL database"),
        ("postgresql://me:hunt@er2@127.0.0.1/db", "in its password write @ as %40, / as %2F"),
        ("postgresql://me:hunt/er2@127.0.0.1/db", "in its password write @ as %40, / as %2F"),
        ("postgresql://me:x?a@hunter2@127.0.0.1/db", "in its password write @ as %40"),
        ("mysql://me:hunter2@127.0.0.1/db", "is not the URL of a PostgreSQL database"),
    ],
)
def test_an_unreachable_server_is_reported_without_the_password(url: str, says: str) -> None:
    for words in (("networks",), TRAIN):
        line = refusal(url, *words)
        assert says in line
        assert "RECNET_DATABASE_URL" in line
        assert line.count("Connection refused") <= 1
        assert not re.search("hunt|er2", line)


def test_a_missing_database_is_named_in_the_error(server: str) -> None:
    line = refusal(make_conninfo(server, dbname="missing"), "networks")
    assert re.search('cannot connect .* database "missing" does not exist; check RECNET_', line)


def test_a_wrong_password_is_reported_without_it(server: str, owner: str) -> None:
    with passwords_asked(server, owner):
        as_superuser(server, owner, "ALTER ROLE {} PASSWORD 'right'")
        line = refusal(make_conninfo(owner, password="hunter2"), "networks")  # noqa: S106
    assert re.search("cannot connect .* password authentication failed .*RECNET_DATABASE_URL", line)
    assert "hunter2" not in line


@contextmanager
def passwords_asked(server: str, url: str) -> Iterator[None]:
    """Let the embedded server, which trusts everybody, ask one role for its password."""
    with psycopg.connect(server, autocommit=True) as conn:
        row = conn.execute("SHOW hba_file").fetchone()
        assert row is not None
        rules = Path(row[0])
        before = rules.read_text()
        try:
            rules.write_text(f"local all {name_of(url)} scram-sha-256\n{before}")
            conn.execute("SELECT pg_reload_conf()")
            wait_until(lambda: "fe_sendauth" in refused(url) or "no password" in refused(url))
            yield
        finally:
            rules.write_text(before)
            conn.execute("SELECT pg_reload_conf()")


def refused(url: str) -> str:
    """Return why a connection is refused, empty where it is not."""
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError as error:
        return str(error)
    return ""


def wait_until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_database_without_pgvector_is_refused_with_advice(owner: str) -> None:
    line = refusal(owner, "networks")
    assert re.search("the database has no pgvector: install it .* CREATE EXTENSION vector", line)


def test_a_role_without_permission_is_told_to_get_it(server: str, extended: str) -> None:
    as_superuser(server, extended, "ALTER DATABASE {} OWNER TO postgres")
    line = refusal(extended, "networks")
    assert re.search("the database refuses: permission denied .*; grant that right", line)


def test_a_read_only_database_is_refused(server: str, extended: str) -> None:
    as_superuser(server, extended, "ALTER DATABASE {} SET default_transaction_read_only = on")
    assert "the database is read-only" in refusal(extended, "networks")


def test_a_database_that_is_newer_than_the_program(server: str, extended: str) -> None:
    make(extended)
    before = digest(extended, "tiny")
    as_superuser(server, extended, "INSERT INTO recnet.migrations VALUES (9999, 'later')")
    for words in (("networks",), TRAIN):
        assert "at migration 9999, this program knows" in refusal(extended, *words)
        assert "use a newer program" in refusal(extended, *words)
    as_superuser(server, extended, "DELETE FROM recnet.migrations WHERE number = 9999")
    assert digest(extended, "tiny") == before


FULL = """
    CREATE FUNCTION recnet.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full';
    END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON recnet.{table}
        FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION recnet.full()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "when"),
    [
        ("module_versions", "true"),
        ("messages", "true"),
        ("interactions", "NEW.id LIKE '%:9'"),
        ("checkpoint_writes", "true"),
    ],
)
def test_a_database_whose_disk_is_full(server: str, extended: str, table: str, when: str) -> None:
    """A trigger stands in for the disk: it raises what the server would, where it would."""
    make(extended)
    typed(extended, "train", "-n", "other")
    full = FULL.replace("{table}", table).replace("{when}", when)
    as_superuser(server, extended, full)
    one_by_one = (*TRAIN, "--concurrency", "1")
    line = refusal(extended, *one_by_one)
    assert line == f"recnet: the database's disk is full: free space on the server; {GOES_ON}"
    before = digest(extended, "tiny")
    assert refusal(extended, *one_by_one) == line
    if table != "checkpoint_writes":  # a run may stop between its commit and its checkpoint
        assert digest(extended, "tiny") == before
    as_superuser(server, extended, f"DROP TRIGGER full_disk ON recnet.{table}")
    assert typed(extended, *TRAIN)[0] == 0
    assert digest(extended, "tiny") == digest(extended, "other")


@pytest.mark.slow
@pytest.mark.parametrize("limit", [0, 1, 2, 6])
def test_a_server_that_allows_few_connections(server: str, extended: str, limit: int) -> None:
    make(extended)
    typed(extended, "train", "-n", "other")
    as_superuser(server, extended, f"ALTER ROLE {{}} CONNECTION LIMIT {limit}")
    for words in (("networks",), TRAIN):
        code, _, line = typed(extended, *words)
        assert code in ((0, 1) if limit else (1,))
        if code:
            assert re.search("has no connection left .*too many connections for role", line)
            assert "RECNET_CONNECTIONS" in line
            assert "CONNECTION LIMIT" in line
    as_superuser(server, extended, "ALTER ROLE {} CONNECTION LIMIT -1")
    assert typed(extended, *TRAIN)[0] == 0
    assert digest(extended, "tiny") == digest(extended, "other")


@pytest.mark.slow
def test_a_server_that_goes_away_while_a_network_is_trained(home: Path) -> None:
    """Whose data folder it is starts it again, and goes on; who may not wait says what to do."""
    url = start_server(home)
    make(url)
    typed(url, "train", "-n", "other")
    code, said = train_and_stop_the_server(home, url, 3, wait="0")
    *bars, line = said.strip().split("\n")
    assert code == 1
    assert line.startswith("recnet: the connection to the database was lost (")
    assert line.endswith(f"): check that the server runs; {GOES_ON}")
    assert len(bars) <= 1
    start_server(home)
    code, said = train_and_stop_the_server(home, url, 4, wait="60")
    assert code == 0, said
    assert "waiting for it, 60 s at most" in said
    assert digest(url, "tiny") == digest(url, "other")


def train_and_stop_the_server(home: Path, url: str, records: int, wait: str) -> tuple[int, str]:
    """Stop the embedded server once so many records are settled; return how training ended."""
    given = {name: value for name, value in os.environ.items() if name != "RECNET_DATABASE_URL"}
    training = subprocess.Popen(  # noqa: S603 - our own command line
        [sys.executable, "-m", "evals.cli", *TRAIN, "--concurrency", "1"],
        cwd=ROOT,
        env={**given, "RECNET_HOME": str(home), "RECNET_DATABASE_WAIT": wait},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with psycopg.connect(url, autocommit=True) as conn:
            wait_until(lambda: settled(conn) >= records)
        assert stop_server(home)
        _, said = training.communicate(timeout=90)
    finally:
        training.kill()  # nothing, where it ended
    return training.returncode, said


def settled(conn: psycopg.Connection) -> int:
    row = conn.execute(
        "SELECT count(*) FROM recnet.interactions i JOIN recnet.networks n ON n.id = i.network_id "
        "WHERE n.name = 'tiny'"
    ).fetchone()
    assert row is not None
    return int(row[0])
