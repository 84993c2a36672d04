"""What `load` and `dataset stats` say about what they read, and that they say the same."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evals.cli import app
from evals.commands.reading import HELP
from evals.datasets.reader import ReadOptions
from tests.support.commands import run_command, run_json
from tests.support.movielens_files import FILMS, RATINGS, USERS, write_100k

ROWS = "user_id,item_id,title,stars\n" + "".join(
    f"{user},{item},Title {item},{user * item % 5 + 1}\n" for user in range(4) for item in range(9)
)


@pytest.fixture
def views(tmp_path: Path) -> str:
    path = tmp_path / "views.csv"
    path.write_text(f"{ROWS}9,1,Title 1,5\n")
    return str(path)


def test_every_option_of_reading_has_its_line_of_help() -> None:
    assert set(ReadOptions.__dataclass_fields__) - {"name"} == set(HELP) - {"file_format"}


@pytest.mark.usefixtures("database")
def test_both_commands_say_the_same(views: str) -> None:
    options = (views, "--min-rating", "2", "--k-core", "3", "--catalogue", "whole")
    said = [
        "read as table: views.csv",
        "columns: user = user_id, item = item_id, rating = stars, title = title",
        "events dropped: 15 rated below 2 or not at all, 1 outside the 3-core",
        "items: 2 of 9 without an event; --catalogue used leaves them out",
        "warning: no time column: file order is taken; --time-column names one",
    ]
    assert run_json("dataset", "stats", *options)["notes"] == said
    assert run_json("load", *options, "--network", "one")["notes"] == said
    lines = run_command("load", *options, "--network", "two").stdout.splitlines()
    assert lines[:5] == said
    assert lines[5].startswith("network 'two': ")
    assert run_command("dataset", "stats", *options).stdout.splitlines()[-5:] == said
    markdown = CliRunner().invoke(app, ["dataset", "stats", *options, "--markdown"])
    assert markdown.stderr.splitlines() == said
    assert markdown.stdout.splitlines()[-1].startswith("| words per category")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--time-column", "when"), "views.csv: no column 'when' as --time-column says; it has: "),
        (("--min-rating", "9"), "views.csv: no event is left; dropped were 37 rated below 9"),
        (("--sample-users", "9"), "--sample-users 9: only 5 users can be drawn"),
        (("--items", "gone.csv"), "gone.csv: cannot be read: No such file or directory"),
        (("--format", "excel"), "format 'excel' is unknown; known are planted, movielens, "),
        (("--format", "amazon"), "views.csv: not amazon, which is a file of reviews and one of"),
        (("--domain", " "), "--domain is empty"),
    ],
)
@pytest.mark.parametrize("command", [("load",), ("dataset", "stats")])
def test_what_cannot_be_read_is_one_line(
    views: str, command: tuple[str, ...], words: tuple[str, ...], says: str
) -> None:
    result = run_command(*command, views, *words, code=1)
    assert result.stdout == ""
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_users_with_one_event_each_make_no_network(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("user_id,item_id,title\nu,1,One\nv,1,One\n")
    assert "no user has two events" in run_command("load", str(path), code=1).stderr


@pytest.mark.usefixtures("database")
def test_movielens_is_loaded_as_it_is_downloaded(tmp_path: Path) -> None:
    path = write_100k(tmp_path, archive=True)
    loaded = json.loads(
        run_command("load", str(path), "--network", "ml", "--domain", "films", "--json").stdout
    )
    assert (loaded["users"], loaded["items"], loaded["events"]) == (USERS, FILMS, RATINGS)
    assert loaded["notes"][0] == "read as movielens: u.data and u.item"
