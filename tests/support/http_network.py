"""Settings and small networks for tests that reach models and encoder over HTTP."""

from collections import Counter
from typing import Any

from pydantic import SecretStr

from evals.datasets.registry import SAMPLE, read_dataset
from state.settings import NetworkSettings, Settings
from state.store.digest import DUMP, one_moment, read_rows
from tests.support.database_rows import rows
from tests.support.model_server.counts import Counts
from tests.support.model_server.serving import RunningServer
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny, with_models
from workflows.recnet import RecNet

KEY = SecretStr("sk-not-to-be-shown-0123456789")
MODEL = "openai:offline"
BOOKS = NetworkSettings(update_size=10)
"""Network settings on the sample: a router update comes after some four records."""


def over_http(endpoint: RunningServer, settings: Settings, **more: object) -> Settings:
    """Return settings by which models and encoder are reached at an endpoint; `more` go on top."""
    over = {
        "base_url": endpoint.url,
        "api_key": KEY,
        "model": MODEL,
        "embedding": MODEL,
        "retry_wait": 0.001,
        "cache": False,
    }
    return settings.model_copy(update=over | more)


async def bootstrap_books(recnet: RecNet) -> int:
    """Load and bootstrap the sample as `books` with the models that are open; return its id."""
    books = await recnet.load("books", read_dataset(SAMPLE, domain="books"))
    await books.bootstrap(with_models(recnet, BOOKS))
    return (await books.record()).id


async def tiny_digest(settings: Settings, seed: int = 0) -> str:
    """Bootstrap and train the tiny network, drop it, and return the digest it had."""
    async with RecNet.open(settings) as recnet:
        await bootstrap_tiny(
            recnet, network_settings=NETWORK_SETTINGS.model_copy(update={"seed": seed})
        )
        await recnet.network("tiny").train()
        digest = await recnet.network("tiny").digest()
        await recnet.network("tiny").drop()
    return digest


async def dump_tables(
    recnet: RecNet, network: int, *without: str
) -> dict[str, list[dict[str, Any]]]:
    """Return the canonical dump of a network by table, without some of them."""
    async with recnet.resources.pool.connection() as conn, one_moment(conn):
        return {
            table: [dict(row) async for row in read_rows(conn, network, table)]
            for table in DUMP.keys() - set(without)
        }


async def usage_faults(recnet: RecNet, network: int) -> Counter[str]:
    """Return what went wrong in a network's calls, as its usage says."""
    found = await rows(recnet, "SELECT faults FROM usage WHERE network_id = %s", network)
    total: Counter[str] = Counter()
    for row in found:
        total.update(row["faults"])
    return total


def completions(counts: Counts) -> int:
    """Return how many completions a server was asked for."""
    return sum(asked for schema, asked in counts.asked.items() if schema != "embeddings")
