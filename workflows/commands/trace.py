"""`recnet trace`: one interaction step by step. Texts are data, never markup."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text
from rich.tree import Tree

from state.domain import EMBEDDING, Call
from workflows.commands.console import AsJson, NetworkName, counted, execute, one_line, output
from workflows.trace import InteractionTrace, TracedGradient, TracedMessage


def trace(
    interaction: Annotated[str, typer.Argument(help="Id of the interaction.")],
    network: NetworkName = "default",
    calls: Annotated[
        bool, typer.Option("--calls", help="Show each model call, with its reasoning if any.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one interaction step by step.

    Prediction, reward, messages, gradients, and the texts before and after.
    """

    found = execute(lambda recnet: recnet.network(network).trace(interaction))
    output(found, as_json, lambda trace: trace_tree(trace, calls=calls))


def trace_tree(
    trace: InteractionTrace,
    *,
    calls: bool = False,
    messages: int | None = None,
    gradients: int | None = None,
) -> Tree:
    """Return one interaction as a tree; with `calls` each model call and its reasoning too.

    Only the first `messages` and `gradients` are shown where these are given.
    """
    tree = Tree(Text.assemble((trace.interaction, "bold"), f" · user {trace.user}"))
    tree.add(f"took {trace.positive}, not {trace.negative}")
    if trace.failure:
        tree.add(Text(f"failed: {trace.failure}", style="red"))
        _add_calls(tree, trace.calls, each=calls)
        return tree
    outcome = ("right", "green") if trace.reward else ("wrong", "red")
    prediction = tree.add(Text.assemble(f"predicted {trace.predicted}: ", outcome))
    prediction.add(f"because: {trace.reason}")
    received = tree.add(f"{counted(len(trace.messages), 'message')} received before")
    for message in trace.messages[:messages]:
        _add_message(received, message)
    _add_rest(received, len(trace.messages), messages)
    written = tree.add(counted(len(trace.gradients), "textual gradient"))
    for gradient in trace.gradients[:gradients]:
        _add_gradient(written, gradient)
    _add_rest(written, len(trace.gradients), gradients)
    for window in trace.windows:
        tree.add(f"its commit filled the pending set: router update {window}")
    _add_calls(tree, trace.calls, each=calls)
    return tree


def _add_rest(tree: Tree, count: int, shown: int | None) -> None:
    if shown is not None and count > shown:
        tree.add(Text(f"… and {count - shown} more", style="dim"))


def _add_calls(tree: Tree, calls: Sequence[Call], *, each: bool) -> None:
    requests = sum(call.attempts for call in calls if call.prompt != EMBEDDING)
    node = tree.add(
        f"{counted(requests, 'request')} to models, "
        f"{sum(call.input_tokens for call in calls):,} tokens in, "
        f"{sum(call.output_tokens for call in calls):,} out"
    )
    for call in calls if each else ():
        faults = "".join(f", {times} {kind}" for kind, times in call.faults.items())
        origin = "from the cache" if call.cached else counted(call.attempts, "request")
        details = f" · {call.model} · {origin}{faults}, {call.seconds:.1f} s"
        added = node.add(Text.assemble((call.prompt, "bold"), details))
        if call.thoughts:
            added.add(Text(call.thoughts, style="dim"))


def _add_message(tree: Tree, message: TracedMessage) -> None:
    decision = ("accepted", "green") if message.accepted else ("kept out", "yellow")
    merged = "" if message.window is None else f", merged by router update {message.window}"
    node = tree.add(Text.assemble(f"{message.sender} to {message.client}: ", decision, merged))
    node.add(one_line(message.body))
    if message.rule:
        node.add(f"by the rule: {message.rule}")
    node.add(f"because: {message.reason}")


def _add_gradient(tree: Tree, gradient: TracedGradient) -> None:
    retired = gradient.applied_to not in (None, gradient.module.owner)
    heir = f" to its heir router:{gradient.applied_to}" if retired else ""
    node = tree.add(Text.assemble((gradient.name, "bold"), f": {gradient.status}{heir}"))
    if gradient.suggestion:
        node.add(f"gradient: {gradient.suggestion}")
    if gradient.rejected_because:
        node.add(f"because: {gradient.rejected_because}")
    if gradient.status == "applied" and not gradient.after:
        node.add(Text("the optimizer left the text as it was", style="dim"))
    if gradient.after and gradient.after != gradient.before:
        for label, version, text in (
            ("before", gradient.before_version, gradient.before),
            ("after", gradient.after_version, gradient.after),
        ):
            node.add(Text(f"{label}: version {version}", style="dim")).add(text)
