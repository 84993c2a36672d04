"""`recnet show`: a network, its users or items, a client, a router, or the interactions.

Texts of the network are data, never markup.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.box import SIMPLE
from rich.table import Column, Table
from rich.text import Text
from rich.tree import Tree

from workflows.commands.console import (
    AsJson,
    NetworkName,
    branch,
    counted,
    execute,
    fail,
    one_line,
    output,
)

if TYPE_CHECKING:
    from state.store.clients import ClientName
    from state.store.versions import Version
    from workflows.inspect import ClientView, InteractionView, MessageView, NetworkView, RouterView
    from workflows.network import Network

    _Read = Callable[[Network], Awaitable[Any]]


def show(
    what: Annotated[
        Literal["network", "users", "items", "user", "item", "router", "interactions"],
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
    """Show a network, its users or items, a router, or interactions."""
    if what in ("user", "item", "router") and not key:
        fail(f"name the {what}: recnet show {what} KEY --network {network}")
    if what == "router" and not key.isdecimal():
        fail(f"a router has a number, not '{key}'")

    views: dict[str, tuple[_Read, Callable[[Any], Tree | Table]]] = {
        "network": (lambda found: found.show(), _network_tree),
        "users": (lambda found: found.clients("user"), _clients_table),
        "items": (lambda found: found.clients("item"), _clients_table),
        "user": (lambda found: found.client("user", key), _client_tree),
        "item": (lambda found: found.client("item", key), _client_tree),
        "router": (lambda found: found.router(int(key)), _router_tree),
        "interactions": (lambda found: found.interactions(key), _interactions_table),
    }
    read, render = views[what]
    output(execute(lambda recnet: read(recnet.network(network))), as_json, render)


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
    branch(tree, "settings", (f"{name} = {value}" for name, value in view.settings.items()))
    routers = tree.add(f"{len(view.routers)} routers, {view.windows} updates")
    for number, profile in view.routers.items():
        routers.add(Text.assemble((f"router {number}", "bold"), f" {one_line(profile)}"))
    for number, heirs in view.retired.items():
        routers.add(Text(f"router {number} retired; heirs: {_numbers(heirs)}", style="dim"))
    if view.pinned:
        tree.add(Text(f"pinned: {', '.join(view.pinned)}", style="yellow"))
    return tree


def _clients_table(clients: "list[ClientName]") -> Table:
    table = Table(Column("key", overflow="fold"), Column("title", overflow="fold"), box=SIMPLE)
    for client in clients:
        table.add_row(client.key, client.title if client.title != client.key else "")
    return table


def _client_tree(view: "ClientView") -> Tree:
    title = f" · {view.title}" if view.title != view.key else ""
    tree = Tree(Text.assemble((f"{view.kind} {view.key}", "bold"), title))
    tree.add("profile").add(view.profile)
    tree.add(f"attributes: {'; '.join(view.attributes) or 'none'}")
    branch(tree, "filter memory", view.rules)
    _add_messages(tree, view.messages, "in the buffer")
    if merged := view.merged_on_delivery:
        _add_messages(tree, merged, "merged on delivery since the last interaction")
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
    lines = (f"{message.sender}: {one_line(message.body)}" for message in messages)
    branch(tree, f"{counted(len(messages), 'message')} {where}", lines)


def _add_versions(tree: Tree, module: str, versions: "Sequence[Version]") -> None:
    history = tree.add(f"{module}: {counted(len(versions), 'version')}")
    for version in versions:
        window = f"window {version.window_id}" if version.window_id else ""
        source = version.interaction_id or window or version.note
        made = f"{version.version} · {' '.join(filter(None, (version.author, source)))} · "
        history.add(Text.assemble(made, (one_line(version.content), "dim")))


def _numbers(routers: Sequence[int]) -> str:
    return ", ".join(map(str, routers))
