"""The commit of one interaction: all that it changed becomes visible at once, or nothing."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from langgraph.runtime import Runtime

from nodes.client_locks import stale_clients, unlock_clients
from nodes.optimize_clients import find_rewrite, usable
from nodes.step import Step, begin_step
from nodes.window_lease import join_window, still_claimed
from state.db.pool import Connection
from state.domain import Module, ModuleKind
from state.errors import ConflictError
from state.graphs.context import NetworkContext
from state.graphs.interaction import BackwardState
from state.store.buffers import consume_messages
from state.store.clients import (
    point_filter,
    point_profile,
)
from state.store.gradients import add_gradient
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


@dataclass(slots=True)
class Change:
    """The new texts of one module, oldest first, on top of the version that was read."""

    module: Module
    base: int
    texts: list[tuple[str, Author]] = field(default_factory=list)
    embedding: Vector | None = None

    @property
    def version(self) -> int:
        """The version the module has afterwards."""
        return self.base + len(self.texts)


async def commit_interaction(
    state: BackwardState, runtime: Runtime[NetworkContext]
) -> BackwardState:
    """Commit modules, gradients, the interaction, consumed messages and the pending set.

    A module that moved on since it was read is not overwritten: nothing is committed, and another
    round is made for the rewrites of those modules only.

    Raises:
        ConflictError: that happened too often.
    """
    step = await begin_step(state["interaction"], runtime)
    changes = plan_changes(state)
    await _embed(step, changes)
    async with step.commit() as conn:
        settled = await find_interaction(conn, step.network.id, step.name)
        if settled is not None and not settled.failure:
            # By this run before it was stopped, or by another run of the same record.
            window = await still_claimed(conn, step)
            update: BackwardState = {"window": window, **_outcome(state, settled)}
        elif stale := await stale_clients(conn, step, state):
            _log.info("%s met newer texts of clients %s", step.name, sorted(stale))
            if state["rounds"] >= _ROUNDS:
                raise ConflictError(
                    f"its clients changed {_ROUNDS} times while it was learned from"
                )
            return {"rounds": state["rounds"] + 1}
        else:
            update = {"window": await _write(conn, step, state, changes)}
    await unlock_clients(step)
    return {"committed": True, **update}


def plan_changes(state: BackwardState) -> list[Change]:
    """Return what the receptions and rewrites change, module by module."""
    changes = []
    for client, reception in zip(state["clients"], state["receptions"], strict=True):
        profile = Module(kind=ModuleKind.profile_of(client.kind), owner=client.id)
        change = Change(profile, client.profile_version)
        if reception.profile != client.profile and not client.profile_pinned:
            change.texts.append((reception.profile, "reception"))
        changes.append(change)
        memory = Module(kind=ModuleKind.FILTER_MEMORY, owner=client.id)
        changes.append(Change(memory, client.filter_version))
    by_module = {change.module: change for change in changes}
    for gradient in filter(usable, state["gradients"]):
        rewrite = find_rewrite(state, gradient) if gradient.module in by_module else None
        if rewrite is not None and rewrite.content != rewrite.started:
            by_module[gradient.module].texts.append((rewrite.content, "gradient"))
    return changes


async def _embed(step: Step, changes: Sequence[Change]) -> None:
    """Embed the last text of each changed profile: a stored embedding follows its text."""
    profiles = [c for c in changes if c.texts and c.module.kind is not ModuleKind.FILTER_MEMORY]
    if not profiles:
        return
    vectors = await step.embed([c.texts[-1][0] for c in profiles])
    for change, vector in zip(profiles, vectors, strict=True):
        change.embedding = np.asarray(vector, dtype=np.float32)


def _outcome(state: BackwardState, settled: Interaction) -> BackwardState:
    """Return what was committed; the run that lost a race had predicted on its own."""
    _, positive, negative = state["clients"]
    return {
        "predicted": (positive if settled.reward else negative).key,
        "reward": settled.reward or 0,
        "reason": settled.reason,
    }


async def _write(
    conn: Connection, step: Step, state: BackwardState, changes: list[Change]
) -> int | None:
    network = step.network.id
    user, positive, negative = state["clients"]
    predicted = positive if state["reward"] else negative
    interaction = Interaction(
        id=step.name, user_id=user.id, positive_id=positive.id, negative_id=negative.id,
        predicted_id=predicted.id, reward=state["reward"], reason=state["reason"],
        failure="",
    )  # fmt: skip
    ids = (user.id, positive.id, negative.id)
    async with conn.pipeline():  # some thirty statements that wait for no answer
        await write_interaction(conn, network, interaction)
        for change in changes:
            await _write_change(conn, step, change)
        await _write_filter_decisions(conn, step, state)
        await _write_gradients(conn, step, state, changes)
        await forget_views(conn, network, ids)
    return await join_window(conn, step, ids)


async def _write_filter_decisions(conn: Connection, step: Step, state: BackwardState) -> None:
    """Consume what was merged now, and take up what had been merged when it was delivered."""
    network = step.network.id
    for client, reception in zip(state["clients"], state["receptions"], strict=True):
        if heard := [verdict.message for verdict in client.filter_decisions]:
            await attach_filter_decisions(conn, network, step.name, client.id, heard)
        merged = tuple(v for v in reception.filter_decisions if v not in client.filter_decisions)
        if merged:
            await consume_messages(conn, network, client.id, [v.message for v in merged])
            now = reception.model_copy(update={"filter_decisions": merged})
            await add_filter_decisions(conn, network, [now], interaction=step.name)


async def _write_change(conn: Connection, step: Step, change: Change) -> None:
    if not change.texts:
        return
    for version, (content, author) in enumerate(change.texts, start=change.base + 1):
        await append_version(
            conn, step.network.id, change.module, version, content, author, interaction=step.name
        )
    if change.embedding is None:
        await point_filter(conn, step.network.id, change.module.owner, change.version)
    else:
        await point_profile(
            conn, step.network.id, change.module.owner, change.version, change.embedding
        )


async def _write_gradients(
    conn: Connection, step: Step, state: BackwardState, changes: list[Change]
) -> None:
    versions = {change.module: change.version for change in changes}
    for gradient in state["gradients"]:
        made = versions.get(gradient.module) if usable(gradient) else None
        await add_gradient(conn, step.network.id, step.name, gradient, made)
