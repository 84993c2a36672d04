"""Recommending: only catalogue items, the exact nearest ones, and nothing changes."""

import json

import numpy as np
import pytest

from state.domain import ClientKind
from state.errors import InputError
from state.store.clients import list_clients, read_clients
from tests.support.database_rows import calls, rows
from tests.support.tiny_network import BASKETS, SHELVES, bootstrap_tiny
from tests.support.watched_model import WatchedModel
from workflows.recnet import RecNet

CATALOGUE = {
    f"{category[0].lower()}{place}": title
    for category, titles in SHELVES.items()
    for place, title in enumerate(titles, start=1)
}


async def test_given_candidates_come_back_exactly_once_each(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    wanted = ["m1", "j4", "f2", "j1"]
    out = await recnet.network("tiny").recommend("ann", wanted)
    assert sorted(entry.item for entry in out["ranking"]) == sorted(wanted)
    assert (out["missing"], out["dropped"]) == (0, 0)
    for entry in out["ranking"]:
        assert entry.title == CATALOGUE[entry.item]
        assert entry.origin == "given"
        assert entry.reason
    assert {entry.item for entry in out["ranking"][:2]} == {"j1", "j4"}
    again = await recnet.network("tiny").recommend("ann", list(reversed(wanted)))
    assert again == out


@pytest.mark.slow
async def test_without_candidates_the_nearest_unmet_items_are_ranked(recnet: RecNet) -> None:
    network = await bootstrap_tiny(recnet)
    for count, (user, basket) in enumerate(BASKETS.items(), start=3):
        await recnet.network("tiny").interact(user=user, positive="f4", negative="m4")
        met = {*basket.split()[:3], "f4"}  # the test item is nobody's to know
        out = await recnet.network("tiny").recommend(user, count=count)
        wanted = await nearest(recnet, network, user, met, count)
        assert len(wanted) == count
        assert {entry.item for entry in out["ranking"]} == wanted
        assert {entry.origin for entry in out["ranking"]} == {"nearest"}


async def nearest(recnet: RecNet, network: int, user: str, met: set[str], count: int) -> set[str]:
    """Return the unmet items nearest to a user's profile, by an exact product."""
    async with recnet.resources.pool.connection() as conn:
        ids = [client.id for client in await list_clients(conn, network)]
        clients = await read_clients(conn, network, ids)
    vectors = np.asarray(await recnet.resources.encoder.embed([c.profile for c in clients]))
    (at,) = [n for n, c in enumerate(clients) if (c.kind, c.key) == (ClientKind.USER, user)]
    cosines = vectors @ vectors[at]
    free = [
        (-round(float(cosines[n]), 6), c.id, c.key)
        for n, c in enumerate(clients)
        if c.kind is ClientKind.ITEM and c.key not in met
    ]
    return {key for _, _, key in sorted(free)[:count]}


@pytest.mark.slow
async def test_views_are_merged_once_and_nothing_changes(
    recnet: RecNet, model: WatchedModel
) -> None:
    network = await bootstrap_tiny(recnet)
    await recnet.network("tiny").train(fit="train")
    digest = await recnet.network("tiny").digest()
    holding = await rows(recnet, "SELECT client_id FROM buffers WHERE messages <> '{}'")
    model.asked.clear()
    first = await recnet.network("tiny").recommend("ann", list(CATALOGUE))
    held = {row["client_id"] for row in holding}
    assert model.counts()["Merge"] == len({1, *range(7, 19)} & held) > 2
    assert model.counts()["Rank"] == 1
    model.asked.clear()
    assert await recnet.network("tiny").recommend("ann", list(CATALOGUE)) == first
    assert model.asked == ["Rank"]
    assert await recnet.network("tiny").digest() == digest
    assert (await calls(recnet, network, "recommend"))["rank"] == 2
    # The next interaction of these clients takes the views over.
    model.asked.clear()
    await recnet.network("tiny").interact(user="ann", positive="j3", negative="f1")
    assert model.counts()["Merge"] == 0
    left = await rows(recnet, "SELECT client_id FROM merged_views WHERE client_id IN (1, 9, 15)")
    assert left == []


async def test_what_a_reply_leaves_out_comes_last_and_what_it_invents_is_dropped(
    recnet: RecNet, model: WatchedModel
) -> None:
    await bootstrap_tiny(recnet)

    def careless(reply: str, _: str) -> str | None:
        if reply != "Rank":
            return None
        named = ("item 2", "item 9", "item 2", "Abbey Road")
        return json.dumps({"ranking": [{"name": name, "reason": "so"} for name in named]})

    model.script = careless
    wanted = ["m1", "j4", "f2", "j1"]
    out = await recnet.network("tiny").recommend("ann", wanted)
    assert sorted(entry.item for entry in out["ranking"]) == sorted(wanted)
    assert (out["missing"], out["dropped"]) == (3, 3)
    reasons = [entry.reason for entry in out["ranking"]]
    assert reasons == ["so", *["not in the reply"] * 3]
    assert await recnet.network("tiny").recommend("ann", wanted) == out


@pytest.mark.parametrize(
    ("user", "candidates", "count", "named"),
    [
        ("zed", [], 5, "unknown user 'zed'"),
        ("ann", ["j1", "x1"], 5, "unknown item 'x1'"),
        ("ann", ["j1", "j1"], 5, "named twice"),
        ("ann", ["j1", " j1"], 5, "named twice"),
        ("ann", [], 0, "count is 0"),
        ("ann\x00", ["j1\x00x"], 5, "unknown item 'j1 x'"),
    ],
)
async def test_a_request_that_makes_no_sense_names_what_is_wrong(
    recnet: RecNet, user: str, candidates: list[str], count: int, named: str
) -> None:
    await bootstrap_tiny(recnet)
    with pytest.raises(InputError, match=named):
        await recnet.network("tiny").recommend(user, candidates, count)


@pytest.mark.slow
async def test_who_has_met_everything_is_recommended_nothing(
    recnet: RecNet, model: WatchedModel
) -> None:
    await bootstrap_tiny(recnet)
    for number, item in enumerate(CATALOGUE):
        other = "j1" if item != "j1" else "j2"
        await recnet.network("tiny").interact(
            user="ann", positive=item, negative=other, id=str(number)
        )
    model.asked.clear()
    assert await recnet.network("tiny").recommend("ann") == {
        "ranking": [],
        "missing": 0,
        "dropped": 0,
    }
    assert model.asked == []
