"""Reception on delivery: what an update sends is merged before it commits, not kept in a buffer.

The recipients are known only once the update is written. So a dry run writes it and rolls back.
"""

import logging
from collections.abc import Mapping

from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.reception import fan_out_merges, receive
from nodes.step import Step, begin_step, window_step
from prompts.llm.errors import ReplyError
from state.db.pool import Connection
from state.domain import Client
from state.graphs.context import NetworkContext
from state.graphs.interaction import MergeTask
from state.graphs.router_update import RouterUpdateState
from state.store.buffers import consume_messages
from state.store.clients import point_profile, read_clients
from state.store.interactions import add_filter_decisions
from state.store.merged_views import forget_views
from state.store.versions import append_version
from state.vectors import Vector

_log = logging.getLogger(__name__)


async def fan_out_deliveries(state: RouterUpdateState) -> list[Send]:
    """Send each recipient to its merge; with none go on to the commit."""
    step, clients = window_step(state["window"]), state.get("recipients_to_merge", [])
    return fan_out_merges("merge_on_delivery", step, clients) or [
        Send("commit_router_update", state)
    ]


async def merge_on_delivery(
    state: MergeTask, runtime: Runtime[NetworkContext]
) -> RouterUpdateState:
    """Merge the messages one client is about to be sent (Eq. 5), in one call."""
    step = await begin_step(state["step"], runtime)
    client = state["client"]
    try:
        return {"merged": [await receive(step, client)]}
    except ReplyError as error:
        # One bad reply must not stop the network: the messages wait for the next interaction.
        _log.warning("%s: client %d keeps its messages: %s", step.name, client.id, error)
        return {"merged": []}


async def embed_merges(step: Step, state: RouterUpdateState) -> dict[int, Vector]:
    """Return the embeddings of the profiles that merges changed, by client."""
    before = {client.id: client.profile for client in state.get("recipients_to_merge", [])}
    merged = sorted(state.get("merged", []), key=lambda reception: reception.client)
    return await step.embed_each(
        {r.client: r.profile for r in merged if r.profile != before[r.client]}
    )


async def write_merges(
    conn: Connection,
    step: Step,
    window: int,
    state: RouterUpdateState,
    vectors: Mapping[int, Vector],
) -> None:
    """Write the merges of clients that are still as they were merged; other messages wait.

    The filter decisions belong to no interaction until the client's next one.
    """
    network = step.network.id
    merged = sorted(state.get("merged", []), key=lambda reception: reception.client)
    clients = {client.id: client for client in state.get("recipients_to_merge", [])}
    now = {c.id: c for c in await read_clients(conn, network, [r.client for r in merged])}
    for reception in merged:
        before = clients[reception.client]
        if not _is_unchanged(before, now[before.id]):
            _log.info("%s: client %d moved on and keeps its messages", step.name, before.id)
            continue
        if (vector := vectors.get(before.id)) is not None:
            module, version = before.profile_module, before.profile_version + 1
            await append_version(
                conn, network, module, version, reception.profile, "reception", window=window
            )
            await point_profile(conn, network, before.id, version, vector)
        messages = [decision.message for decision in reception.filter_decisions]
        await consume_messages(conn, network, before.id, messages)
        await add_filter_decisions(conn, network, [reception], window=window)
        await forget_views(conn, network, [before.id])


def _is_unchanged(before: Client, now: Client) -> bool:
    """Return whether a client is at the versions, and has all the messages, that were merged."""
    same = (now.profile_version, now.filter_version) == (
        before.profile_version,
        before.filter_version,
    )
    return same and {m.id for m in before.messages} <= {m.id for m in now.messages}
