"""One record of AgentCF: who reflects, what is committed, and that nothing is lost or told."""

from collections import Counter

import numpy as np
import pytest
from langgraph.runtime import Runtime

from evals.baselines.agentcf.commit import commit_memories
from evals.baselines.agentcf.prompts import ReflectionFields
from evals.baselines.agentcf.state import AgentCFContext, ReflectionState
from nodes.forward import load_clients
from prompts.fields import read_fields
from prompts.predict import PredictFields
from state.domain import Client, Module, ModuleKind
from state.errors import ConflictError, InputError
from state.graphs.interaction import ForwardState, InteractionOutput
from state.store.versions import Version, read_versions
from state.vectors import as_array
from tests.support.agentcf import as_agentcf, untouched
from tests.support.database_rows import calls, read_record_clients, rows
from tests.support.watched_model import BAD, Script, WatchedModel
from workflows.recnet import RecNet

RECORD = ("ann", "j2", "m1")
TAKEN = "Swing Trumpet Quartet"
RUNTIME = Runtime(context=AgentCFContext(network="agents"))


async def learn(agents: RecNet, *, user: str = "ann") -> InteractionOutput:
    _, positive, negative = RECORD
    return await as_agentcf(agents).interact(
        user=user, positive=positive, negative=negative, id="a"
    )


async def network_of(agents: RecNet) -> int:
    return (await agents.network("agents").record()).id


def choosing(*right: bool) -> Script:
    """Return a script by which the user agent chooses rightly or wrongly, round by round."""
    left = list(right)

    def script(reply: str, text: str) -> str | None:
        if reply != "Predict":
            return None
        options = read_fields(text, PredictFields).options
        choice = next(o.name for o in options if (o.title == TAKEN) is left[0])
        left.pop(0)
        return f'{{"reason": "It seemed so.", "choice": "{choice}"}}'

    return script


async def memory_versions(agents: RecNet, client: Client) -> list[Version]:
    module = Module(kind=ModuleKind.profile_of(client.kind), owner=client.id)
    async with agents.resources.pool.connection() as conn:
        return await read_versions(conn, await network_of(agents), module)


@pytest.mark.parametrize(
    ("right", "wanted", "versions"),
    [
        ([True], {"predict": 1, "agentcf_user": 1, "agentcf_items": 1}, (2, 2, 1)),
        ([False, True], {"predict": 2, "agentcf_user": 1, "agentcf_items": 2}, (2, 3, 2)),
        ([False, False], {"predict": 2, "agentcf_user": 2, "agentcf_items": 2}, (3, 3, 3)),
    ],
)
async def test_a_record_is_reflected_on_twice_at_most(
    agents: RecNet,
    model: WatchedModel,
    right: list[bool],
    wanted: dict[str, int],
    versions: tuple[int, ...],
) -> None:
    network = await network_of(agents)
    before = await untouched(agents, network)
    choose, told = choosing(*right), iter(range(100))
    users: dict[str, list[str]] = {"Predict": [], "UserMemory": [], "ItemMemories": []}

    def script(reply: str, text: str) -> str | None:
        """Give every memory that is written another text, so that none is left as it was."""
        users[reply].append(
            read_fields(text, PredictFields).user
            if reply == "Predict"
            else read_fields(text, ReflectionFields).user
        )
        if reply == "UserMemory":
            return f'{{"profile": "I like trumpets, {next(told)}."}}'
        if reply == "ItemMemories":
            return f'{{"taken": "Trumpets, {next(told)}.", "other": "Riffs, {next(told)}."}}'
        return choose(reply, text)

    model.script = script
    out = await learn(agents)
    assert (out["reward"], out["predicted"]) == ((1, "j2") if right[0] else (0, "m1"))
    made = await calls(agents, network, "a")
    assert {prompt: made[prompt] for prompt in wanted} == wanted
    assert made.keys() <= {*wanted, "embed"}
    after = await read_record_clients(agents, network, *RECORD)
    assert tuple(client.profile_version for client in after) == versions
    for client in after:
        first, *written = await memory_versions(agents, client)
        assert first.author == "bootstrap"
        assert {(v.author, v.interaction_id) for v in written} <= {("reflection", "a")}
        (stored,) = await rows(
            agents,
            "SELECT embedding FROM client_vectors WHERE network_id = %s AND client_id = %s",
            network,
            client.id,
        )
        (vector,) = await agents.resources.encoder.embed([client.profile])
        assert np.allclose(as_array(stored["embedding"]), vector, atol=1e-6)
    assert await untouched(agents, network) == before
    # Both later choices and the items read the user's newest memory, the user its last one.
    texts = [version.content for version in await memory_versions(agents, after[0])]
    assert users["Predict"] == texts[: len(right)]
    assert users["UserMemory"] == texts[:-1]
    assert users["ItemMemories"] == [*texts[1:], texts[-1]][: len(right)]


