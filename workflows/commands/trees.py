"""What `show` and `trace` print: readable trees. Texts are data here too, never markup."""

from collections.abc import Sequence

from rich.markup import escape
from rich.tree import Tree

from state.store.versions import Version
from workflows.inspection import ClientView, NetworkView, RouterView
from workflows.lineage import Lineage, TracedGradient, TracedMessage


def network_tree(view: NetworkView) -> Tree:
    """Return a network at a glance."""
    tree = Tree(f"[bold]{escape(view.network)}[/] · {escape(view.dataset)} ({escape(view.domain)})")
    tree.add(f"{view.users} users, {view.items} items, {view.pending} pending")
    reward = "no reward yet" if view.reward is None else f"mean reward {view.reward:.3f}"
    tree.add(f"{view.interactions} interactions ({view.failed} failed), {reward}")
    tree.add(
        f"tau {view.tau_user:.3f} for users, {view.tau_item:.3f} for items; pairs that share an "
        f"attribute: {view.passing_users:.1%} of users', {view.passing_items:.1%} of items'"
    )
    settings = tree.add("shaped by")
    for name, value in view.settings.items():
        settings.add(f"{name} = {escape(str(value))}")
    routers = tree.add(f"{len(view.routers)} routers, {view.windows} updates")
    for number, profile in view.routers.items():
        routers.add(f"[bold]router {number}[/] {escape(_line(profile))}")
    for number, heirs in view.retired.items():
        routers.add(f"[dim]router {number} retired; heirs: {', '.join(map(str, heirs))}[/]")
    return tree


def client_tree(view: ClientView) -> Tree:
    """Return a client with its texts and history."""
    title = f" · {escape(view.title)}" if view.title != view.key else ""
    tree = Tree(f"[bold]{view.kind} {escape(view.key)}[/]{title}")
    tree.add("profile").add(escape(view.profile))
    tree.add(f"attributes: {escape('; '.join(view.attributes)) or 'none'}")
    rules = tree.add("filter memory")
    for rule in view.rules:
        rules.add(escape(rule))
    messages = tree.add(f"{len(view.messages)} messages in the buffer")
    for message in view.messages:
        messages.add(escape(_line(message)))
    _add_versions(tree, view.versions)
    return tree


def router_tree(view: RouterView) -> Tree:
    """Return a router with its text and history."""
    retired = f" · retired; heirs: {', '.join(map(str, view.heirs))}" if view.heirs else ""
    tree = Tree(f"[bold]router {view.router}[/]{retired}")
    tree.add("profile").add(escape(view.profile))
    tree.add(f"attributes: {escape('; '.join(view.attributes)) or 'none'}")
    _add_versions(tree, view.versions)
    return tree


def lineage_tree(lineage: Lineage) -> Tree:
    """Return one interaction: prediction, reward, messages, gradients, before and after."""
    tree = Tree(f"[bold]{escape(lineage.interaction)}[/] · user {escape(lineage.user)}")
    tree.add(f"took {escape(lineage.positive)}, not {escape(lineage.negative)}")
    if lineage.failure:
        tree.add(f"[red]failed: {escape(lineage.failure)}[/]")
        return tree
    verdict = "[green]right[/]" if lineage.reward else "[red]wrong[/]"
    prediction = tree.add(f"predicted {escape(lineage.predicted)}: {verdict}")
    prediction.add(f"because: {escape(lineage.reason)}")
    messages = tree.add(f"{len(lineage.messages)} messages were received before")
    for message in lineage.messages:
        _add_message(messages, message)
    gradients = tree.add(f"{len(lineage.gradients)} textual gradients")
    for gradient in lineage.gradients:
        _add_gradient(gradients, gradient)
    if lineage.window is not None:
        tree.add(f"its commit filled the pending set: router update {lineage.window}")
    return tree


def _add_message(tree: Tree, message: TracedMessage) -> None:
    verdict = "[green]taken in[/]" if message.taken else "[yellow]kept out[/]"
    node = tree.add(f"router {message.router} to {escape(message.client)}: {verdict}")
    node.add(escape(_line(message.body)))
    if message.rule:
        node.add(f"by the rule: {escape(message.rule)}")
    node.add(f"because: {escape(message.reason)}")


def _add_gradient(tree: Tree, gradient: TracedGradient) -> None:
    node = tree.add(f"[bold]{escape(gradient.module)}[/]: {gradient.status}")
    if gradient.suggestion:
        node.add(f"gradient: {escape(gradient.suggestion)}")
    if gradient.why:
        node.add(f"because: {escape(gradient.why)}")
    if gradient.after and gradient.after != gradient.before:
        node.add("[dim]before[/]").add(escape(gradient.before))
        node.add("[dim]after[/]").add(escape(gradient.after))


def _add_versions(tree: Tree, versions: Sequence[Version]) -> None:
    history = tree.add(f"{len(versions)} versions")
    for version in versions:
        window = f"window {version.window_id}" if version.window_id else ""
        source = version.interaction_id or window
        history.add(
            f"{version.version} · {version.author} {escape(source)} · "
            f"[dim]{escape(_line(version.content))}[/]"
        )


def _line(text: str) -> str:
    return " ".join(text.split())
