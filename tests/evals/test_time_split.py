"""A split at one moment: what the files become, what is left out, and that it is said."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evals.cli import app
from evals.datasets.reader import DataError, LeftOut, ReadOptions
from evals.datasets.registry import SAMPLE, read_dataset, read_with_notes
from evals.datasets.splits import SplitStrategy
from evals.planted.world import World, plant_world
from state.dataset import Split

ITEMS = "item_id:token\ttitle:token_seq\n" + "".join(f"{key}\tTitle {key}\n" for key in "abcdefg")
TIMED = "user_id:token\titem_id:token\ttimestamp:float\n"
UNTIMED = "user_id:token\titem_id:token\nu\ta\nu\tb\n"
SPLIT = "user_id:token\titem_id_list:token_seq\titem_id:token\nu\ta\tb\n"


def world(folder: Path, **files: str) -> Path:
    for ending, content in {"item": ITEMS, **files}.items():
        (folder / f"w.{ending.replace('_', '.')}").write_text(content)
    return folder


def test_events_are_parted_at_one_moment_and_come_in_order_of_time(tmp_path: Path) -> None:
    # Of eleven events three are later than 7. Of u's only the first of them is kept; w came late.
    rows = "u\ta\t1\nu\tb\t2\nu\tc\t3\nv\td\t4\nv\te\t5\nx\ta\t5\nx\tb\t6\nx\tc\t7\n"
    late = "u\td\t8\nw\ta\t9\nu\te\t10\n"
    files = world(tmp_path, inter=TIMED + late + rows)
    found = read_with_notes(files, options=ReadOptions(split=SplitStrategy.TIME))
    dataset, left_out = found.dataset, found.left_out
    assert [(e.user, e.item, e.split.value) for e in dataset.events] == [
        ("u", "a", "first"),
        ("u", "b", "train"),
        ("u", "c", "valid"),
        ("v", "d", "first"),
        ("v", "e", "valid"),
        ("x", "a", "first"),
        ("x", "b", "train"),
        ("x", "c", "valid"),
        ("u", "d", "test"),
    ]
    assert left_out == LeftOut(users=1, events=2)
    assert len(dataset.items) == 7


def test_leave_one_out_stays_what_it_was() -> None:
    found = read_with_notes(SAMPLE)
    assert found.dataset == read_dataset(SAMPLE)
    assert found.left_out == LeftOut(0, 0)


def test_the_sample_is_parted_by_its_own_times() -> None:
    planted = plant_world(World())
    times = {
        (event.user, event.item): time
        for time, event in zip(planted.times, planted.dataset.events, strict=True)
    }
    dataset = read_dataset(SAMPLE, split=SplitStrategy.TIME)
    known = [times[e.user, e.item] for e in dataset.events if e.split is not Split.TEST]
    tests = [times[e.user, e.item] for e in dataset.events if e.split is Split.TEST]
    assert max(known) < min(tests)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"inter": UNTIMED},
            "w.inter: a split in time needs a time column; --time-column names it",
        ),
        ({f"{part}_inter": SPLIT for part in ("train", "valid", "test")}, "have no times"),
        ({"inter": TIMED + "u\ta\t1\nu\tb\t1\n"}, "no event is earlier than the last fifth"),
    ],
    ids=["untimed", "split form", "one moment"],
)
def test_what_has_no_times_is_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(DataError) as error:
        read_dataset(world(tmp_path, **files), split=SplitStrategy.TIME)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    result = CliRunner().invoke(app, ["load", str(tmp_path), "--split", "time"])
    assert result.exit_code == 1
    assert message in result.stderr


@pytest.mark.usefixtures("database")
def test_loading_says_what_is_left_out() -> None:
    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["load", str(SAMPLE), "--split", "time", *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "left out by the split: 10 events, and 0 users" in run("--network", "one")
    found = json.loads(run("--network", "other", "--json"))
    assert (found["events"], found["events_left_out"], found["users_left_out"]) == (210, 10, 0)
