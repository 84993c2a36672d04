"""Markup never becomes part of a title or category, and what is no markup stays."""

import pytest

from evals.datasets.text import plain_list, plain_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Tom Petty &amp; The Heartbreakers", "Tom Petty & The Heartbreakers"),
        ("R&amp;amp;B", "R&B"),
        ("<b>Rock</b>'n'<i class='x'>roll</i>", "Rock'n'roll"),
        ("One<br/>Two<p>Three</p>", "One Two Three"),
        ("&lt;b&gt;Bold&lt;/b&gt;", "Bold"),
        ("<![CDATA[Hot <br> stuff]]>", "Hot stuff"),
        ("<script>alert(1 < 2)</script>Song", "Song"),
        ("<style>.a{}</style>Song<!-- of 1999 -->", "Song"),
        ('<span id="parentalAdvisory" class="a-size-medium a-text-normal"', ""),
        ("Song <div", "Song"),
        ("var aPageStart = (new Date()).getTime();\nvar ue_t0=ue_t0||+new Date();", ""),
        ("I <3 you", "I <3 you"),
        ("a < b > c", "a < b > c"),
        ("<untitled>", "<untitled>"),
        ("[REC]", "[REC]"),
        ("Cognitive function (3rd edition)", "Cognitive function (3rd edition)"),
        ("Usual Suspects, The (1995)", "Usual Suspects, The (1995)"),
        ("$9.99", "$9.99"),  # a film of 2008
        (1984, "1984"),
        (None, ""),
        (float("nan"), ""),
        ("  two\n lines ", "two lines"),
    ],
)
def test_a_title_is_plain(value: object, text: str) -> None:
    assert plain_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([["CDs & Vinyl", "Rock"], ["CDs & Vinyl", "Pop"]], "CDs & Vinyl; Rock; Pop"),
        (["Musical Instruments", "Guitars &amp; Basses", "</span></span>"],
         "Musical Instruments; Guitars & Basses"),
        ("Adventure|Animation|Children", "Adventure; Animation; Children"),
        ("Crime | Drama", "Crime; Drama"),
        ("(no genres listed)", ""),
        ("['Action', 'Indie']", "Action; Indie"),
        ("[{'id': 16, 'name': 'Animation'}, {'id': 35, 'name': 'Comedy'}]", "Animation; Comedy"),
        ("[broken", "[broken"),
        ("R&B; Soul", "R&B; Soul"),
        ([], ""),
        ([None, ""], ""),
    ],
)  # fmt: skip
def test_a_category_is_plain(value: object, text: str) -> None:
    assert plain_list(value) == text
