"""Rank candidates for a user from merged views; nothing of the network changes."""

from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Send

from nodes.forward import fan_out_merges, receptions_of
from nodes.step import begin_step
from prompts.predict import Option
from prompts.rank import RANK, Rank, RankFields
from state.domain import ClientKind, Fault
from state.errors import InputError
from state.graphs.context import NetworkContext
from state.graphs.recommend import RankedItem, RecommendState, RecommendUpdate
from state.randomness import draw
from state.store.clients import find_clients, nearest_items, read_clients

_STEP = "recommend"
CANDIDATES = 10
"""The default number: what a small model can read."""
_MOST = 100


async def view_clients(state: RecommendState, runtime: Runtime[NetworkContext]) -> RecommendUpdate:
    """Read the user and the candidates: those given, or the nearest items the user has not met.

    Raises:
        InputError: unknown user or item, a candidate named twice, too many of them, or none.
        BudgetExceeded: the budget is spent.
    """
    step = await begin_step(_STEP, runtime, first=True)
    step.network.require_bootstrapped()
    step.resources.budget.require()
    network = step.network.id
    if (count := state.get("count", CANDIDATES)) < 1:
        raise InputError(f"count is {count}: ask for one item at least")
    async with step.connection() as conn:
        user = (await find_clients(conn, network, ClientKind.USER, [state["user"]]))[state["user"]]
        near = min(count, _MOST)
        keys = state.get("candidates") or await nearest_items(conn, network, user, near)
        if len(keys) > _MOST:
            raise InputError(f"at most {_MOST} candidates can be ranked at once")
        items = await find_clients(conn, network, ClientKind.ITEM, keys)
        if len(set(items.values())) < len(keys):
            raise InputError("a candidate is named twice")
        clients = await read_clients(conn, network, [user, *(items[key] for key in keys)])
    return {"clients": clients, "origin": "given" if state.get("candidates") else "nearest"}


async def fan_out_views(state: RecommendState) -> list[Send] | Literal["rank_candidates"]:
    """Send each client whose buffer holds messages to its merged view; with none, rank at once."""
    return fan_out_merges("merge_view", _STEP, state["clients"]) or "rank_candidates"


async def rank_candidates(
    state: RecommendState, runtime: Runtime[NetworkContext]
) -> RecommendUpdate:
    """Rank the candidates in one call, shown in an order drawn by seed.

    Unknown and repeated names in the reply are dropped; candidates it left out come last, in
    seeded random order. Both are counted.
    """
    step = await begin_step(_STEP, runtime)
    user, *items = state["clients"]
    if not items:
        return {"ranking": [], "missing": 0, "dropped": 0}
    views = {r.client: r.profile for r in receptions_of(state["clients"], state.get("views", []))}
    lot = draw(step.network.settings.seed, user.key, *sorted(i.key for i in items), "candidates")
    shown = sorted(items, key=lambda item: item.id)
    lot.shuffle(shown)
    named = {f"item {n}": item for n, item in enumerate(shown, start=1)}
    fields = RankFields(
        user=views[user.id],
        candidates=tuple(
            Option(name=name, title=item.title, profile=views[item.id])
            for name, item in named.items()
        ),
    )

    def notice(reply: Rank) -> list[Fault]:
        return ["unknown_item" for entry in reply.ranking if entry.name not in named]

    reply = await step.ask(RANK, fields, notice=notice)
    reasons: dict[str, str] = {}
    for entry in reply.ranking:
        if entry.name in named:
            reasons.setdefault(entry.name, entry.reason)
    missing = [name for name in named if name not in reasons]
    lot.shuffle(missing)
    dropped = len(reply.ranking) - len(reasons)
    reasons |= dict.fromkeys(missing, "not in the reply")
    ranking = [
        RankedItem(
            item=named[name].key, title=named[name].title, reason=reason, origin=state["origin"]
        )
        for name, reason in reasons.items()
    ]
    return {"ranking": ranking, "missing": len(missing), "dropped": dropped}
