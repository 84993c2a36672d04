"""How the offline model chooses between items: predict and rank."""

import random

import pytest

from prompts.offline.ranking import predict, rank
from prompts.predict import Option, PredictFields
from prompts.rank import RankFields

USER = """A person who enjoys CDs.
Enjoys: folk rock; laurel canyon.
Lately hears of: pedal steel.
Avoids: death metal."""


def _option(name: str, title: str, about: str, takers: str = "") -> Option:
    learned = f"\nTaken by people who like: {takers}." if takers else ""
    return Option(name=name, title=title, profile=f'"{title}"\nAbout: {about}.{learned}')


def _choice(user: str, a: Option, b: Option) -> str:
    return predict(PredictFields(user=user, options=(a, b))).choice


def _ranking(user: str, *options: Option) -> list[str]:
    return [r.name for r in rank(RankFields(user=user, candidates=options)).ranking]


def test_the_item_that_fits_is_named_with_its_reason() -> None:
    folk, polka = _option("A", "Blue", "Folk Rock"), _option("B", "Party", "Polka")
    reply = predict(PredictFields(user=USER, options=(folk, polka)))
    assert reply.choice == "A"
    assert reply.reason == "The profile speaks for it: folk rock."


def test_enjoyed_counts_more_than_heard_and_avoided_counts_against() -> None:
    folk, steel = _option("A", "One", "Folk Rock"), _option("B", "Two", "Pedal Steel")
    assert _choice(USER, folk, steel) == "A"
    assert _choice(USER, _option("A", "One", "Death Metal"), _option("B", "Two", "Polka")) == "B"


def test_what_both_share_decides_nothing() -> None:
    one = _option("A", "One", "Folk Rock; Polka")
    two = _option("B", "Two", "Folk Rock; Pedal Steel")
    assert _choice(USER, one, two) == "B"


def test_the_tastes_of_those_who_took_an_item_count() -> None:
    one = _option("A", "One", "Vinyl", "accordion; polka")
    two = _option("B", "Two", "Shellac", "laurel canyon; banjo")
    assert _choice(USER, one, two) == "B"


def test_the_order_of_the_options_means_nothing() -> None:
    options = [
        _option(f"item {n}", f"T{n}", t) for n, t in enumerate(("Folk Rock", "Polka", "Ska"))
    ]
    unknown = [_option(f"item {n}", f"Title {n}x", "nothing known") for n in range(3, 9)]
    orders = []
    for seed in range(5):
        shuffled = [*options, *unknown]
        random.Random(seed).shuffle(shuffled)  # noqa: S311 - a draw to test with
        orders.append(_ranking(USER, *shuffled))
    assert all(order == orders[0] for order in orders)
    assert orders[0][0] == "item 0"
    assert sorted(orders[0]) == [f"item {n}" for n in range(9)]


def test_ties_go_either_way() -> None:
    chosen = [
        _choice(f"Enjoys: nothing{n}.", _option("A", "One", "Ska"), _option("B", "Two", "Polka"))
        for n in range(200)
    ]
    assert 60 < chosen.count("A") < 140


@pytest.mark.slow
def test_a_profile_does_not_win_by_being_long() -> None:
    """Items that were taken often hold longer profiles; that alone may not raise them."""
    draw = random.Random(7)  # noqa: S311 - a draw to test with
    words = [f"{a}{b}{c}" for a in "bdklmn" for b in "aeiou" for c in ("gra", "stu", "vel", "pon")]

    def phrases(count: int) -> str:
        return "; ".join(" ".join(draw.sample(words, 2)) for _ in range(count))

    places: list[int] = []
    for _ in range(300):
        user = f"Enjoys: {phrases(14)}.\nLately hears of: {phrases(12)}."
        options = [
            _option(
                f"item {n}", phrases(1), phrases(2), phrases(draw.choice((5, 14))) if n % 2 else ""
            )
            for n in range(10)
        ]
        order = _ranking(user, *options)
        places.extend(place for place, name in enumerate(order) if int(name[5:]) % 2)
    assert abs(sum(places) / len(places) - 4.5) < 0.35


def test_a_lone_candidate_and_none_at_all_are_ranked() -> None:
    assert _ranking(USER, _option("item 1", "Blue", "Folk Rock")) == ["item 1"]
    assert _ranking(USER) == []
