"""`recnet show`: a network, a client, a router, or the interactions.

Texts of the network are data, never markup.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.box import SIMPLE
from rich.table import Column, Table
from rich.text import Text
from rich.tree import Tree

from workflows.commands.console import AsJson, NetworkName, counted, execute, fail, one_line, output

if TYPE_CHECKING:
    from state.store.versions import Version
    from workflows.inspect import (
        ClientView,
        InteractionView,
        MessageView,
        NetworkView,
        RouterView,
    )
    from workflows.recnet import RecNet

    View = NetworkView | ClientView | RouterView | list[InteractionView]


def show(
    what: Annotated[
        Literal["network", "user", "item", "router", "interactions"],
        typer.Argument(help="What to show."),
    ] = "network",
    key: Annotated[
        str,
        typer.Argument(
            help="Key of the user or item, or number of the router. For interactions: a user's "
            "key, or all, if none is given."
        ),
    ] = "",
    network: NetworkName = "default",
    as_json: AsJson = False,
) -> None:
    """Show a network, a client, a router, or interactions."""
    if what in ("user", "item", "router") and not key:
        fail(f"name the {what}: recnet show {what} KEY --network {network}")
    if what == "router" and not key.isdecimal():
        fail(f"a router has a number, not '{key}'")

    async def read(recnet: "RecNet") -> "View":
        found = recnet.network(network)
        match what:
            case "network":
                return await found.show()
            case "interactions":
                return await found.interactions(key)
            case "router":
                return await found.router(int(key))
            case _:
                return await found.client(what, key)

    renderers: dict[str, Callable[[Any], Tree | Table]] = {
        "network": _network_tree,
        "interactions": _interactions_table,
        "router": _router_tree,
    }
    output(execute(read), as_json, renderers.get(what, _client_tree))


def _network_tree(view: "NetworkView") -> Tree:
    tree = Tree(Text.assemble((view.network, "bold"), f" · {view.dataset} ({view.domain})"))
    tree.add(f"{view.users} users, {view.items} items, {view.pending} pending")
    reward = "no reward yet" if view.reward is None else f"mean reward {view.reward:.3f}"
    tree.add(f"{view.trained} of {view.records} training records")
    tree.add(
        f"{view.interactions} interactions, live ones included ({view.failed} failed), {reward}"
    )
    tree.add(
        f"tau {view.tau_user:.3f} for users, {view.tau_item:.3f} for items; pairs that share an "
        f"attribute: {view.passing_users:.1%} of users', {view.passing_items:.1%} of items'"
    )
    if min(view.tau_user, view.tau_item) <= -1.0:
        tree.add("(too few pairs shared an attribute, so bootstrap set tau to -1: all pass)")
    settings = tree.add("settings")
    for name, value in view.settings.items():
        settings.add(f"{name} = {value}")
    routers = tree.add(f"{len(view.routers)} routers, {view.windows} updates")
    for number, profile in view.routers.items():
        routers.add(Text.assemble((f"router {number}", "bold"), f" {one_line(profile)}"))
    for number, heirs in view.retired.items():
        routers.add(Text(f"router {number} retired; heirs: {_numbers(heirs)}", style="dim"))
    if view.pinned:
        tree.add(Text(f"pinned: {', '.join(view.pinned)}", style="yellow"))
    return tree


def _client_tree(view: "ClientView") -> Tree:
    title = f" · {view.title}" if view.title != view.key else ""
    tree = Tree(Text.assemble((f"{view.kind} {view.key}", "bold"), title))
    tree.add("profile").add(view.profile)
    tree.add(f"attributes: {'; '.join(view.attributes) or 'none'}")
    rules = tree.add("filter memory")
    for rule in view.rules:
        rules.add(rule)
    _add_messages(tree, view.messages, "in the buffer")
    if view.merged_on_delivery:
        _add_messages(
            tree, view.merged_on_delivery, "merged on delivery since the last interaction"
        )
    for name in view.pinned:
        tree.add(Text(f"{name} is pinned", style="yellow"))
    name = f"{view.kind}:{view.key}"
    _add_versions(tree, name, view.versions)
    _add_versions(tree, f"rules:{name}", view.rules_versions)
    return tree


def _router_tree(view: "RouterView") -> Tree:
    retired = f" · retired; heirs: {_numbers(view.heirs)}" if view.heirs else ""
    tree = Tree(Text.assemble((f"router {view.router}", "bold"), retired))
    tree.add("profile").add(view.profile)
    tree.add(f"attributes: {'; '.join(view.attributes) or 'none'}")
    if view.pinned:
        tree.add(Text(f"router:{view.router} is pinned", style="yellow"))
    _add_versions(tree, f"router:{view.router}", view.versions)
    return tree


def _interactions_table(views: "list[InteractionView]") -> Table:
    table = Table(
        *(Column(name, overflow="fold") for name in ("interaction", "user", "took", "not")),
        "predicted",
        "why",
        box=SIMPLE,
    )
    for view in views:
        outcome = "failed" if view.failure else "right" if view.reward else "wrong"
        reason = view.failure or view.reason
        table.add_row(view.interaction, view.user, view.took, view.not_taken, outcome, reason)
    return table


def _add_messages(tree: Tree, messages: "Sequence[MessageView]", where: str) -> None:
    node = tree.add(f"{counted(len(messages), 'message')} {where}")
    for message in messages:
        node.add(f"{message.sender}: {one_line(message.body)}")


def _add_versions(tree: Tree, module: str, versions: "Sequence[Version]") -> None:
    history = tree.add(f"{module}: {counted(len(versions), 'version')}")
    for version in versions:
        window = f"window {version.window_id}" if version.window_id else ""
        source = version.interaction_id or window or version.note
        made = f"{version.version} · {' '.join(filter(None, (version.author, source)))} · "
        history.add(Text.assemble(made, (one_line(version.content), "dim")))


def _numbers(routers: Sequence[int]) -> str:
    return ", ".join(map(str, routers))
