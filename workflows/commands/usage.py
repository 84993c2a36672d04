"""`recnet usage`: what models were asked, and what it cost."""

from collections.abc import Mapping, Sequence
from typing import Annotated, get_args

import typer
from rich.box import SIMPLE
from rich.table import Column, Table

from state.domain import Fault
from state.errors import InputError
from state.store.usage import By, UsageTotal, add_totals, list_runs, sum_usage
from workflows.commands.console import AsJson, NetworkName, execute, print_json, screen
from workflows.recnet import RecNet

app = typer.Typer()

_COLUMNS = ("calls", "embed", "cached", "in", "out", "s", "cost", "faults")


@app.command()
def usage(
    network: NetworkName = "default",
    by: Annotated[By, typer.Option(help="What calls are summed by.")] = "prompt",
    run: Annotated[
        int | None, typer.Option(min=1, help="Only one run's; `--by run` lists their numbers.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the calls made for a network: how many, tokens, seconds, cost, what went wrong."""

    async def work(recnet: RecNet) -> list[UsageTotal]:
        found = await recnet.network(network)
        async with recnet.resources.pool.connection() as conn:
            if run is not None and run not in await list_runs(conn, found.id):
                raise InputError(
                    f"run {run} made no calls for network '{network}'; "
                    f"`recnet usage --by run --network {network}` lists those that did"
                )
            return await sum_usage(conn, found.id, by=by, run=run)

    totals = execute(work)
    total = add_totals(totals, "all")
    if as_json:
        print_json({"network": network, "by": by, "usage": totals, "total": total})
    elif not totals:
        screen.print(f"no calls were made for network '{network}'")
    else:
        screen.print(usage_table(by, totals))
        _print_faults(total.faults)


def usage_table(by: str, totals: Sequence[UsageTotal]) -> Table:
    """Return totals as a table with their sum."""
    table = Table(
        Column(by, overflow="fold", min_width=16),
        *(Column(name, justify="right", no_wrap=True) for name in _COLUMNS),
        box=SIMPLE,
        caption="in, out: tokens; s: seconds of requests",
        padding=(0, 1, 0, 0),
    )
    for total in totals:
        table.add_row(*_cells(total))
    table.add_section()
    table.add_row(*_cells(add_totals(totals, "all")))
    return table


def print_usage(name: str, totals: Sequence[UsageTotal]) -> None:
    """Print in two lines at most what a run has paid for."""
    if not totals:
        screen.print(f"{name}: no calls")
        return
    total = add_totals(totals, name)
    cost = "" if total.cost is None else f", cost {total.cost:,.4g}"
    embedded = f", {total.embeddings:,} embedding requests" if total.embeddings else ""
    screen.print(
        f"{name}: {total.calls:,} calls{embedded}, {total.cached:,} replies from the cache, "
        f"{total.input_tokens:,} tokens in, {total.output_tokens:,} out, "
        f"{total.seconds:,.0f} s in requests{cost}",
        soft_wrap=True,
    )
    _print_faults(total.faults)


def _print_faults(faults: Mapping[Fault, int]) -> None:
    if faults:
        screen.print(f"what went wrong on the way: {_faults(faults)}", soft_wrap=True)


def _cells(total: UsageTotal) -> list[str]:
    cost = "" if total.cost is None else f"{total.cost:,.4g}"
    counts = (total.calls, total.embeddings, total.cached, total.input_tokens, total.output_tokens)
    return [
        total.name,
        *(f"{count:,}" for count in counts),
        f"{total.seconds:,.0f}",
        cost,
        f"{sum(total.faults.values()):,}",
    ]


def _faults(faults: Mapping[Fault, int]) -> str:
    return ", ".join(
        f"{faults[kind]} {kind.replace('_', ' ')}" for kind in get_args(Fault) if kind in faults
    )
