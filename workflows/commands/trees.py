"""What `show` and `trace` print: readable trees. Texts are data here too, never markup."""

from collections.abc import Sequence

from rich.text import Text
from rich.tree import Tree

from state.domain import EMBEDDING
from state.store.usage import StoredCall
from state.store.versions import Version
from workflows.inspect import ClientView, NetworkView, RouterView
from workflows.trace import InteractionTrace, TracedGradient, TracedMessage


def network_tree(view: NetworkView) -> Tree:
    """Return a network at a glance."""
    tree = Tree(_bold(view.network, f" · {view.dataset} ({view.domain})"))
    tree.add(f"{view.users} users, {view.items} items, {view.pending} pending")
    reward = "no reward yet" if view.reward is None else f"mean reward {view.reward:.3f}"
    tree.add(f"{view.trained} of {view.records} training records")
    every = f"{view.interactions} interactions, live ones included"
    tree.add(f"{every} ({view.failed} failed), {reward}")
    tree.add(
        f"tau {view.tau_user:.3f} for users, {view.tau_item:.3f} for items; pairs that share an "
        f"attribute: {view.passing_users:.1%} of users', {view.passing_items:.1%} of items'"
    )
    if min(view.tau_user, view.tau_item) <= -1.0:
        tree.add("(-1, set at the bootstrap: so few pairs shared an attribute that all may hear)")
    settings = tree.add("shaped by")
    for name, value in view.settings.items():
        settings.add(f"{name} = {value}")
    routers = tree.add(f"{len(view.routers)} routers, {view.windows} updates")
    for number, profile in view.routers.items():
        routers.add(_bold(f"router {number}", f" {_line(profile)}"))
    for number, heirs in view.retired.items():
        retired = f"router {number} retired; heirs: {', '.join(map(str, heirs))}"
        routers.add(Text(retired, style="dim"))
    if view.pinned:
        tree.add(Text(f"pinned: {', '.join(view.pinned)}", style="yellow"))
    return tree


def client_tree(view: ClientView) -> Tree:
    """Return a client with its texts and history."""
    title = f" · {view.title}" if view.title != view.key else ""
    tree = Tree(_bold(f"{view.kind} {view.key}", title))
    tree.add("profile").add(view.profile)
    tree.add(f"attributes: {'; '.join(view.attributes) or 'none'}")
    rules = tree.add("filter memory")
    for rule in view.rules:
        rules.add(rule)
    messages = tree.add(f"{_count(len(view.messages), 'message')} in the buffer")
    for message in view.messages:
        messages.add(f"{message.sender}: {_line(message.body)}")
    if merged := view.merged_on_delivery:
        branch = tree.add(f"{_count(len(merged), 'message')} merged on delivery since it acted")
        for message in merged:
            branch.add(f"{message.sender}: {_line(message.body)}")
    for name in view.pinned:
        tree.add(Text(f"{name} is pinned", style="yellow"))
    name = f"{view.kind}:{view.key}"
    _add_versions(tree, name, view.versions)
    _add_versions(tree, f"rules:{name}", view.rules_versions)
    return tree


def router_tree(view: RouterView) -> Tree:
    """Return a router with its text and history."""
    retired = f" · retired; heirs: {', '.join(map(str, view.heirs))}" if view.heirs else ""
    tree = Tree(_bold(f"router {view.router}", retired))
    tree.add("profile").add(view.profile)
    tree.add(f"attributes: {'; '.join(view.attributes) or 'none'}")
    if view.pinned:
        tree.add(Text(f"router:{view.router} is pinned", style="yellow"))
    _add_versions(tree, f"router:{view.router}", view.versions)
    return tree


def trace_tree(lineage: InteractionTrace, *, calls: bool = False) -> Tree:
    """Return one interaction: prediction, reward, messages, gradients, before and after.

    With `calls` each call of a model too, and what a reasoning model thought.
    """
    tree = Tree(_bold(lineage.interaction, f" · user {lineage.user}"))
    tree.add(f"took {lineage.positive}, not {lineage.negative}")
    if lineage.failure:
        tree.add(Text(f"failed: {lineage.failure}", style="red"))
        _add_calls(tree, lineage.calls, each=calls)
        return tree
    verdict = ("right", "green") if lineage.reward else ("wrong", "red")
    prediction = tree.add(Text.assemble(f"predicted {lineage.predicted}: ", verdict))
    prediction.add(f"because: {lineage.reason}")
    messages = tree.add(f"{len(lineage.messages)} messages were received before")
    for message in lineage.messages:
        _add_message(messages, message)
    gradients = tree.add(f"{len(lineage.gradients)} textual gradients")
    for gradient in lineage.gradients:
        _add_gradient(gradients, gradient)
    for window in lineage.windows:
        tree.add(f"its commit filled the pending set: router update {window}")
    _add_calls(tree, lineage.calls, each=calls)
    return tree


def _add_calls(tree: Tree, calls: Sequence[StoredCall], *, each: bool) -> None:
    requests = sum(call.attempts for call in calls if call.prompt != EMBEDDING)
    sums = (
        f"{_count(requests, 'request')} to models, "
        f"{sum(call.input_tokens for call in calls):,} tokens in, "
        f"{sum(call.output_tokens for call in calls):,} out"
    )
    node = tree.add(sums)
    for call in calls if each else ():
        faults = "".join(f", {times} {kind}" for kind, times in call.faults.items())
        origin = "from the cache" if call.cached else _count(call.attempts, "request")
        said = f" · {call.model} · {origin}{faults}, {call.seconds:.1f} s"
        asked = node.add(_bold(call.prompt, said))
        if call.thoughts:
            asked.add(Text(call.thoughts, style="dim"))


def _add_message(tree: Tree, message: TracedMessage) -> None:
    verdict = ("taken in", "green") if message.accepted else ("kept out", "yellow")
    merged = "" if message.window is None else f", merged by router update {message.window}"
    node = tree.add(Text.assemble(f"{message.sender} to {message.client}: ", verdict, merged))
    node.add(_line(message.body))
    if message.rule:
        node.add(f"by the rule: {message.rule}")
    node.add(f"because: {message.reason}")


def _add_gradient(tree: Tree, gradient: TracedGradient) -> None:
    heir = "" if gradient.applied_to is None else f" to its heir router:{gradient.applied_to}"
    node = tree.add(_bold(gradient.module, f": {gradient.status}{heir}"))
    if gradient.suggestion:
        node.add(f"gradient: {gradient.suggestion}")
    if gradient.why:
        node.add(f"because: {gradient.why}")
    if gradient.status == "applied" and not gradient.after:
        node.add(Text("the optimizer left the text as it was", style="dim"))
    if gradient.after and gradient.after != gradient.before:
        for label, version, text in (
            ("before", gradient.before_version, gradient.before),
            ("after", gradient.after_version, gradient.after),
        ):
            node.add(Text(f"{label}: version {version}", style="dim")).add(text)


def _add_versions(tree: Tree, module: str, versions: Sequence[Version]) -> None:
    history = tree.add(f"{module}: {_count(len(versions), 'version')}")
    for version in versions:
        window = f"window {version.window_id}" if version.window_id else ""
        source = version.interaction_id or window or version.note
        made = f"{version.version} · {' '.join(filter(None, (version.author, source)))} · "
        history.add(Text.assemble(made, (_line(version.content), "dim")))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _bold(head: str, rest: str) -> Text:
    return Text.assemble((head, "bold"), rest)


def _line(text: str) -> str:
    return " ".join(text.split())
