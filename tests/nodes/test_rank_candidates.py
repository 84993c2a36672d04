"""Ranking: catalogue items out, in the order of the reply, and nothing changes."""

import pytest

from nodes.rank_candidates import fan_out_views, rank_candidates, view_clients
from nodes.resources import Resources
from prompts.rank import Rank, Ranked
from state.domain import Reception
from state.errors import InputError, NetworkError
from state.graphs.recommend import RecommendState
from state.store.digest import digest_network
from tests.support.backward_state import sends_of
from tests.support.scripted_model import ScriptedModel, replying
from tests.support.tiny_network import (
    NETWORK_SETTINGS,
    load_tiny,
    plant_tiny,
    push,
    runtime,
)
from workflows.recnet import RecNet

GIVEN = ["f1", "j4", "m1", "j2"]


async def viewed(**record: object) -> RecommendState:
    state: RecommendState = {"user": "ann", **record}  # type: ignore[typeddict-item] # as given
    return {**state, **await view_clients(state, runtime())}


def reply(*names: str) -> Rank:
    return Rank(ranking=[Ranked(name=name, reason=f"because of {name}") for name in names])


def order(model: ScriptedModel) -> list[str]:
    """Return the titles in the order in which the model saw them."""
    lines = model.shown().split("<candidates>")[1].splitlines()
    return [line[7:-8] for line in lines if line.startswith("<title>")]


async def test_candidates_that_were_given_are_read_in_their_order(resources: Resources) -> None:
    await plant_tiny(resources)
    state = await viewed(candidates=GIVEN)
    assert [client.key for client in state["clients"]] == ["ann", *GIVEN]
    assert state["origin"] == "given"


async def test_without_candidates_the_nearest_items_are_taken(resources: Resources) -> None:
    await plant_tiny(resources)
    state = await viewed(count=3)
    assert state["origin"] == "nearest"
    assert state["clients"][1].key == "j4"  # the one CD of her shelf that ann has not met
    assert len(state["clients"]) == 4
    assert len((await viewed())["clients"]) == 10  # nine are left for her


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ({"user": "zoe"}, "unknown user 'zoe'"),
        ({"candidates": ["j1", "zz"]}, "unknown item 'zz'"),
        ({"candidates": ["j1", "ann"]}, "unknown item 'ann'"),
        ({"candidates": ["j1", "j1"]}, "named twice"),
        ({"candidates": [str(n) for n in range(101)]}, "at most 100"),
        ({"count": 0}, "count is 0: ask for one item at least"),
        ({"count": -1}, "count is -1"),
    ],
)
async def test_what_cannot_be_ranked_is_refused(
    resources: Resources, record: dict[str, object], error: str
) -> None:
    await plant_tiny(resources)
    with pytest.raises(InputError, match=error):
        await viewed(**record)


async def test_a_network_without_routers_recommends_nothing(recnet: RecNet) -> None:
    await load_tiny(recnet)
    with pytest.raises(NetworkError, match="recnet bootstrap"):
        await viewed()


async def test_the_reply_decides_the_order_and_gives_the_reasons(resources: Resources) -> None:
    await plant_tiny(resources)
    state = await viewed(candidates=GIVEN)
    names = [f"item {n}" for n in (3, 1, 4, 2)]
    with replying(resources, reply(*names)) as model:
        out = await rank_candidates(state, runtime())
    seen = order(model)
    assert [entry.title for entry in out["ranking"]] == [seen[n - 1] for n in (3, 1, 4, 2)]
    assert [entry.reason for entry in out["ranking"]] == [f"because of {name}" for name in names]
    assert {entry.origin for entry in out["ranking"]} == {"given"}
    assert (out["missing"], out["dropped"]) == (0, 0)
    assert not any(f">{key}<" in model.shown() for key in GIVEN)


async def test_unknown_and_repeated_names_are_dropped_and_the_missing_come_last(
    resources: Resources,
) -> None:
    await plant_tiny(resources)
    state = await viewed(candidates=GIVEN)
    with replying(resources, reply("item 2", "item 9", "item 2", "A new CD", "item 4")) as model:
        out = await rank_candidates(state, runtime())
        again = await rank_candidates(state, runtime())
    seen = order(model)
    assert [entry.title for entry in out["ranking"][:2]] == [seen[1], seen[3]]
    assert sorted(entry.item for entry in out["ranking"]) == sorted(GIVEN)
    assert [entry.reason for entry in out["ranking"][2:]] == ["not in the reply"] * 2
    assert (out["missing"], out["dropped"]) == (2, 3)
    assert out["ranking"][0].reason == "because of item 2"
    assert again == out


async def test_those_missing_do_not_always_stand_in_the_same_order(resources: Resources) -> None:
    await plant_tiny(resources)
    firsts = set()
    for user in ("ann", "bob", "cid", "dot", "eve", "fay"):
        with replying(resources, reply()) as model:
            out = await rank_candidates(await viewed(user=user, candidates=GIVEN), runtime())
        assert out["missing"] == 4
        firsts.add(order(model).index(out["ranking"][0].title))
    assert len(firsts) > 1


async def test_the_order_shown_depends_on_seed_user_and_set_alone(resources: Resources) -> None:
    await plant_tiny(resources)
    await plant_tiny(resources, "seeded", NETWORK_SETTINGS.model_copy(update={"seed": 5}))
    orders = []
    for name, user, keys in (
        ("tiny", "ann", GIVEN),
        ("tiny", "ann", sorted(GIVEN)),  # the order in which they were given tells nothing
        ("tiny", "bob", GIVEN),
        ("seeded", "ann", GIVEN),
    ):
        record: RecommendState = {"user": user, "candidates": keys}
        state: RecommendState = {**record, **await view_clients(record, runtime(name))}
        with replying(resources, reply()) as model:
            await rank_candidates(state, runtime(name))
        orders.append(order(model))
    assert orders[0] == orders[1]
    assert len({tuple(shown) for shown in orders}) == 3


async def test_only_clients_with_messages_are_merged_and_the_merge_is_read(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    assert await fan_out_views(await viewed(candidates=GIVEN)) == "rank_candidates"
    await push(resources, network, 1, 1, 11, 12)
    state = await viewed(candidates=GIVEN)
    sends = sends_of(await fan_out_views(state))
    assert [s.arg["client"].key for s in sends] == ["ann", "m1"]
    state["views"] = [Reception(client=11, profile="A record like no other.")]
    with replying(resources, reply()) as model:
        await rank_candidates(state, runtime())
    assert "A record like no other." in model.shown()


async def test_nothing_of_the_network_changes(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    await push(resources, network, 1, 1)
    recnet = RecNet(resources)
    async with resources.pool.connection() as conn:
        before = await digest_network(conn, network)
        first = await recnet.network("tiny").recommend("ann")
        assert await recnet.network("tiny").recommend("ann") == first
        assert await digest_network(conn, network) == before
    assert first["ranking"][0].item == "j4"


async def test_a_user_who_has_met_everything_is_recommended_nothing(resources: Resources) -> None:
    await plant_tiny(resources)
    state = await viewed(candidates=["j1"])
    state["clients"] = state["clients"][:1]
    out = await rank_candidates(state, runtime())
    assert (out["ranking"], resources.budget.calls) == ([], 0)
