"""A data set in figures: by hand on a tiny one, and on the sample that was measured."""

import json

import pytest
from typer.testing import CliRunner

from evals.cli import app
from evals.datasets.registry import SAMPLE, read_dataset
from evals.datasets.splits import leave_one_out
from evals.datasets.stats import dataset_stats
from state.dataset import Dataset, Event, Item, Split
from tests.support.paths import CDS


def dataset() -> Dataset:
    baskets = {"u": "abcd", "v": "ba", "w": "d"}
    events = tuple(
        Event(user=user, item=item, split=split)
        for user, basket in baskets.items()
        for item, split in zip(basket, leave_one_out(len(basket)), strict=True)
    )
    titles = {"a": "Blue cup", "b": "Saw", "c": "Rock'n'roll, live", "d": "Tea", "e": ""}
    items = tuple(
        Item(key=key, title=title, category="Kitchen, Tools" if key == "b" else "")
        for key, title in titles.items()
    )
    return Dataset(name="tiny|1", domain="things", items=items, events=events)


def test_figures_by_hand() -> None:
    found = dataset_stats(dataset())
    assert (found.users, found.items, found.taken, found.interactions) == (3, 5, 4, 7)
    assert found.sparsity == pytest.approx(1 - 7 / 15)
    assert found.mean_length == pytest.approx(7 / 3)
    assert (found.shortest, found.longest) == (1, 4)
    assert found.splits == {Split.FIRST: 3, Split.TRAIN: 1, Split.VALID: 1, Split.TEST: 2}
    # Before the validation a, b and d were taken, so c is new; before the test all but e were.
    valid, test = found.unseen[Split.VALID], found.unseen[Split.TEST]
    assert (valid.unseen, valid.targets, valid.share) == (1, 1, 1)
    assert (test.unseen, test.targets, test.share) == (0, 2, 0)
    assert found.title_words == pytest.approx((2 + 1 + 4 + 1 + 0) / 5)
    assert found.category_words == pytest.approx(2 / 5)
    assert found.without_category == 4


def test_dataset_stats_prints_a_table_markdown_or_json() -> None:
    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["dataset", "stats", *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "220" in run(str(SAMPLE))
    table = run(str(SAMPLE), "--markdown").splitlines()
    assert table[:3] == ["| | harbour |", "| --- | --- |", "| users | 40 |"]
    assert all(line.count("|") == 3 for line in table)
    assert "| | tiny\\|1 |" in dataset_stats(dataset()).markdown()
    data = json.loads(run(str(SAMPLE), "--json"))
    assert (data["users"], data["splits"]["train"], data["unseen"]["test"]["targets"]) == (
        40,
        112,
        34,
    )


def test_a_planted_world_is_looked_at_by_its_name() -> None:
    result = CliRunner().invoke(app, ["dataset", "stats", "planted:3:20", "--json"])
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert (data["dataset"], data["users"]) == ("planted-3-20", 20)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nowhere",), "nowhere: no such folder"),
        (("planted:x",), "planted:x: a planted world is planted:SEED or planted:SEED:READERS"),
        (("planted:1:0",), "planted:1:0: users: "),
        (("planted:1", "--split", "time"), "planted:1: a planted world is split by leave-one-out"),
    ],
)
def test_what_is_no_data_set_is_named(words: tuple[str, ...], says: str) -> None:
    result = CliRunner().invoke(app, ["dataset", "stats", *words])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"recnet: {says}")
    assert result.stderr.count("\n") == 1


@pytest.mark.skipif(not CDS.exists(), reason="the shared AgentCF sample is not on this machine")
def test_the_agentcf_sample() -> None:
    found = dataset_stats(read_dataset(CDS))
    assert (found.users, found.items, found.interactions) == (100, 269, 800)
    assert round(found.sparsity, 4) == 0.9703
    assert (found.shortest, found.longest) == (8, 8)
    assert found.unseen[Split.VALID].unseen == 17
    assert found.unseen[Split.TEST].unseen == 13
