"""Reception (paper, §3.3): buffered messages pass the filter memory into the profile."""

from langgraph.runtime import Runtime

from nodes.resources import resources
from nodes.step import Step, begin_step
from prompts.merge import MERGE, Merge, MergeFields, Named
from state.domain import Client, FilterDecision, Reception
from state.graphs.context import NetworkContext
from state.graphs.interaction import ForwardState, MergeTask
from state.graphs.recommend import RecommendUpdate
from state.store.merged_views import find_view, keep_view


async def merge_messages(state: MergeTask, runtime: Runtime[NetworkContext]) -> ForwardState:
    """Merge one client's messages for an interaction: `P_c^pro = merge({R_c}, F_c, P_c)`.

    A view that was merged from the same profile, rules and buffer is taken over, also one that
    another interaction is at now.
    """
    step = await begin_step(state["step"], runtime)
    client = state["client"]
    async with resources().turns.at(f"{step.network.id}/merge/{client.id}"):
        return {"merged": [await _view(step, client)]}


async def merge_view(state: MergeTask, runtime: Runtime[NetworkContext]) -> RecommendUpdate:
    """Merge one client's messages for reading: nothing of the network changes."""
    step = await begin_step(state["step"], runtime)
    return {"views": [await _view(step, state["client"])]}


async def _view(step: Step, client: Client) -> Reception:
    made_by = resources().caller.fingerprint(MERGE)
    async with resources().pool.connection() as conn:
        view = await find_view(conn, step.network.id, client, made_by)
    if view is None:
        view = await receive(step, client)
        async with resources().pool.connection() as conn:
            await keep_view(conn, step.network.id, client, made_by, view)
    return view


async def receive(step: Step, client: Client) -> Reception:
    """Ask for the merge of a client's messages through its rules."""
    rules = client.rules if step.network.settings.filter_memory else ()
    names = {f"message {n}": message for n, message in enumerate(client.messages, start=1)}
    fields = MergeFields(
        kind=client.kind,
        profile=client.profile,
        rules=tuple(Named(name=f"rule {n}", text=rule) for n, rule in enumerate(rules, start=1)),
        messages=tuple(Named(name=name, text=m.body) for name, m in names.items()),
    )

    def check(reply: Merge) -> None:
        if sorted(verdict.message for verdict in reply.filter_decisions) != sorted(names):
            raise ValueError(f"give exactly one decision for each of: {', '.join(names)}")

    reply = await step.ask(MERGE, fields, check)
    cited = {f"rule {n}": rule for n, rule in enumerate(rules, start=1)}
    filter_decisions = tuple(
        FilterDecision(
            message=(message := names[verdict.message]).id,
            sender=message.sender,
            version=message.version,
            accepted=verdict.accepted,
            rule="" if verdict.accepted else cited.get(verdict.rule, ""),
            reason=verdict.reason,
        )
        for verdict in sorted(reply.filter_decisions, key=lambda v: names[v.message].id)
    )
    profile = reply.profile if any(v.accepted for v in filter_decisions) else client.profile
    return Reception(client=client.id, profile=profile, filter_decisions=filter_decisions)


def receptions_of(clients: list[Client], merged: list[Reception]) -> list[Reception]:
    """Return one reception for each client in order; without messages `P_c^pro = P_c`.

    What was merged when it was delivered, and no interaction has taken up, is part of it.
    """
    found = {reception.client: reception for reception in merged}
    receptions = [
        found.get(client.id, Reception(client=client.id, profile=client.profile))
        for client in clients
    ]
    return [
        reception.model_copy(
            update={"filter_decisions": (*client.filter_decisions, *reception.filter_decisions)}
        )
        if client.filter_decisions
        else reception
        for client, reception in zip(clients, receptions, strict=True)
    ]
