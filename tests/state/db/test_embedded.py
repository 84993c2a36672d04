"""The embedded server: started where it does not run, and stopped on request."""

from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from state.db.embedded import database_url, server_runs, start_server, stop_server
from state.errors import DatabaseError
from state.settings import Settings


def test_a_server_of_ones_own_is_used_as_it_is(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=SecretStr("postgresql://elsewhere/db"))
    assert database_url(settings) == "postgresql://elsewhere/db"
    assert list(tmp_path.iterdir()) == []


def test_the_embedded_server_runs_until_it_is_stopped_and_starts_again(home: Path) -> None:
    assert (server_runs(home), stop_server(home)) == (False, False)
    url = database_url(Settings(home=home))
    assert server_runs(home)
    assert start_server(home) == url
    with psycopg.connect(url) as conn:
        conn.execute("CREATE TABLE kept ()")
    assert stop_server(home)
    assert not server_runs(home)
    with psycopg.connect(start_server(home)) as conn:  # by the same process
        conn.execute("TABLE kept")


@pytest.mark.parametrize("left", ["", "no number\n", "999999999\n/data\n"])
def test_a_file_that_a_dead_server_left_is_no_server(tmp_path: Path, left: str) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "postmaster.pid").write_text(left)
    assert not server_runs(tmp_path)
    assert not stop_server(tmp_path)


def test_a_server_that_the_system_does_not_let_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("a file where the data should be")
    why = rf"does not start \(.*: '{tmp_path}/postgres'\); set RECNET_DATABASE_URL"
    with pytest.raises(DatabaseError, match=why):
        start_server(tmp_path)


def test_a_server_that_gives_up_is_named_with_its_log_which_is_not_poured_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")
    with pytest.raises(DatabaseError, match=r"does not start .*; see .*/log, or set "):
        start_server(tmp_path)
    assert caplog.records == []


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match=r"file/home cannot be used .* set RECNET_HOME"):
        start_server(tmp_path / "file" / "home")
