"""Runs leave their checkpoints behind only where somebody is to go on from them."""

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from state.db.migrate import SCHEMA
from state.errors import InputError
from tests.support.database_rows import keeping, rows, thread_ids
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny
from tests.support.watched_model import BAD, PowerCutError, WatchedModel, cut_once
from workflows.recnet import RecNet

RECORD = {"user": "ann", "positive": "j2", "negative": "m1"}


@pytest.fixture
def undeletable(database: str) -> Iterator[None]:
    """Let the database refuse to delete checkpoints."""
    refuse = """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'not now' USING ERRCODE = 'disk_full';
        END $$;
        CREATE TRIGGER refuse BEFORE DELETE ON checkpoints
            FOR EACH ROW EXECUTE FUNCTION refuse()
    """
    with psycopg.connect(database, autocommit=True, options=f"-c search_path={SCHEMA}") as conn:
        conn.execute(refuse)
        yield
        conn.execute("DROP FUNCTION refuse CASCADE")


@pytest.mark.slow
async def test_what_ended_leaves_no_checkpoints(recnet: RecNet, model: WatchedModel) -> None:
    await bootstrap_tiny(recnet)
    assert await thread_ids(recnet) == set()
    model.script = lambda reply, _: BAD if reply == "CreditAssignment" else None
    report = await recnet.network("tiny").train(limit=3)
    assert (report.failed, report.windows) == (3, 1)
    model.script = lambda *_: None
    assert (await recnet.network("tiny").retry()).learned == 3
    await recnet.network("tiny").train()
    assert len(await rows(recnet, "SELECT 1 FROM windows WHERE done")) > 2
    assert await thread_ids(recnet) == set()


async def test_all_are_kept_where_that_is_asked_for(recnet: RecNet) -> None:
    network = await bootstrap_tiny(keeping(recnet))
    await keeping(recnet).network("tiny").train(limit=3)
    learned = {f"recnet/{network}/tiny:{place}" for place in (6, 7, 8)}
    assert await thread_ids(recnet) == {f"recnet/{network}/bootstrap"} | learned
    other = await bootstrap_tiny(recnet, "other")
    await keeping(recnet).network("other").interact(id="a", **RECORD)
    with pytest.raises(InputError, match="unknown user"):
        await keeping(recnet).network("other").interact(id="b", **RECORD | {"user": "zed"})
    of_other = {one for one in await thread_ids(recnet) if one.startswith(f"recnet/{other}/")}
    assert of_other == {f"recnet/{other}/a", f"recnet/{other}/b"}


@pytest.mark.parametrize("cut", ["Predict", "CreditAssignment", "OptimizedProfile", "Extract"])
async def test_only_a_run_that_was_stopped_keeps_its_thread(
    recnet: RecNet, model: WatchedModel, cut: str
) -> None:
    network = await bootstrap_tiny(
        recnet, network_settings=NETWORK_SETTINGS.model_copy(update={"update_size": 3})
    )
    model.script = cut_once(cut)
    with pytest.raises(PowerCutError):
        await recnet.network("tiny").interact(id="a", **RECORD)
    await recnet.network("tiny").interact(id="b", user="cid", positive="m2", negative="j1")
    assert await thread_ids(recnet) == {f"recnet/{network}/a"}
    await recnet.network("tiny").interact(id="a", **RECORD)
    assert await thread_ids(recnet) == set()


async def test_a_run_that_was_cancelled_keeps_its_thread(
    recnet: RecNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = await bootstrap_tiny(recnet)
    ask, begun = recnet.resources.model_client.ask, asyncio.Event()

    async def stuck(prompt: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        if prompt.name == "gradient":
            begun.set()
            await asyncio.sleep(60)
        return await ask(prompt, *args, **kwargs)

    monkeypatch.setattr(recnet.resources.model_client, "ask", stuck)
    run = asyncio.ensure_future(recnet.network("tiny").interact(id="a", **RECORD))
    async with asyncio.timeout(10):
        await begun.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert await thread_ids(recnet) == {f"recnet/{network}/a"}


async def test_what_is_refused_leaves_nothing(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    await recnet.network("tiny").interact(id="a", **RECORD)
    for wrong in ({"user": "zed"}, {"positive": "m1"}, {"negative": "j9"}):
        for identity in ("a", "b", None):
            with pytest.raises(InputError):
                await recnet.network("tiny").interact(id=identity, **RECORD | wrong)
    assert (await recnet.network("tiny").interact(id="a", **RECORD))["repeated"]
    assert await thread_ids(recnet) == set()


@pytest.mark.usefixtures("undeletable")
async def test_a_record_is_learned_also_where_its_thread_cannot_be_deleted(recnet: RecNet) -> None:
    network = await bootstrap_tiny(recnet)
    out = await recnet.network("tiny").interact(id="a", **RECORD)
    assert (out["repeated"], out["failure"]) == (False, "")
    assert f"recnet/{network}/a" in await thread_ids(recnet)
    again = await recnet.network("tiny").interact(id="a", **RECORD)
    assert (again["repeated"], again["predicted"]) == (True, out["predicted"])


async def test_a_thread_of_before_is_deleted_when_its_record_is_given_again(
    recnet: RecNet, model: WatchedModel
) -> None:
    await bootstrap_tiny(recnet)
    model.script = lambda reply, _: BAD if reply == "Predict" else None
    failed = await keeping(recnet).network("tiny").interact(id="a", **RECORD)
    assert failed["failure"]
    model.script = lambda *_: None
    assert await thread_ids(recnet) != set()
    out = await recnet.network("tiny").interact(id="a", **RECORD)
    assert (out["repeated"], out["failure"]) == (False, "")
    assert await thread_ids(recnet) == set()
