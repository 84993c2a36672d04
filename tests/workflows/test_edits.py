"""What a person changes by hand: versions with their author, and what learning does with them."""

from typing import Any

import pytest

from nodes.resources import Resources
from state.domain import PROFILE_LENGTH, RULE_LENGTH, RULES_HELD, Module, ModuleKind
from state.errors import ConflictError, InputError, NetworkError
from state.store.clients import read_clients
from state.store.gradients import read_gradients
from state.store.routers import read_routers, retire_router
from state.store.versions import read_versions
from state.store.windows import add_pending, claim_window
from tests.support.database_rows import pending_set, rows
from tests.support.tiny_network import (
    NETWORK_SETTINGS,
    bootstrap_tiny,
    load_tiny,
    train_tiny,
)
from workflows.inspect import view_network
from workflows.recnet import RecNet

ANN = Module(kind=ModuleKind.USER_PROFILE, owner=1)


async def versions(recnet: RecNet, network: int, module: Module = ANN) -> list[tuple[int, str]]:
    async with recnet.resources.pool.connection() as conn:
        found = await read_versions(conn, network, module)
    return [(version.version, version.author) for version in found]


@pytest.mark.slow
async def test_a_rolled_back_profile_reads_as_it_did_and_nothing_is_lost(recnet: RecNet) -> None:
    network = await train_tiny(recnet)
    async with recnet.resources.pool.connection() as conn:
        before = await read_versions(conn, network, ANN)
    assert len(before) >= 2
    waiting = await pending_set(recnet, network)
    made = await recnet.network("tiny").rollback("user:ann", 1, note="too eager")
    assert (made.version, made.content) == (len(before) + 1, before[0].content)
    async with recnet.resources.pool.connection() as conn:
        after = await read_versions(conn, network, ANN)
        (ann,) = await read_clients(conn, network, [1])
    assert after[:-1] == before
    assert (after[-1].author, after[-1].note) == ("rollback", "to version 1: too eager")
    assert (ann.profile, ann.profile_version) == (before[0].content, made.version)
    # The next router update takes the change up.
    assert await pending_set(recnet, network) == waiting | {1}
    again = await recnet.network("tiny").rollback("user:ann", 1)
    assert (again.changed, again.version) == (False, made.version)


@pytest.mark.parametrize("module", ["user:ann", "item:j2", "router:1"])
async def test_the_embedding_follows_an_edited_text(recnet: RecNet, module: str) -> None:
    await bootstrap_tiny(recnet)
    await recnet.network("tiny").edit(module, "All about accordions.")
    stored = await rows(
        recnet,
        "SELECT embedding FROM router_vectors WHERE router_id = 1"
        if module == "router:1"
        else "SELECT v.embedding FROM client_vectors v JOIN clients c "
        "ON (c.network_id, c.id) = (v.network_id, v.client_id) WHERE c.kind || ':' || c.key = %s",
        *(() if module == "router:1" else (module,)),
    )
    (wanted,) = await recnet.resources.encoder.embed(["All about accordions."])
    assert stored[0]["embedding"].to_numpy() == pytest.approx(wanted, abs=1e-6)


async def test_rules_are_edited_one_a_line(recnet: RecNet) -> None:
    network = await bootstrap_tiny(recnet)
    made = await recnet.network("tiny").edit(
        "rules:user:ann", "  Keep out polka. \n\nTake in jazz.\r\n"
    )
    assert made.content == "Keep out polka.\nTake in jazz."
    async with recnet.resources.pool.connection() as conn:
        (ann,) = await read_clients(conn, network, [1])
    assert ann.rules == ("Keep out polka.", "Take in jazz.")
    assert await pending_set(recnet, network) == set()  # attributes come from the profile alone


@pytest.mark.parametrize(
    ("module", "text", "line"),
    [
        ("user:ann", " \x00\n ", "the text is empty"),
        ("user:ann", "x" * (PROFILE_LENGTH + 1), f"at most {PROFILE_LENGTH}"),
        ("router:1", "x" * 5_000, "5000 characters"),
        ("rules:item:j1", "\n", "there is no rule"),
        ("rules:item:j1", "x" * (RULE_LENGTH + 1), f"at most {RULE_LENGTH}"),
        ("rules:item:j1", "\n".join(map(str, range(RULES_HELD + 1))), f"at most {RULES_HELD}"),
        ("user:nobody", "text", "unknown user 'nobody'"),
        ("router:99", "text", "no router 99; there are 1 to 3"),
        ("ann", "text", "'ann' is not the name of a module: write it as one of user:KEY"),
        ("rules:router:1", "text", "is not the name of a module"),
        ("user:ann", "text", "the note has 301 characters, at most 300"),
    ],
)
async def test_what_cannot_be_written_changes_nothing(
    recnet: RecNet, module: str, text: str, line: str
) -> None:
    await bootstrap_tiny(recnet)
    digest = await recnet.network("tiny").digest()
    with pytest.raises(InputError, match=line):
        await recnet.network("tiny").edit(module, text, note="x" * 301 if "note" in line else "")
    assert await recnet.network("tiny").digest() == digest


@pytest.mark.parametrize("version", [0, 2, -1])
async def test_a_version_that_is_not_there_is_refused(recnet: RecNet, version: int) -> None:
    await bootstrap_tiny(recnet)
    with pytest.raises(InputError, match=f"no version {version}; it has 1 to 1"):
        await recnet.network("tiny").rollback("item:j1", version)


