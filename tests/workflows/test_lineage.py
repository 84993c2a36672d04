"""Lineage: what is told as before and after is what is stored."""

import json
import re

import pytest

from prompts.fields import read_fields
from prompts.optimize_profile import OptimizeProfileFields
from state.errors import InputError
from tests.workflows.looking import rows
from tests.workflows.watched import BAD, Script, WatchedModel
from tests.worlds import found
from workflows.lineage import Lineage, TracedGradient, trace_interaction
from workflows.recnet import RecNet
from workflows.training import train

Made = dict[tuple[str, str], tuple[str, str]]
"""Texts before and after, by interaction and module as a person would say it."""


async def trace(recnet: RecNet, interaction: str) -> Lineage:
    network = await recnet.network("tiny")
    async with recnet.resources.pool.connection() as conn:
        return await trace_interaction(conn, network, interaction)


async def trace_all(recnet: RecNet) -> dict[str, Lineage]:
    found = await rows(recnet, "SELECT id FROM interactions")
    return {row["id"]: await trace(recnet, row["id"]) for row in found}


async def stored_rewrites(recnet: RecNet) -> Made:
    """Return what optimizers wrote for clients, read from the versions."""
    found = await rows(
        recnet,
        """
        SELECT v.interaction_id, v.module, c.kind, c.key, v.content, b.content AS before
        FROM module_versions v
        JOIN module_versions b ON (b.network_id, b.module, b.owner, b.version)
             = (v.network_id, v.module, v.owner, v.version - 1)
        JOIN clients c ON c.network_id = v.network_id AND c.id = v.owner
        WHERE v.author = 'gradient' AND v.module <> 'router'
        """,
    )
    return {
        (row["interaction_id"], said(row["module"], row["kind"], row["key"])): (
            row["before"],
            row["content"],
        )
        for row in found
    }


def said(module: str, kind: str, key: str) -> str:
    client = f"{kind} {key}"
    return f"filter memory of {client}" if module == "filter_memory" else f"{client} profile"


async def test_before_and_after_are_the_stored_versions(recnet: RecNet) -> None:
    await found(recnet)
    await train(recnet, "tiny")
    lineages = await trace_all(recnet)
    told: Made = {
        (identity, gradient.module): (gradient.before, gradient.after)
        for identity, lineage in lineages.items()
        for gradient in lineage.gradients
        if gradient.after and not gradient.module.startswith("router")
    }
    assert told == await stored_rewrites(recnet)
    assert len(told) > 15
    kinds = {module.split()[0] for _, module in told}
    assert kinds == {"user", "item", "filter"}
    for lineage in lineages.values():
        for gradient in lineage.gradients:
            assert gradient.before
            if not gradient.after:
                assert gradient.status == "not involved" or kept(gradient)


def kept(gradient: TracedGradient) -> bool:
    """Return whether an optimizer left a text as it was, or has not read the gradient yet."""
    return gradient.status in ("applied", "pending") and gradient.after == ""


async def test_a_lineage_tells_what_was_predicted_and_who_spoke(recnet: RecNet) -> None:
    network = await found(recnet)
    await train(recnet, "tiny", fit="train")
    out = await recnet.interact(
        "tiny", user="ann", positive="j3", negative="f1", interaction_id="live"
    )
    lineage = await trace(recnet, "live")
    assert (lineage.user, lineage.positive) == ("ann", "j3 (Saxophone at Night)")
    assert lineage.negative == "f1 (Fiddle by the Sea)"
    assert lineage.predicted.startswith(out["predicted"])
    assert (lineage.reward, lineage.reason, lineage.failure) == (out["reward"], out["reason"], "")
    assert {m.client for m in lineage.messages} == {"ann", "f1 (Fiddle by the Sea)"}
    bodies = await rows(
        recnet, "SELECT owner, version, content FROM module_versions WHERE module = 'router'"
    )
    texts = {(row["owner"], row["version"]): row["content"] for row in bodies}
    for message in lineage.messages:
        assert message.body == texts[message.router, message.router_version]
    verdicts = await rows(
        recnet, "SELECT 1 FROM verdicts WHERE network_id = %s AND interaction_id = 'live'", network
    )
    assert len(lineage.messages) == len(verdicts)
    with pytest.raises(InputError, match="no interaction 'other' in network 'tiny'"):
        await trace(recnet, "other")


async def test_a_failed_record_tells_its_reason(recnet: RecNet, model: WatchedModel) -> None:
    await found(recnet)
    model.script = lambda reply, _: BAD if reply == "Predict" else None
    await recnet.interact("tiny", user="ann", positive="j2", negative="m1", interaction_id="live")
    lineage = await trace(recnet, "live")
    assert lineage.failure.startswith("predict: no usable reply")
    assert (lineage.predicted, lineage.reward, lineage.gradients) == ("", None, ())


