"""The whole system over HTTP: how it is set, small worlds for it, and what tests look at."""

import json
from collections import Counter
from typing import Any

from pydantic import SecretStr
from typer.testing import CliRunner, Result

from evals.cli import app
from evals.datasets.registry import SAMPLE, read_dataset
from state.settings import NetworkSettings, Settings
from state.store.digest import DUMP, one_moment, read_rows
from tests.support.database_rows import rows
from tests.support.model_server.counts import Counts
from tests.support.model_server.serving import Endpoint
from tests.support.tiny_network import NETWORK_SETTINGS, load, tiny_dataset
from workflows.recnet import RecNet, open_recnet
from workflows.training.driver import train

KEY = SecretStr("sk-not-to-be-shown-0123456789")
MODEL = "openai:offline"
BOOKS = NetworkSettings()
"""The shape of networks on the sample: a router update after some eight records."""


def through(endpoint: Endpoint, settings: Settings, **more: object) -> Settings:
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


async def load_tiny(recnet: RecNet) -> int:
    """Load the tiny data set as `tiny`, and return its id."""
    return await load(recnet, tiny_dataset(), "tiny")


async def found_tiny(recnet: RecNet, seed: int = 0) -> int:
    """Load and bootstrap the tiny data set with the models that are open; return its id."""
    network = await load_tiny(recnet)
    await recnet.bootstrap("tiny", shaped(recnet, NETWORK_SETTINGS, seed))
    return network


async def found_books(recnet: RecNet) -> int:
    """Load and bootstrap the sample as `books` with the models that are open; return its id."""
    network = await load(recnet, read_dataset(SAMPLE, domain="books"), "books")
    await recnet.bootstrap("books", shaped(recnet, BOOKS))
    return network


def shaped(recnet: RecNet, network_settings: NetworkSettings, seed: int = 0) -> NetworkSettings:
    """Return a shape with the model and the encoder that are open."""
    settings = recnet.resources.settings
    named = {"model": settings.model, "encoder": settings.embedding}
    return network_settings.model_copy(update={"seed": seed, **named})


async def tiny_digest(settings: Settings, seed: int = 0) -> str:
    """Found and train the tiny network, drop it, and return the digest it had."""
    async with open_recnet(settings) as recnet:
        await found_tiny(recnet, seed=seed)
        await train(recnet, "tiny")
        digest = await recnet.digest("tiny")
        await recnet.drop("tiny")
    return digest


async def parts(recnet: RecNet, network: int, *without: str) -> dict[str, list[dict[str, Any]]]:
    """Return the canonical dump of a network by table, without some of them."""
    async with recnet.resources.pool.connection() as conn, one_moment(conn):
        return {
            table: [dict(row) async for row in read_rows(conn, network, table)]
            for table in DUMP.keys() - set(without)
        }


async def paid_faults(recnet: RecNet, network: int) -> Counter[str]:
    """Return what went wrong in a network's calls, as its usage says."""
    found = await rows(recnet, "SELECT faults FROM usage WHERE network_id = %s", network)
    total: Counter[str] = Counter()
    for row in found:
        total.update(row["faults"])
    return total


def chats(counts: Counts) -> int:
    """Return how many completions a server was asked for."""
    return sum(asked for schema, asked in counts.asked.items() if schema != "embeddings")


def typed(*words: str, code: int = 0) -> Result:
    """Type a command, and see it end with an exit code."""
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, result.output
    return result


def told(*words: str, code: int = 0) -> Any:  # noqa: ANN401 - any JSON
    """Type a command with `--json`, and return what it printed."""
    return json.loads(typed(*words, "--json", code=code).stdout)
