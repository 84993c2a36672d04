"""However the model is reached, the same network comes out."""

import pytest

from state.db.migrate import SCHEMA
from state.settings import Settings
from tests.support.database_rows import rows
from tests.support.http_network import KEY, bootstrap_books, completions, tiny_digest, usage_faults
from tests.support.model_server.serving import RunningServer
from tests.support.model_server.settings import Means, ModelServerSettings
from tests.support.tiny_network import bootstrap_tiny
from workflows.recnet import RecNet

RECORDS = 20


async def books_digest(settings: Settings) -> tuple[str, int]:
    """Return the digest of a network that learned from the sample, and its router updates."""
    async with RecNet.open(settings) as recnet:
        await bootstrap_books(recnet)
        report = await recnet.network("books").train(limit=RECORDS)
        assert (report.run, report.failed) == (RECORDS, 0)
        digest = await recnet.network("books").digest()
        await recnet.network("books").drop()
    return digest, report.windows


@pytest.mark.slow
async def test_models_and_encoder_over_http_give_the_network_of_the_process(
    settings: Settings, endpoint: RunningServer, http: Settings
) -> None:
    digest, updates = await books_digest(settings)
    assert updates > 3
    assert endpoint.counts.requests == 0
    assert await books_digest(http) == (digest, updates)
    counts = endpoint.counts
    assert counts.asked["Predict"] == RECORDS
    assert counts.asked["embeddings"] > RECORDS  # at least one a commit
    assert counts.answered == counts.requests
    # One of both alone, as where no endpoint embeds.
    half = http.model_copy(update={"embedding": "offline"})
    assert await books_digest(half) == (digest, updates)
    assert endpoint.counts.asked["embeddings"] == counts.asked["embeddings"]


@pytest.mark.slow
@pytest.mark.parametrize("ignores", [False, True], ids=["refuses", "ignores"])
@pytest.mark.parametrize("means", [Means.FUNCTION_CALLING, Means.TEXT])
async def test_an_endpoint_without_json_schema_gives_the_same_network(
    endpoint: RunningServer, http: Settings, alone: str, means: Means, ignores: bool
) -> None:
    endpoint.settings = ModelServerSettings(means=frozenset({means}), ignore_unsupported=ignores)
    async with RecNet.open(http) as recnet:
        network = await bootstrap_tiny(recnet)
        report = await recnet.network("tiny").train()
        assert (report.run, report.failed) == (12, 0)
        assert await recnet.network("tiny").digest() == alone
        faults = await usage_faults(recnet, network)
    # Found out once, by the first requests together; not asked again by what is not taken.
    given_up = list(Means).index(means)
    assert set(faults) == {"invalid_json" if ignores else "unsupported"}
    assert given_up <= faults.total() <= given_up * http.max_concurrent_calls * 2
    assert endpoint.counts.refused.get(400, 0) == (0 if ignores else faults.total())


@pytest.mark.slow
async def test_one_means_may_be_named_from_the_start(
    endpoint: RunningServer, http: Settings, alone: str
) -> None:
    endpoint.settings = ModelServerSettings(means=frozenset({Means.TEXT}))
    assert await tiny_digest(http.model_copy(update={"structured_output": "text"})) == alone
    counts = endpoint.counts
    assert counts.refused == {}
    assert completions(counts) + counts.asked["embeddings"] == counts.requests == counts.answered


async def test_the_key_is_sent_and_nowhere_kept(
    endpoint: RunningServer, http: Settings, alone: str
) -> None:
    endpoint.settings = ModelServerSettings(key=KEY.get_secret_value())
    async with RecNet.open(http) as recnet:
        await bootstrap_tiny(recnet)
        await recnet.network("tiny").train()
        assert await recnet.network("tiny").digest() == alone
        tables = await rows(
            recnet, "SELECT tablename AS name FROM pg_tables WHERE schemaname = %s", SCHEMA
        )
        assert len(tables) > 10
        for table in tables:
            whole = f"SELECT count(*) FROM {table['name']} t WHERE t::text LIKE %s"  # noqa: S608
            assert await rows(recnet, whole, f"%{KEY.get_secret_value()}%") == [{"count": 0}]
    assert endpoint.counts.refused == {}