async def test_a_router_gradient_waits_and_is_applied_by_the_update(recnet: RecNet) -> None:
    await found(recnet)
    await train(recnet, "tiny", limit=7)
    lineage = await trace(recnet, "tiny:12")
    waiting = routers_of(lineage)
    assert {g.status for g in waiting.values()} == {"pending"}
    before = await router_texts(recnet)
    for name, gradient in waiting.items():
        assert gradient.after == ""
        assert gradient.before in before[name]
    await train(recnet, "tiny", limit=1)
    (window,) = await rows(recnet, "SELECT max(id) AS id FROM windows")
    applied = routers_of(await trace(recnet, "tiny:12"))
    assert applied.keys() == waiting.keys()
    for name, gradient in applied.items():
        assert gradient.status == "applied"
        made = await rows(
            recnet,
            "SELECT content FROM module_versions WHERE module = 'router' AND owner = %s "
            "AND author = 'gradient' AND window_id = %s",
            int(name.removeprefix("router ")),
            window["id"],
        )
        assert [row["content"] for row in made] == [gradient.after]
        assert gradient.before == before[name][-1]


@pytest.mark.parametrize("action", ["split", "merge"])
async def test_a_router_that_retired_tells_what_came_of_it(
    recnet: RecNet, model: WatchedModel, action: str
) -> None:
    await found(recnet)
    await train(recnet, "tiny", limit=7)
    before = await router_texts(recnet)
    model.script = decide(action)
    await train(recnet, "tiny", limit=1)
    routers = routers_of(await trace(recnet, "tiny:12"))
    assert len(routers) == 2
    for name, gradient in routers.items():
        assert gradient.status == "applied"
        assert gradient.after in (NEW if action == "split" else NEW[:1])
        assert gradient.before == before[name][-1]
    # A record before it was not touched by what this window did.
    for gradient in routers_of(await trace(recnet, "tiny:9")).values():
        assert (gradient.status, gradient.after) == ("not involved", "")
    await assert_the_network_goes_on(recnet, model)


async def test_a_text_that_an_optimizer_left_is_not_an_earlier_ones_work(
    recnet: RecNet, model: WatchedModel
) -> None:
    await found(recnet)
    record = {"user": "ann", "positive": "j2", "negative": "m1"}
    await recnet.interact("tiny", interaction_id="first", **record)

    def leave(reply: str, text: str) -> str | None:
        if reply != "OptimizedProfile":
            return None
        return json.dumps({"profile": read_fields(text, OptimizeProfileFields).profile})

    model.script = leave
    await recnet.interact("tiny", interaction_id="second", **record)
    told = [
        {g.module: g for g in (await trace(recnet, identity)).gradients}["user ann profile"]
        for identity in ("first", "second")
    ]
    assert [g.status for g in told] == ["applied", "applied"]
    assert told[0].after == told[1].before
    assert told[1].after == ""


async def test_a_router_that_was_kept_is_not_an_earlier_updates_work(
    recnet: RecNet, model: WatchedModel
) -> None:
    await found(recnet)
    await train(recnet, "tiny", limit=8)
    (last,) = await rows(
        recnet,
        "SELECT author FROM module_versions WHERE module = 'router' AND owner = 2 "
        "ORDER BY version DESC LIMIT 1",
    )
    assert last["author"] == "gradient"
    model.script = decide("keep")
    await train(recnet, "tiny", limit=2)
    gradient = routers_of(await trace(recnet, "tiny:14"))["router 2"]
    assert (gradient.status, gradient.after) == ("applied", "")


NEW = ["Liked here: trumpet; saxophone.", "Liked here: fiddle; banjo."]


def decide(action: str) -> Script:
    """Return a script that decides so on every router."""

    def script(reply: str, text: str) -> str | None:
        if reply != "OptimizedRouter":
            return None
        partner = min(re.findall(r"<name>(router \d+)</name>", text))
        profiles = {"keep": [], "split": NEW, "merge": NEW[:1]}[action]
        return json.dumps(
            {
                "action": action,
                "reason": "so",
                "profiles": profiles,
                "partner": partner if action == "merge" else "",
            }
        )

    return script


async def assert_the_network_goes_on(recnet: RecNet, model: WatchedModel) -> None:
    """Train to the end: gradients for routers that retired go to their heirs."""
    model.script = decide("keep")
    report = await train(recnet, "tiny")
    assert (report.run, report.failed) == (4, 0)
    retired = await rows(recnet, "SELECT id FROM routers WHERE heirs <> '{}'")
    assert retired
    waiting = await rows(recnet, "SELECT 1 FROM gradients WHERE status = 'pending'")
    assert waiting == []
    gone = [row["id"] for row in retired]
    late = await rows(
        recnet,
        "SELECT applied_to FROM gradients WHERE module = 'router' AND status = 'applied' "
        "AND owner = ANY(%s)",
        gone,
    )
    assert late
    assert await trace_all(recnet)


def routers_of(lineage: Lineage) -> dict[str, TracedGradient]:
    return {g.module: g for g in lineage.gradients if g.module.startswith("router")}


async def router_texts(recnet: RecNet) -> dict[str, list[str]]:
    """Return all texts of all routers, oldest first."""
    found = await rows(
        recnet,
        "SELECT owner, content FROM module_versions WHERE module = 'router' "
        "ORDER BY owner, version",
    )
    texts: dict[str, list[str]] = {}
    for row in found:
        texts.setdefault(f"router {row['owner']}", []).append(row["content"])
    return texts
