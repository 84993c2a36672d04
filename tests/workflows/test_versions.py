"""Versions: whoever writes, they have no gaps, nothing is overwritten, and the last one counts."""

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nodes.attributes import match_vocabulary
from nodes.commit_interaction import commit_interaction
from nodes.commit_router_update import write_router_change
from nodes.resources import Resources
from nodes.step import Step
from state.domain import Client, Gradient, Module, ModuleKind
from state.errors import InputError
from state.graphs.interaction import Rewrite
from state.graphs.router_update import RouterChange
from state.store.versions import Author, join_rules
from tests.support.backward_state import after_forward
from tests.support.tiny_network import plant_tiny, runtime
from workflows.recnet import RecNet

WRITTEN = st.sampled_from(["One text.", "Another text.", "A third text."])
NAMES = ("user:ann", "item:j2", "rules:user:ann", "rules:item:m1", "router:1", "router:2")
HANDS = st.one_of(
    st.tuples(st.just("edit"), st.sampled_from(NAMES), WRITTEN),
    st.tuples(st.just("rollback"), st.sampled_from(NAMES), st.integers(1, 4)),
    st.tuples(st.sampled_from(["pin", "unpin"]), st.sampled_from(NAMES), st.none()),
)
LEARNS = st.tuples(st.just("interaction"), st.sets(st.integers(0, 3)), WRITTEN)
UPDATES = st.tuples(st.just("update"), st.integers(1, 2), st.lists(WRITTEN, max_size=2))
DEEDS = st.lists(st.one_of(HANDS, LEARNS, UPDATES), min_size=1, max_size=5)


@given(deeds=DEEDS)
async def test_versions_have_no_gaps_and_the_last_one_counts(
    recnet: RecNet, deeds: list[tuple[str, Any, Any]]
) -> None:
    await begin(recnet.resources)
    before: dict[tuple[str, int, int], str] = {}
    for number, (deed, what, how) in enumerate(deeds):
        with suppress(InputError):  # a version that is not there
            await do(recnet, number, deed, what, how)
        after = await stored(recnet.resources)
        assert before.items() <= after.items()
        before = after
    await assert_whole(recnet.resources, before)


async def begin(resources: Resources) -> None:
    """Bring the network back to its first versions."""
    async with resources.pool.connection() as conn, conn.transaction():
        row = await (await conn.execute("SELECT 1 FROM networks")).fetchone()
        if row is None:
            await plant_tiny(resources)
        await conn.execute("DELETE FROM module_versions WHERE version > 1")
        await conn.execute("DELETE FROM interactions")
        await conn.execute("DELETE FROM pending_clients")
        await conn.execute(
            "UPDATE clients SET profile_version = 1, filter_version = 1, "
            "profile_pinned = false, filter_pinned = false"
        )
        await conn.execute("UPDATE routers SET version = 1, pinned = false")


async def do(recnet: RecNet, number: int, deed: str, what: Any, how: Any) -> None:  # noqa: ANN401
    match deed:
        case "edit":
            await recnet.network("tiny").edit(what, how)
        case "rollback":
            await recnet.network("tiny").rollback(what, how)
        case "pin":
            await recnet.network("tiny").pin(what)
        case "unpin":
            await recnet.network("tiny").unpin(what)
        case "interaction":
            await learn(f"i:{number}", what, how)
        case _:
            await take_in(recnet, what, how)


async def learn(interaction: str, involved: set[int], text: str) -> None:
    """Commit an interaction whose gradients rewrite some of four modules."""
    state = await after_forward(interaction)
    user, positive, negative = state["clients"]
    modules = [
        (Module(kind=ModuleKind.USER_PROFILE, owner=user.id), user.profile),
        (Module(kind=ModuleKind.ITEM_PROFILE, owner=positive.id), positive.profile),
        (Module(kind=ModuleKind.FILTER_MEMORY, owner=user.id), join_rules(user.rules)),
        (Module(kind=ModuleKind.FILTER_MEMORY, owner=negative.id), join_rules(negative.rules)),
    ]
    wanted = [modules[place] for place in sorted(involved)]
    state["gradients"] = [
        Gradient(interaction=interaction, module=module, version=1, reward=0, suggestion="Say so.")
        for module, _ in wanted
        if not pinned(module, state["clients"])
    ]
    state["rewrites"] = [
        Rewrite(module=module, before=before, after=text) for module, before in wanted
    ]
    await commit_interaction(state, runtime())


def pinned(module: Module, clients: list[Client]) -> bool:
    owner = next(client for client in clients if client.id == module.owner)
    rules = module.kind is ModuleKind.FILTER_MEMORY
    return owner.filter_pinned if rules else owner.profile_pinned


async def take_in(recnet: RecNet, router: int, texts: list[str]) -> None:
    """Write a router as an update does: a rewrite, a summary, both, or neither (pinned)."""
    step = Step(await recnet.network("tiny").record(), "window 1", recnet.resources)
    match = await match_vocabulary(step, ())
    authors: list[Author] = ["gradient", "summary"]
    async with step.commit() as conn:
        cursor = await conn.execute("SELECT version FROM routers WHERE id = %s", (router,))
        row = await cursor.fetchone()
        assert row is not None
        change = RouterChange(
            module=Module.router(router),
            base=row["version"],
            texts=tuple(zip(texts, authors, strict=False)),
            attributes=(),
        )
        vector = (await recnet.resources.encoder.embed([texts[-1] if texts else "Still."]))[0]
        await write_router_change(conn, step.network.id, change, vector, match, window=1)


async def stored(resources: Resources) -> dict[tuple[str, int, int], str]:
    async with resources.pool.connection() as conn:
        cursor = await conn.execute("SELECT module, owner, version, content FROM module_versions")
        return {
            (row["module"], row["owner"], row["version"]): row["content"]
            for row in await cursor.fetchall()
        }


async def assert_whole(resources: Resources, versions: dict[tuple[str, int, int], str]) -> None:
    numbers: dict[tuple[str, int], list[int]] = {}
    for module, owner, version in sorted(versions):
        numbers.setdefault((module, owner), []).append(version)
    for held in numbers.values():
        assert held == list(range(1, len(held) + 1))
    async with resources.pool.connection() as conn:
        clients = await (await conn.execute("SELECT * FROM clients")).fetchall()
        routers = await (await conn.execute("SELECT * FROM routers")).fetchall()
    last = {module: held[-1] for module, held in numbers.items()}
    for row in clients:
        assert last[f"{row['kind']}_profile", row["id"]] == row["profile_version"]
        assert last["filter_memory", row["id"]] == row["filter_version"]
    for row in routers:
        assert last["router", row["id"]] == row["version"]
