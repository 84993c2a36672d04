"""`recnet digest`: a digest of a network, and where two networks differ."""

import json
from os.path import commonprefix
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text
from rich.tree import Tree

from state.store.network_diff import Change, Differences, TableDifferences, compare_networks
from workflows.commands.console import DIFFERENT, AsJson, NetworkName, branch, execute, output

if TYPE_CHECKING:
    from workflows.recnet import RecNet

_WIDTH = 24
"""Characters shown of one value."""
_BEFORE = 8
"""How many of them stand before the first difference, where a value is too long."""


def digest(
    network: NetworkName = "default",
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option("--diff", metavar="A B", help="Show where the networks A and B differ."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print a network's digest. Networks with the same digest are the same."""
    if diff is not None:
        _diff(*diff, as_json)
        return
    value = execute(lambda recnet: recnet.network(network).digest())
    output({"network": network, "digest": value}, as_json, lambda _: value)


def _diff(first: str, second: str, as_json: bool) -> None:
    async def work(recnet: "RecNet") -> Differences:
        networks = await recnet.network(first).record(), await recnet.network(second).record()
        async with recnet.resources.pool.connection() as conn:
            return await compare_networks(conn, *networks)

    found = execute(work)
    same = f"'{first}' and '{second}' are the same: {found.digests[0]}"
    output(
        {"same": found.same, **dict(found)},
        as_json,
        lambda _: same if found.same else _differences_tree(found),
    )
    if not found.same:
        raise typer.Exit(DIFFERENT)


def _differences_tree(found: Differences) -> Tree:
    """Return where two different networks differ."""
    first, second = found.networks
    tree = Tree(Text.assemble((first, "bold"), " → ", (second, "bold"), ": not the same network"))
    step = found.first_difference
    where = f"{step.kind} {step.id}".rstrip() if step else "no step, only the present state"
    tree.add(Text(f"first difference: {where}", style="yellow"))
    for table in found.tables:
        _add_table(tree, table, first, second)
    if found.settings:
        label = Text("settings differ too; the digest leaves them out", style="dim")
        branch(tree, label, map(_change, found.settings))
    return tree


def _add_table(tree: Tree, table: TableDifferences, first: str, second: str) -> None:
    counts = {
        f"only in {first}": table.only_first,
        f"only in {second}": table.only_second,
        "differs" if table.differ == 1 else "differ": table.differ,
    }
    summary = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    node = tree.add(Text.assemble((table.table, "bold"), f": {summary}"))
    only = {"first": f": only in {first}", "second": f": only in {second}", None: ""}
    for row in table.rows:
        branch(node, Text(row.name + only[row.only_in]), map(_change, row.columns))
    if unshown := sum(counts.values()) - len(table.rows):
        node.add(Text(f"and {unshown} more", style="dim"))


def _change(change: Change) -> Text:
    # As JSON a value is one line, and a text in quotes is told from a number.
    values = [json.dumps(one, ensure_ascii=False) for one in (change.first, change.second)]
    start = len(commonprefix(values))  # noqa: RUF071 - of characters is meant
    return Text(f"{change.name}: {' → '.join(_short(value, start) for value in values)}")


def _short(line: str, difference: int) -> str:
    """Return the part of a long line from shortly before its first difference."""
    start = min(max(difference - _BEFORE, 0), max(len(line) - _WIDTH, 0))
    end = start + _WIDTH
    return f"{'…' if start else ''}{line[start:end]}{'…' if end < len(line) else ''}"
