"""Usage of a call is stored, also where the database was away at that moment."""

from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from nodes.resources import open_resources
from nodes.step import Step
from prompts.attributes import EXTRACT, ExtractFields
from state.db.embedded import start_server, stop_server
from state.domain import ClientKind
from state.settings import NetworkSettings, Settings
from state.store.networks import create_network, find_network
from state.store.usage import sum_usage


@pytest.mark.slow
async def test_a_call_made_while_the_database_was_away_is_kept_later(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("state.db.pool._WAIT_SECONDS", 2.0)
    fields = ExtractFields(kind=ClientKind.USER, profile="Reads about lighthouses.")
    url = SecretStr(start_server(home))
    async with open_resources(Settings(home=home, database_url=url)) as held:
        async with held.pool.connection() as conn:
            await create_network(conn, "mine", "harbour", "books")
            found = await find_network(conn, "mine")
        step = Step(found.model_copy(update={"stored_settings": NetworkSettings()}), "live:1", held)
        stop_server(home)
        with pytest.raises(psycopg.OperationalError):
            await step.ask(EXTRACT, fields)
        start_server(home)
        await held.pool.check()
        await step.ask(EXTRACT, fields)
        async with held.pool.connection() as conn:
            (total,) = await sum_usage(conn, step.network.id)
    assert total.calls == 2