async def test_the_first_choice_reads_the_same_whichever_item_was_taken(
    agents: RecNet, model: WatchedModel
) -> None:
    """Seen as a model sees it: swapped items change places, and nothing else tells them apart."""
    shown: list[PredictFields] = []
    first: list[PredictFields] = []

    def script(reply: str, text: str) -> str | None:
        if reply == "Predict":
            shown.append(read_fields(text, PredictFields))
        return None

    model.script = script
    await agents.network("agents").copy("swapped")
    user, one, other = RECORD
    for name, positive, negative in (("agents", one, other), ("swapped", other, one)):
        shown.clear()
        await as_agentcf(agents, name).interact(
            user=user, positive=positive, negative=negative, id="a"
        )
        first.append(shown[0])
    texts = [[(o.title, o.profile) for o in fields.options] for fields in first]
    assert texts[0] == texts[1][::-1]
    assert first[0].user == first[1].user
    assert {tuple(o.name for o in fields.options) for fields in first} == {("A", "B")}


async def test_an_identity_counts_once(agents: RecNet, model: WatchedModel) -> None:
    out = await learn(agents)
    digest = await agents.network("agents").digest()
    model.asked.clear()
    again = await learn(agents)
    assert again == {**out, "repeated": True}
    assert model.asked == []
    assert await agents.network("agents").digest() == digest
    with pytest.raises(InputError, match="was another record"):
        await as_agentcf(agents).interact(user="bob", positive="j2", negative="m1", id="a")


@pytest.mark.parametrize("reply", ["Predict", "UserMemory", "ItemMemories"])
async def test_a_bad_reply_fails_its_record_and_changes_no_memory(
    agents: RecNet, model: WatchedModel, reply: str
) -> None:
    network = await network_of(agents)
    before = await read_record_clients(agents, network, *RECORD)
    held = await untouched(agents, network)
    model.script = lambda asked, _: BAD if asked == reply else None
    out = await learn(agents)
    assert "JSON" in out["failure"]
    assert await read_record_clients(agents, network, *RECORD) == before
    assert await untouched(agents, network) == held
    assert Counter(model.asked)[reply] == 3  # asked again, and paid for
    model.script = lambda _, __: None
    assert (await learn(agents))["failure"] == ""


async def test_after_a_wrong_choice_both_items_must_be_written(
    agents: RecNet, model: WatchedModel
) -> None:
    choose = choosing(False)
    model.script = lambda reply, text: (
        '{"taken": "Trumpets.", "other": ""}' if reply == "ItemMemories" else choose(reply, text)
    )
    assert "rewrite the memory of the other item too" in (await learn(agents))["failure"]


async def test_a_record_that_meets_newer_memories_begins_again(agents: RecNet) -> None:
    network = await network_of(agents)
    user, positive, negative = RECORD
    met = await load_clients(
        ForwardState(user=user, positive=positive, negative=negative, interaction="late"), RUNTIME
    )
    late: ReflectionState = {
        "interaction": "late",
        "clients": met["clients"],
        "written": [["Mine."], [], []],
        "round": 1,
        "reward": 1,
        "reason": "",
    }
    await learn(agents)
    digest = await agents.network("agents").digest()
    update = await commit_memories(late, RUNTIME)
    assert (update["committed"], update["conflicts"], update["round"]) == (False, 1, 0)
    assert update["clients"] == await read_record_clients(agents, network, *RECORD)
    assert await agents.network("agents").digest() == digest
    with pytest.raises(ConflictError, match="changed 5 times"):
        await commit_memories({**late, "conflicts": 5}, RUNTIME)
    late = {**late, **update, "written": [["Mine."], [], []]}
    assert await commit_memories(late, RUNTIME) == {"committed": True}
    assert (await read_record_clients(agents, network, *RECORD))[0].profile == "Mine."
    # Again, as after a stop right behind the commit: it is found, and nothing is written.
    digest = await agents.network("agents").digest()
    again = await commit_memories({**late, "reward": 0, "reason": "another"}, RUNTIME)
    assert again == {"committed": True, "predicted": "j2", "reward": 1, "reason": ""}
    assert await agents.network("agents").digest() == digest


async def test_a_pinned_memory_stays(agents: RecNet) -> None:
    await agents.network("agents").pin("user:ann")
    before, *_ = await read_record_clients(agents, await network_of(agents), *RECORD)
    await learn(agents)
    after, item, _ = await read_record_clients(agents, await network_of(agents), *RECORD)
    assert after == before
    assert item.profile_version > 1
