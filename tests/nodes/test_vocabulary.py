"""One vocabulary: equal attributes are one, whoever names them first."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.attributes import VocabularyMatch, match_vocabulary
from nodes.resources import Resources
from nodes.step import Step
from state.store.attributes import add_attributes
from state.store.networks import find_network
from tests.support.tiny_network import NETWORK_SETTINGS, TASTES, plant_tiny

WORDS = ("jazz", "jazzy", "trumpet", "trumpets", "guitar", "riff", "riffs", "fiddle")


async def step_on(resources: Resources, threshold: float = 0.8) -> Step:
    """Return a step on the planted network; Hypothesis runs many examples on one."""
    network_settings = NETWORK_SETTINGS.model_copy(update={"same_attribute": threshold})
    async with resources.pool.connection() as conn:
        row = await (await conn.execute("SELECT 1 FROM networks")).fetchone()
    if row is None:
        await plant_tiny(resources)
    async with resources.pool.connection() as conn:
        network = await find_network(conn, "tiny")
    return Step(network.model_copy(update={"stored_settings": network_settings}), "test", resources)


async def cosine(resources: Resources, one: str, other: str) -> float:
    left, right = await resources.encoder.embed([one, other])
    return float(left @ right)


async def test_a_known_phrase_stands_for_itself(resources: Resources) -> None:
    match = await match_vocabulary(await step_on(resources), TASTES.values())
    assert match.new == ()
    assert {phrase: match.ids[phrase] for phrase in TASTES.values()} == {
        "trumpet jazz": 1,
        "guitar riffs": 2,
        "sea fiddle": 3,
    }
    assert all(match.canonical[phrase] == phrase for phrase in TASTES.values())


async def test_a_near_phrase_stands_for_the_known_one_exactly_from_the_threshold_on(
    resources: Resources,
) -> None:
    near = await cosine(resources, "trumpet jazz", "trumpet jazz band")
    assert 0.5 < near < 0.999
    merged = await match_vocabulary(await step_on(resources, near - 1e-4), ["trumpet jazz band"])
    assert (merged.canonical["trumpet jazz band"], merged.new) == ("trumpet jazz", ())
    apart = await match_vocabulary(await step_on(resources, near + 1e-4), ["trumpet jazz band"])
    assert (apart.canonical["trumpet jazz band"], apart.new) == (
        "trumpet jazz band",
        ("trumpet jazz band",),
    )
    assert apart.ids["trumpet jazz band"] == 4


async def test_new_phrases_find_each_other_and_ids_go_on_where_they_were(
    resources: Resources,
) -> None:
    step = await step_on(resources, 0.6)
    match = await match_vocabulary(step, ["polkas", "polka", "zither"])
    assert match.canonical["polkas"] == match.canonical["polka"] == "polka"
    assert match.new == ("polka", "zither")
    async with resources.pool.connection() as conn:
        rows = [(match.ids[p], p, match.vectors[p]) for p in match.new]
        await add_attributes(conn, step.network.id, rows)
    later = await match_vocabulary(step, ["zither", "yodel"])
    assert (later.ids["zither"], later.ids["yodel"]) == (5, 6)


async def test_an_empty_vocabulary_takes_in_its_first_phrases(resources: Resources) -> None:
    step = await step_on(resources)
    async with resources.pool.connection() as conn:
        await conn.execute("DELETE FROM attributes")
    assert (await match_vocabulary(step, [])).new == ()
    match = await match_vocabulary(step, ["polka", "yodel"])
    assert (match.new, match.ids) == (("polka", "yodel"), {"polka": 1, "yodel": 2})
    (expected,) = await resources.encoder.embed(["yodel"])
    assert np.array_equal(match.vectors["yodel"], expected)


def same(one: VocabularyMatch, other: VocabularyMatch) -> bool:
    return (one.canonical, one.ids, one.new) == (other.canonical, other.ids, other.new)


PHRASES = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=2, unique=True).map(" ".join),
    min_size=1,
    max_size=8,
)


@given(phrases=PHRASES, threshold=st.sampled_from([0.4, 0.6, 0.8, 1.0]))
async def test_the_outcome_is_the_plain_one_in_any_order(
    resources: Resources, phrases: list[str], threshold: float
) -> None:
    step = await step_on(resources, threshold)
    match = await match_vocabulary(step, phrases)
    assert same(await match_vocabulary(step, [*reversed(phrases), *phrases]), match)

    known = list(TASTES.values())
    for phrase in sorted(set(phrases) - set(known)):
        near = {k: await cosine(resources, k, phrase) for k in known}
        best = max(near, key=near.__getitem__)
        if near[best] < threshold - 1e-5:
            known.append(phrase)
            assert match.canonical[phrase] == phrase
        elif near[best] > threshold + 1e-5:
            assert near[match.canonical[phrase]] == pytest.approx(near[best], abs=1e-6)
    for phrase in phrases:  # what a phrase stands for stands for itself
        assert match.canonical[match.canonical[phrase]] == match.canonical[phrase]
