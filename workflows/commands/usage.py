"""`recnet usage`: calls, tokens, seconds and cost."""

from collections.abc import Mapping, Sequence
from typing import Annotated, get_args

import typer
from rich.box import SIMPLE
from rich.console import RenderableType
from rich.table import Column, Table

from state.domain import Fault
from state.store.usage import By, UsageTotal, add_totals
from workflows.commands.console import AsJson, NetworkName, execute, output

_COLUMNS = ("calls", "embed", "cached", "in", "out", "s", "cost", "faults")
_ALWAYS = ("calls", "in", "out", "s")
"""Shown also where they are zero; the other columns only where there is something."""


def usage(
    network: NetworkName = "default",
    by: Annotated[By, typer.Option(help="Sum calls by this.")] = "prompt",
    run: Annotated[
        int | None, typer.Option(min=1, help="Only this run; `--by run` lists their numbers.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the calls made for a network. How many, tokens, seconds, cost and faults."""

    totals = execute(lambda recnet: recnet.network(network).usage(by, run))
    total = add_totals(totals, "all")
    lines: list[RenderableType] = [f"no calls were made for network '{network}'"]
    if totals:
        lines = [_table(by, totals, total), *_fault_lines(total.faults)]
    data = {"network": network, "by": by, "usage": totals, "total": total}
    output(data, as_json, lambda _: lines)


def _table(by: str, totals: Sequence[UsageTotal], total: UsageTotal) -> Table:
    sums = _cells(total)[1:]
    kept = [
        at
        for at, (name, cell) in enumerate(zip(_COLUMNS, sums, strict=True), start=1)
        if name in _ALWAYS or cell not in ("", "0")
    ]
    table = Table(
        Column(by, overflow="fold", min_width=16),
        *(Column(_COLUMNS[at - 1], justify="right", no_wrap=True) for at in kept),
        box=SIMPLE,
        caption="in, out: tokens; s: seconds of requests",
        padding=(0, 1, 0, 0),
    )
    for one in (*totals, total):
        if one is total:
            table.add_section()
        cells = _cells(one)
        table.add_row(cells[0], *(cells[at] for at in kept))
    return table


def usage_lines(name: str, totals: Sequence[UsageTotal]) -> list[RenderableType]:
    """Return the usage of a run in at most two lines."""
    if not totals:
        return [f"{name}: no calls"]
    total = add_totals(totals, name)
    cost = "" if total.cost is None else f", cost {total.cost:,.4g}"
    embedded = f", {total.embeddings:,} embedding requests" if total.embeddings else ""
    line = (
        f"{name}: {total.calls:,} calls{embedded}, {total.cached:,} replies from the cache, "
        f"{total.input_tokens:,} tokens in, {total.output_tokens:,} out, "
        f"{total.seconds:,.0f} s in requests{cost}"
    )
    return [line, *_fault_lines(total.faults)]


def _fault_lines(faults: Mapping[Fault, int]) -> list[str]:
    found = [
        f"{faults[kind]} {kind.replace('_', ' ')}" for kind in get_args(Fault) if kind in faults
    ]
    return [f"faults: {', '.join(found)}"] if found else []


def _cells(total: UsageTotal) -> list[str]:
    counts = (total.calls, total.embeddings, total.cached, total.input_tokens, total.output_tokens)
    return [
        total.name,
        *(f"{count:,}" for count in counts),
        f"{total.seconds:,.0f}",
        "" if total.cost is None else f"{total.cost:,.4g}",
        f"{sum(total.faults.values()):,}",
    ]
