"""Bootstrap and train a network in a process of its own, and print its digest.

python -m tests.support.learn_and_digest
"""

import asyncio
import sys
from random import Random

from state.dataset import Dataset, Event, Item, Split
from state.settings import NetworkSettings, Settings
from workflows.recnet import RecNet

WORDS = """
amber anchor banjo bell birch candle canyon cedar cello cinder clover copper coral crimson
dawn delta drum ember falcon fiddle fjord flint flute garden glacier granite harbour harp
hazel heron indigo iron island ivory juniper lantern maple meadow mirror moss oak ocean
opal orchid pebble pepper piano pine prairie quartz raven reed river saffron silver
sparrow storm thistle thunder timber trumpet tundra velvet violet willow winter
"""
NETWORK_SETTINGS = NetworkSettings(routers=30, update_size=20)
RECORDS = 12


def dataset() -> Dataset:
    """Return 40 users and 120 books with subjects of random words."""
    chance, words = Random(0), WORDS.split()  # noqa: S311 - no secret
    items = tuple(
        Item(
            key=f"i{n}",
            title=" ".join(chance.sample(words, 2)).title(),
            category=" ".join(chance.sample(words, 2)),
        )
        for n in range(120)
    )
    taken = {f"u{n}": chance.sample(items, len(Split)) for n in range(40)}
    events = tuple(
        Event(user=user, item=basket[turn].key, split=split)
        for turn, split in enumerate(Split)
        for user, basket in taken.items()
    )
    return Dataset(name="words", domain="books", items=items, events=events)


async def learn() -> str:
    """Bootstrap, train and drop a network; return the digest it had."""
    async with RecNet.open(Settings()) as recnet:
        await recnet.load("words", dataset())
        await recnet.network("words").bootstrap(NETWORK_SETTINGS)
        await recnet.network("words").train(limit=RECORDS)
        digest = await recnet.network("words").digest()
        await recnet.network("words").drop()
        return digest


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(learn()))
