"""The commit of one interaction: all that it changed becomes visible at once, or nothing."""

import logging
from collections.abc import Mapping, Sequence

from langgraph.runtime import Runtime

from nodes.client_locks import stale_clients, unlock_clients
from nodes.optimize_clients import find_rewrite
from nodes.step import Step, begin_step
from nodes.window_lease import join_window, still_claimed
from state.db.pool import Connection
from state.domain import Client, Gradient, Module, ModuleKind, Reception
from state.errors import ConflictError
from state.graphs.context import NetworkContext
from state.graphs.interaction import BackwardState, ModuleChange
from state.store.buffers import consume_messages
from state.store.clients import point_filter, point_profile
from state.store.gradients import add_gradients
from state.store.interactions import (
    Interaction,
    add_filter_decisions,
    attach_filter_decisions,
    find_interaction,
    write_interaction,
)
from state.store.merged_views import forget_views
from state.store.versions import Author, append_version
from state.vectors import Vector

_ROUNDS = 5

_log = logging.getLogger(__name__)


async def commit_interaction(
    state: BackwardState, runtime: Runtime[NetworkContext]
) -> BackwardState:
    """Commit modules, gradients, the interaction, consumed messages and the pending set.

    Embeds the changed profiles and calls no model. A module that moved on since it was read is not
    overwritten: nothing is committed, and those modules are rewritten in another round. Where that
    happened too often, ConflictError fails the record.
    """
    step = await begin_step(state["interaction"], runtime)
    changes = plan_client_changes(state)
    vectors = await step.embed_each(
        {
            change.module: change.texts[-1][0]
            for change in changes
            if change.texts and change.module.kind is not ModuleKind.FILTER_MEMORY
        }
    )
    async with step.commit() as conn:
        settled = await find_interaction(conn, step.network.id, step.name)
        if settled is not None and not settled.failure:
            # By this run before it was stopped, or by another run of the same record.
            # A run that lost the race to commit had its own prediction.
            update: BackwardState = {
                "window": await still_claimed(conn, step),
                "predicted": state["clients"][1 if settled.reward else 2].key,
                "reward": settled.reward or 0,
                "reason": settled.reason,
            }
        elif stale := await stale_clients(conn, step, state):
            _log.info("%s met newer texts of clients %s", step.name, sorted(stale))
            if state["rounds"] >= _ROUNDS:
                raise ConflictError(
                    f"its clients changed {_ROUNDS} times while it was learned from"
                )
            return {"rounds": state["rounds"] + 1}
        else:
            update = {"window": await _write(conn, step, state, changes, vectors)}
    await unlock_clients(step)
    return {"committed": True, **update}


def plan_client_changes(state: BackwardState) -> list[ModuleChange]:
    """Return what receptions and rewrites change in profiles and filter memories."""
    rewritten = {gradient.module for gradient in state["gradients"] if gradient.status == "pending"}

    def change(module: Module, base: int, *texts: tuple[str, Author]) -> ModuleChange:
        rewrite = find_rewrite(state, module) if module in rewritten else None
        if rewrite is not None and rewrite.after != rewrite.before:
            texts += ((rewrite.after, "gradient"),)
        return ModuleChange(module=module, base=base, texts=texts)

    changes = []
    for client, reception in zip(state["clients"], state["receptions"], strict=True):
        merged = reception.profile != client.profile and not client.profile_pinned
        texts: list[tuple[str, Author]] = [(reception.profile, "reception")] if merged else []
        changes.append(change(client.profile_module, client.profile_version, *texts))
        changes.append(change(client.filter_module, client.filter_version))
    return changes


async def _write(
    conn: Connection,
    step: Step,
    state: BackwardState,
    changes: Sequence[ModuleChange],
    vectors: Mapping[Module, Vector],
) -> int | None:
    network, clients = step.network.id, state["clients"]
    user, positive, negative = ids = tuple(client.id for client in clients)
    interaction = Interaction(
        id=step.name, user_id=user, positive_id=positive, negative_id=negative,
        predicted_id=positive if state["reward"] else negative,
        reward=state["reward"], reason=state["reason"], failure="",
    )  # fmt: skip
    async with conn.pipeline():  # some thirty statements that wait for no answer
        await write_interaction(conn, network, interaction)
        for change in changes:
            await write_change(conn, step, change, vectors.get(change.module))
        for client, reception in zip(clients, state["receptions"], strict=True):
            await _write_filter_decisions(conn, step, client, reception)
        await add_gradients(conn, network, _apply(state["gradients"], changes))
        await forget_views(conn, network, ids)
    return await join_window(conn, step, ids)


async def _write_filter_decisions(
    conn: Connection, step: Step, client: Client, reception: Reception
) -> None:
    """Consume what was merged now, and attach what had been merged on delivery."""
    network = step.network.id
    if delivered := [decision.message for decision in client.filter_decisions]:
        await attach_filter_decisions(conn, network, step.name, client.id, delivered)
    merged = tuple(d for d in reception.filter_decisions if d not in client.filter_decisions)
    if merged:
        await consume_messages(conn, network, client.id, [d.message for d in merged])
        now = reception.model_copy(update={"filter_decisions": merged})
        await add_filter_decisions(conn, network, [now], interaction=step.name)


async def write_change(
    conn: Connection, step: Step, change: ModuleChange, vector: Vector | None
) -> None:
    """Append the new texts of a profile or filter memory; a profile comes with its vector."""
    if not change.texts:
        return
    network, module = step.network.id, change.module
    for version, (text, author) in enumerate(change.texts, start=change.base + 1):
        await append_version(conn, network, module, version, text, author, interaction=step.name)
    if vector is None:
        await point_filter(conn, network, module.owner, change.version)
    else:
        await point_profile(conn, network, module.owner, change.version, vector)


def _apply(gradients: Sequence[Gradient], changes: Sequence[ModuleChange]) -> list[Gradient]:
    """Return the gradients, those of clients applied; a router's stay pending."""
    versions = {change.module: change.version for change in changes}
    applied = []
    for one in gradients:
        update: dict[str, object] = {}
        if one.status == "pending" and (version := versions.get(one.module)) is not None:
            owner = one.module.owner
            update = {"status": "applied", "applied_to": owner, "applied_version": version}
        applied.append(one.model_copy(update=update))
    return applied
