"""InteractionTrace: what is told as before and after is what is stored."""

import json
from io import StringIO

import pytest
from rich.console import Console

from prompts.fields import read_fields
from prompts.optimize import OptimizeProfileFields
from state.errors import InputError
from tests.support.database_rows import rows, trace, trace_all
from tests.support.tiny_network import bootstrap_tiny
from tests.support.watched_model import BAD, WatchedModel
from workflows.commands.trace import trace_tree
from workflows.recnet import RecNet
from workflows.trace import TracedGradient

Made = dict[tuple[str, str], tuple[str, str]]
"""Texts before and after, by interaction and module as a person would say it."""


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
    return f"rules:{kind}:{key}" if module == "filter_memory" else f"{kind}:{key}"


@pytest.mark.slow
async def test_before_and_after_are_the_stored_versions(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    await recnet.network("tiny").train()
    traces = await trace_all(recnet)
    told: Made = {
        (identity, gradient.name): (gradient.before, gradient.after)
        for identity, traced in traces.items()
        for gradient in traced.gradients
        if gradient.after and not gradient.name.startswith("router")
    }
    assert told == await stored_rewrites(recnet)
    assert len(told) > 15
    kinds = {module.split(":")[0] for _, module in told}
    assert kinds == {"user", "item", "rules"}
    for traced in traces.values():
        for gradient in traced.gradients:
            assert gradient.before
            if not gradient.after:
                assert gradient.status == "not involved" or kept(gradient)


def kept(gradient: TracedGradient) -> bool:
    """Return whether an optimizer left a text as it was, or has not read the gradient yet."""
    return gradient.status in ("applied", "pending") and gradient.after == ""


async def test_a_trace_tells_what_was_predicted_and_who_spoke(recnet: RecNet) -> None:
    network = await bootstrap_tiny(recnet)
    await recnet.network("tiny").train(fit="train")
    out = await recnet.network("tiny").interact(user="ann", positive="j3", negative="f1", id="live")
    traced = await trace(recnet, "live")
    assert (traced.user, traced.positive) == ("ann", "j3 (Saxophone at Night)")
    assert traced.negative == "f1 (Fiddle by the Sea)"
    assert traced.predicted.startswith(out["predicted"])
    assert (traced.reward, traced.reason, traced.failure) == (out["reward"], out["reason"], "")
    assert {m.client for m in traced.messages} == {"ann", "f1 (Fiddle by the Sea)"}
    bodies = await rows(
        recnet, "SELECT owner, version, content FROM module_versions WHERE module = 'router'"
    )
    texts = {(f"router:{row['owner']}", row["version"]): row["content"] for row in bodies}
    for message in traced.messages:
        assert message.body == texts[message.sender, message.version]
    filter_decisions = await rows(
        recnet,
        "SELECT 1 FROM filter_decisions WHERE network_id = %s AND interaction_id = 'live'",
        network,
    )
    assert len(traced.messages) == len(filter_decisions)
    with pytest.raises(InputError, match="no interaction 'other' in network 'tiny'"):
        await trace(recnet, "other")


async def test_a_failed_record_tells_its_reason(recnet: RecNet, model: WatchedModel) -> None:
    await bootstrap_tiny(recnet)
    model.script = lambda reply, _: BAD if reply == "Predict" else None
    await recnet.network("tiny").interact(user="ann", positive="j2", negative="m1", id="live")
    traced = await trace(recnet, "live")
    assert traced.failure.startswith("predict: no usable reply")
    assert (traced.predicted, traced.reward, traced.gradients) == ("", None, ())


async def test_a_text_that_an_optimizer_left_is_not_an_earlier_ones_work(
    recnet: RecNet, model: WatchedModel
) -> None:
    await bootstrap_tiny(recnet)
    record = {"user": "ann", "positive": "j2", "negative": "m1"}
    await recnet.network("tiny").interact(id="first", **record)

    def leave(reply: str, text: str) -> str | None:
        if reply != "OptimizedProfile":
            return None
        return json.dumps({"profile": read_fields(text, OptimizeProfileFields).profile})

    model.script = leave
    await recnet.network("tiny").interact(id="second", **record)
    told = [
        {g.name: g for g in (await trace(recnet, identity)).gradients}["user:ann"]
        for identity in ("first", "second")
    ]
    assert [g.status for g in told] == ["applied", "applied"]
    assert told[0].after == told[1].before
    assert told[1].after == ""


async def test_a_short_trace_says_how_much_it_leaves_out(recnet: RecNet) -> None:
    await bootstrap_tiny(recnet)
    await recnet.network("tiny").interact("ann", "j2", "m1", id="a")
    found = await trace(recnet, "a")
    console = Console(width=200, record=True, file=StringIO())
    console.print(trace_tree(found, gradients=1))
    shown = console.export_text()
    assert f"… and {len(found.gradients) - 1} more" in shown
    assert [g.name in shown for g in found.gradients] == [True] + [False] * (
        len(found.gradients) - 1
    )