async def test_an_edit_of_a_text_that_moved_on_is_refused(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    current = await recnet.network("tiny").module("user:ann")
    assert current.version == 1
    await recnet.network("tiny").edit("user:ann", "Likes accordions.")
    with pytest.raises(ConflictError, match="version 2 now, and the text was made from version 1"):
        await recnet.network("tiny").edit("user:ann", "Likes jazz.", base=current.version)


async def test_a_router_is_left_alone_amid_its_update(recnet: RecNet) -> None:
    network = await bootstrap_tiny(recnet)
    async with recnet.resources.pool.connection() as conn:
        await add_pending(conn, network, range(1, 7))
        await claim_window(conn, network, NETWORK_SETTINGS.update_size)
    with pytest.raises(NetworkError, match="a router update of network 'tiny' is under way"):
        await recnet.network("tiny").edit("router:1", "Accordions.")
    await recnet.network("tiny").edit("user:ann", "Likes accordions.")
    await recnet.network("tiny").train(limit=0)
    assert (await recnet.network("tiny").edit("router:1", "Accordions.")).changed


async def test_a_retired_router_names_its_heirs(recnet: RecNet) -> None:
    network = await bootstrap_tiny(recnet)
    async with recnet.resources.pool.connection() as conn:
        await retire_router(conn, network, 1, 3)
    with pytest.raises(InputError, match="router 1 has retired; heirs: 3"):
        await recnet.network("tiny").pin("router:1")


async def test_a_network_without_texts_is_told_to_be_bootstrapped(
    recnet: RecNet,
) -> None:
    await load_tiny(recnet)
    with pytest.raises(NetworkError, match="recnet bootstrap --network tiny"):
        await recnet.network("tiny").edit("user:ann", "Likes jazz.")


@pytest.mark.slow
async def test_pinned_texts_stay_whatever_is_learned(recnet: RecNet) -> None:
    network = await train_tiny(recnet)
    async with recnet.resources.pool.connection() as conn:
        routers = await read_routers(conn, network)
        clients = await read_clients(conn, network, range(1, 19))
    names = [f"{c.kind}:{c.key}" for c in clients]
    names += [f"rules:{name}" for name in names] + [f"router:{r.id}" for r in routers]
    for name in names:
        assert (await recnet.network("tiny").pin(name)).changed
    assert not (await recnet.network("tiny").pin(names[0])).changed
    before = await rows(recnet, "SELECT module, owner, content FROM module_versions")
    report = await recnet.network("tiny").train(fit="train+valid")
    assert (report.run, report.failed) == (6, 0)
    assert report.windows > 2
    # Not one new version, and what gradients asked for is kept with the reason.
    assert await rows(recnet, "SELECT module, owner, content FROM module_versions") == before
    kept = await rows(
        recnet,
        "SELECT g.status, g.rejected_because, g.module FROM gradients g JOIN interactions i "
        "ON (i.network_id, i.id) = (g.network_id, g.interaction_id) "
        "WHERE g.suggestion <> '' AND i.id IN "
        "(SELECT id FROM interactions ORDER BY created_at DESC LIMIT 6)",
    )
    assert {row["rejected_because"] for row in kept if row["module"] != "router"} == {
        "the module is pinned"
    }
    assert {row["status"] for row in kept if row["module"] != "router"} == {"rejected"}
    async with recnet.resources.pool.connection() as conn:
        view = await view_network(conn, await recnet.network("tiny").record())
    assert sorted(view.pinned) == sorted(names)


@pytest.mark.slow
async def test_an_unpinned_text_learns_again(recnet: RecNet) -> None:
    network = await bootstrap_tiny(recnet)
    await recnet.network("tiny").pin("user:ann", note="as she asked")
    await recnet.network("tiny").interact(user="ann", positive="m1", negative="j4", id="a")
    assert await versions(recnet, network) == [(1, "bootstrap"), (2, "pin")]
    await recnet.network("tiny").unpin("user:ann")
    await recnet.network("tiny").interact(user="ann", positive="m1", negative="j4", id="b")
    assert (await versions(recnet, network))[:4] == [
        (1, "bootstrap"),
        (2, "pin"),
        (3, "unpin"),
        (4, "gradient"),
    ]


async def test_a_pinned_text_may_be_edited_and_stays_pinned(recnet: RecNet) -> None:
    network = await bootstrap_tiny(recnet)
    await recnet.network("tiny").pin("user:ann")
    await recnet.network("tiny").edit("user:ann", "Likes accordions.")
    await recnet.network("tiny").interact(user="ann", positive="m1", negative="j4", id="a")
    assert await versions(recnet, network) == [(1, "bootstrap"), (2, "pin"), (3, "edit")]
    async with recnet.resources.pool.connection() as conn:
        gradients = await read_gradients(conn, network, "a")
    profile = Module(kind=ModuleKind.USER_PROFILE, owner=1)
    rejected = [g.rejected_because for g in gradients if g.module == profile]
    assert rejected == ["the module is pinned"]


@pytest.mark.slow
async def test_what_is_pinned_between_snapshot_and_commit_is_not_rewritten(
    recnet: RecNet, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = await bootstrap_tiny(recnet)
    ask, due = resources.model_client.ask, ["optimize_profile"]

    async def pin_meanwhile(prompt: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        if due and prompt.name == due[0]:
            due.clear()
            await recnet.network("tiny").pin("user:ann")
        return await ask(prompt, *args, **kwargs)

    monkeypatch.setattr(resources.model_client, "ask", pin_meanwhile)
    await recnet.network("tiny").interact(user="ann", positive="m1", negative="j4", id="a")
    assert not due
    assert await versions(recnet, network) == [(1, "bootstrap"), (2, "pin")]
