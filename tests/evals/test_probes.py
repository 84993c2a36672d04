"""Probes read what the store shows of an item apart from its texts."""

from evals.baselines.probes import LeastPopularRanker, NewestRanker, Probe, ProbeRanker
from nodes.resources import Resources
from state.dataset import Event, Split
from state.store.clients import Signals, read_signals
from tests.support.tiny_network import SHELVES, plant_tiny, push, tiny_dataset
from workflows.recnet import RecNet

KEYS = [item.key for item in tiny_dataset().items]
J1, M4 = 7, 14
"""Ids of two items of the planted network."""


async def test_least_popular_is_pop_turned_round() -> None:
    ranker = LeastPopularRanker()
    taken = {"a": 1, "b": 2, "c": 3}
    events = [
        Event(user=f"u{n}", item=item, split=Split.FIRST)
        for item, count in taken.items()
        for n in range(count)
    ]
    ranker.fit(events[:3], events[3:])
    assert await ranker.rank("anyone", "cbaz") == ["z", "a", "b", "c"]


async def test_newest_is_what_was_first_taken_last() -> None:
    ranker = NewestRanker()
    events = [Event(user=f"u{n}", item=item, split=Split.FIRST) for n, item in enumerate("abcab")]
    ranker.fit(events[:2], events[2:])
    assert await ranker.rank("anyone", "azcb") == ["c", "b", "a", "z"]


async def test_a_probe_ranks_by_what_the_store_holds(resources: Resources) -> None:
    network = await plant_tiny(resources)
    await push(resources, network.id, 1, J1, M4)
    await push(resources, network.id, 2, M4)
    recnet = RecNet(resources)
    by_messages = ProbeRanker(recnet, "tiny", Probe.MOST_MESSAGES)
    assert (await by_messages.rank("ann", KEYS))[:2] == ["m4", "j1"]
    by_length = ProbeRanker(recnet, "tiny", Probe.SHORTEST_PROFILE, name="short")
    assert by_length.name == "short"
    shortest = min((title for titles in SHELVES.values() for title in titles), key=len)
    places = {item.key: item.title for item in tiny_dataset().items}
    assert len(places[(await by_length.rank("ann", KEYS))[0]]) <= len(shortest) + 1
    # As long as nothing was learned, all items have as many versions: the order is random.
    tops = [
        (await ProbeRanker(recnet, "tiny", Probe.MOST_VERSIONS, seed=seed).rank("ann", KEYS))[0]
        for seed in range(20)
    ]
    assert len(set(tops)) > 5


async def test_versions_and_consumed_messages_are_counted(resources: Resources) -> None:
    network = await plant_tiny(resources)
    await push(resources, network.id, 1, J1)
    recnet = RecNet(resources)

    async def signals() -> dict[int, Signals]:
        async with resources.pool.connection() as conn:
            return await read_signals(conn, network.id, list(range(7, 19)))

    before = (await signals())[J1]
    assert before.messages == 1
    await recnet.network("tiny").train(
        limit=1
    )  # ann's first record, with j2: j1 may be its negative
    await recnet.network("tiny").interact(user="cid", positive="j1", negative="m4")
    after = (await signals())[J1]
    assert after.versions > before.versions
    assert after.messages >= 1  # what was consumed still counts
