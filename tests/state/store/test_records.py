"""What is kept of interactions: gradients, filter_decisions, cached views, usage."""

import pytest

from nodes.resources import Resources
from state.db.pool import Connection
from state.domain import Call, Client, FilterDecision, Gradient, Module, ModuleKind, Reception
from state.store.clients import read_clients
from state.store.gradients import (
    add_gradients,
    read_gradients,
    read_pending_gradients,
    settle_gradients,
)
from state.store.interactions import (
    add_filter_decisions,
    find_interaction,
    read_filter_decisions,
    write_interaction,
)
from state.store.merged_views import find_view, forget_views, keep_view
from state.store.usage import add_usage, sum_usage
from tests.support.network_changes import settled_record
from tests.support.tiny_network import plant_tiny, push

RECORD = settled_record("i:1")


def gradient(kind: ModuleKind, owner: int, **fields: object) -> Gradient:
    return Gradient.model_validate(
        {
            "interaction": "i:1",
            "module": Module(kind=kind, owner=owner),
            "version": 1,
            "reward": 0,
            "suggestion": "Say jazz.",
            **fields,
        }
    )


async def test_a_failed_record_gives_way_and_a_learned_one_does_not(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    failed = RECORD.model_copy(
        update={"predicted_id": None, "reward": None, "reason": "", "failure": "no usable reply"}
    )
    async with resources.pool.connection() as conn:
        assert await find_interaction(conn, network, "i:1") is None
        await write_interaction(conn, network, failed)
        assert await find_interaction(conn, network, "i:1") == failed
        await write_interaction(conn, network, RECORD)
        for later in (failed, RECORD.model_copy(update={"reward": 0})):
            await write_interaction(conn, network, later)
        assert await find_interaction(conn, network, "i:1") == RECORD


async def test_a_gradient_is_read_as_it_was_stored(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    gradients = [
        gradient(ModuleKind.ROUTER, 2),
        gradient(ModuleKind.ROUTER, 3, suggestion="", status="not involved"),
        gradient(ModuleKind.ROUTER, 9, status="rejected", rejected_because="not there"),
        gradient(ModuleKind.USER_PROFILE, 1, status="applied", applied_to=1, applied_version=2),
    ]
    async with resources.pool.connection() as conn:
        await write_interaction(conn, network, RECORD)
        await add_gradients(conn, network, gradients)
        assert await read_gradients(conn, network, "i:1") == gradients
        assert await read_pending_gradients(conn, network) == gradients[:1]


async def test_settling_touches_waiting_router_gradients_only_and_once(
    resources: Resources,
) -> None:
    network = (await plant_tiny(resources)).id
    pending = [gradient(ModuleKind.ROUTER, owner) for owner in (1, 2, 3)]
    applied = {"status": "applied", "applied_to": 4, "applied_version": 1}
    used = pending[0].model_copy(update=applied)
    late = pending[1].model_copy(update={"status": "rejected", "rejected_because": "full"})
    async with resources.pool.connection() as conn:
        await write_interaction(conn, network, RECORD)
        await add_gradients(conn, network, pending)
        await settle_gradients(conn, network, [used, late])
        again = used.model_copy(update={"applied_to": 5})
        await settle_gradients(conn, network, [again])
        assert await read_gradients(conn, network, "i:1") == [used, late, pending[2]]


async def test_verdicts_are_kept_with_the_router_behind_the_message(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    message = await push(resources, network, 2, 1)
    decision = FilterDecision(
        message=message,
        sender=Module.router(2),
        version=1,
        accepted=False,
        rule="No metal.",
        reason="riffs",
    )
    async with resources.pool.connection() as conn:
        await write_interaction(conn, network, RECORD)
        await add_filter_decisions(
            conn,
            network,
            [Reception(client=1, profile="p", filter_decisions=(decision,))],
            interaction="i:1",
        )
        (stored,) = await read_filter_decisions(conn, network, "i:1")
    assert (stored.client_id, stored.sender, stored.version) == (1, Module.router(2), 1)
    assert (stored.accepted, stored.rule, stored.reason) == (False, "No metal.", "riffs")


async def one_client(conn: Connection, network: int) -> Client:
    (client,) = await read_clients(conn, network, [1])
    return client


async def test_a_view_is_found_for_exactly_what_it_was_made_of(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    await push(resources, network, 1, 1)
    async with resources.pool.connection() as conn:
        client = await one_client(conn, network)
        view = Reception(client=1, profile="merged")
        await keep_view(conn, network, client, "model", view)
        await keep_view(
            conn, network, client, "model", view.model_copy(update={"profile": "later"})
        )
        assert await find_view(conn, network, client, "model") == view
        for change in (
            {"profile_version": 2},
            {"filter_version": 2},
            {"messages": ()},
            {"messages": tuple(m.model_copy(update={"id": 9}) for m in client.messages)},
            {"id": 2},
        ):
            assert await find_view(conn, network, client.model_copy(update=change), "model") is None
        await forget_views(conn, network, [2])
        assert await find_view(conn, network, client, "model") == view
        await forget_views(conn, network, [1])
        assert await find_view(conn, network, client, "model") is None


async def test_usage_is_summed_by_prompt_and_by_what_it_was_for(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    other = (await plant_tiny(resources, "other")).id
    async with resources.pool.connection() as conn:
        await write_interaction(conn, network, RECORD)
        await conn.execute(
            "INSERT INTO windows (network_id, id, members, done) VALUES (%s, 3, '{1}', true)",
            (network,),
        )
        for step, prompt, attempts in (
            ("bootstrap", "extract", 1),
            ("i:1", "predict", 1),
            ("i:1", "predict", 3),
            ("i:1", "merge", 1),
            ("i:2", "merge", 1),  # not settled
            ("window 3", "extract", 1),
        ):
            call = Call(
                prompt=prompt, model="offline", attempts=attempts,
                input_tokens=10, output_tokens=2, seconds=0.5, outcome="ok",
            )  # fmt: skip
            await add_usage(conn, None, network, step, call)
        totals = {t.name: t for t in await sum_usage(conn, network)}
        assert {name: t.calls for name, t in totals.items()} == {
            "extract": 2,
            "merge": 2,
            "predict": 4,
        }
        assert (totals["predict"].input_tokens, totals["predict"].output_tokens) == (20, 4)
        assert totals["predict"].seconds == pytest.approx(1.0)
        interactions = await sum_usage(conn, network, "interactions")
        assert {t.name: t.calls for t in interactions} == {"merge": 1, "predict": 4}
        assert {t.name: t.calls for t in await sum_usage(conn, network, "updates")} == {
            "extract": 1
        }
        assert await sum_usage(conn, other) == []
