"""A table never stands without its lines, its intervals and what made it."""

import io
import json

import pytest
from rich.console import Console

from evals.candidates import Negatives
from evals.ranking import RankingResult
from evals.tables import Provenance, make_tables
from state.dataset import Split


def result(
    ranker: str, *ranks: int, kind: Negatives = Negatives.SAMPLED, left_out: int = 0
) -> RankingResult:
    return RankingResult(
        ranker=ranker,
        split=Split.TEST,
        negatives=kind,
        size=10,
        ranks={f"u{at}": (rank, rank) for at, rank in enumerate(ranks)},
        left_out=tuple(f"out{at}" for at in range(left_out)),
        seconds=1.5,
    )


MADE = Provenance(
    dataset="a|b", model="offline", encoder="hashed", training_seeds=(0, 1, 2), calls=1234, tokens=9
)
TFIDF = result("TF-IDF", 1, 3, 7, 10)
OURS = result("RecNet", 1, 1, 3, 7)


def test_rows_lines_and_figures() -> None:
    (table,) = make_tables([TFIDF, OURS], MADE)
    assert [row.name for row in table.rows] == [
        "floor",
        "random order (expected)",
        "TF-IDF",
        "RecNet",
    ]
    means = [[round(figure.mean, 3) for figure in row.figures] for row in table.rows]
    assert means[:2] == [[0, 0, 0.289], [0.1, 0.295, 0.454]]
    assert means[2:] == [[0.25, 0.375, 0.531], [0.5, 0.625, 0.708]]
    assert [row.figures[0].interval is None for row in table.rows] == [True, True, False, False]
    pair = table.rows[3].comparison
    assert pair is not None
    assert (pair.users, round(pair.difference, 3)) == (4, 0.178)
    assert table.rows[2].comparison is None


def test_the_caption_says_what_made_it_and_what_it_can_resolve() -> None:
    (table,) = make_tables([TFIDF, OURS], MADE)
    lines, users, made, least = table.caption
    assert lines.startswith("floor: the target always last")
    assert users.startswith("4 users; candidate draws 0, 1, 2 of seed 0; 95% bootstrap")
    assert made == (
        "model offline, encoder hashed, training seeds 0, 1, 2; "
        "1,234 calls, 9 estimated tokens, 3.0 s of ranking"
    )
    pair = table.rows[3].comparison
    assert pair is not None
    assert least == (
        "the smallest true difference from TF-IDF in NDCG@10 that 4 users resolve (80% power, "
        f"5% two-sided, a single comparison before any correction): {pair.smallest:.3f} (RecNet)"
    )


def test_sampled_and_matched_stand_in_a_table_each() -> None:
    matched = result("TF-IDF", 2, 2, kind=Negatives.MATCHED, left_out=2)
    first, second = make_tables([TFIDF, matched, OURS], MADE)
    assert (first.negatives, len(first.rows)) == (Negatives.SAMPLED, 4)
    assert (second.negatives, len(second.rows), second.left_out) == (Negatives.MATCHED, 3, 2)
    assert second.caption[1].startswith("2 users, 2 left out for want of negatives;")
    assert "no difference can be resolved" in second.caption[3]


def test_without_the_baseline_the_first_ranker_is_compared_with() -> None:
    (table,) = make_tables([OURS, result("Other", 2, 2, 2, 2)], MADE)
    assert table.baseline == "RecNet"


def test_one_user_has_a_mean_and_no_interval() -> None:
    (table,) = make_tables([result("TF-IDF", 1), result("RecNet", 2)], MADE)
    assert table.rows[3].figures[0].interval is None
    assert table.rows[3].comparison is None


def test_rankers_of_one_table_rank_for_the_same_users() -> None:
    with pytest.raises(ValueError, match="the same tasks"):
        make_tables([TFIDF, result("RecNet", 1, 2)], MADE)


def test_a_table_is_printed_as_text_or_json() -> None:
    (table,) = make_tables([TFIDF, OURS], MADE)
    console = Console(file=io.StringIO(), width=100)
    console.print(table.rich())
    assert isinstance(console.file, io.StringIO)
    seen = console.file.getvalue()
    for text in ("NDCG@10", "0.454", "RecNet", "0.708", "+0.178", "p = 0.", "1,234 calls"):
        assert text in seen
    markdown = table.markdown()
    assert markdown.startswith("**a|b, test, sampled negatives: uniform, as in the paper**\n\n|  |")
    assert len({line.count("|") for line in markdown.splitlines() if line.startswith("|")}) == 1
    assert "| random order (expected) | 0.100 | 0.295 | 0.454 | |" in markdown.replace("  ", " ")
    data = json.loads(table.model_dump_json())
    assert data["rows"][1]["figures"][0] == {"k": 1, "mean": 0.1, "interval": None}
    assert data["provenance"]["training_seeds"] == [0, 1, 2]
