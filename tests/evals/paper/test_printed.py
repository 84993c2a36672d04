"""Figures that others printed: read, held against the rows of a table, and marked."""

from pathlib import Path

import pytest

from evals.paper.design import DESIGNS
from evals.paper.experiment import row_names
from evals.paper.printed import read_printed, require_rows, with_printed
from state.errors import InputError


def test_figures_are_read_by_row(tmp_path: Path) -> None:
    file = tmp_path / "paper.csv"
    file.write_text('name,page,NDCG@10\nRecNet,7,0.612\n"w/o CPR",7,0.5\n')
    printed = read_printed(file)
    assert printed == {"RecNet": 0.612, "w/o CPR": 0.5}
    require_rows(printed, row_names(DESIGNS["table3"]))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,NDCG@5\nRecNet,0.5\n", "has to name the columns name,NDCG@10"),
        ("", "has to name the columns name,NDCG@10"),
        ("name,NDCG@10\nRecNet,61.2\n", "line 2: NDCG@10 is a number from 0 to 1, not '61.2'"),
        ("name,NDCG@10\nRecNet\n", "line 2: NDCG@10 is a number from 0 to 1, not None"),
        ("name,NDCG@10\nRecNet,nan\n", "line 2: NDCG@10 is a number from 0 to 1, not 'nan'"),
    ],
)
def test_what_is_no_figure_is_refused(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "paper.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=r"paper\.csv") as refused:
        read_printed(file)
    assert says in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_printed(tmp_path / "none.csv")


def test_a_name_that_is_no_row_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        InputError, match="'SASRec' is not a row of this table; its rows are Random"
    ):
        require_rows(["SASRec"], row_names(DESIGNS["table2"]))


def test_printed_figures_stand_in_a_column_named_not_comparable() -> None:
    rows = [["", "NDCG@10"], ["Random", "0.454"], ["RecNet", "0.500"]]
    assert with_printed(rows, {}) == rows
    assert with_printed(rows, {"RecNet": 0.61}) == [
        ["", "NDCG@10", "printed elsewhere, not comparable"],
        ["Random", "0.454", ""],
        ["RecNet", "0.500", "0.610"],
    ]


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "paper.csv"
    file.write_bytes(b"name,NDCG@10\n\xff\xfe,0.5\n")
    with pytest.raises(InputError, match="is not a CSV file"):
        read_printed(file)
