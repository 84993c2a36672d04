"""`recnet bench live`: the cost of concurrent interactions, and a check that none is lost."""

from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError
from rich.box import SIMPLE
from rich.table import Column, Table

from state.settings import explain
from workflows.commands.console import (
    ERROR,
    AsJson,
    execute,
    fail,
    notes,
    print_json,
    read_settings,
    screen,
)
from workflows.commands.progress import counting_bar, with_bars

if TYPE_CHECKING:
    from benchmarks.live import LiveReport, LiveRun


def live(
    records: Annotated[int, typer.Option(min=1, help="Interactions to run.")] = 256,
    processes: Annotated[int, typer.Option(min=1, help="Processes that run them.")] = 4,
    concurrency: Annotated[int, typer.Option(min=1, help="Concurrent interactions in each.")] = 8,
    latency: Annotated[float, typer.Option(min=0, help="Seconds before each reply.")] = 0.2,
    skew: Annotated[
        float, typer.Option(min=0, help="Exponent of the zipf law that items are drawn by.")
    ] = 1.0,
    users: Annotated[int, typer.Option(min=1, help="Users of the planted world.")] = 200,
    items: Annotated[int, typer.Option(min=36, help="Its items.")] = 300,
    update_size: Annotated[
        int, typer.Option(min=1, help="Changed clients that start a router update.")
    ] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Keys the world and the records.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Run the same interactions one after another, then from several processes concurrently.

    The model is that of `recnet bench serve`; for the first run it answers in process, because
    latency changes no call. The networks are dropped at the end.
    """
    from benchmarks.live import LiveSettings, measure_live  # noqa: PLC0415 - it imports scipy

    try:
        settings = LiveSettings(
            records=records, processes=processes, concurrency=concurrency, latency=latency,
            skew=skew, users=users, items=items, update_size=update_size, seed=seed,
        )  # fmt: skip
    except ValidationError as error:
        fail(explain(error))
    own = read_settings().model_copy(
        update={"model": "offline", "models": {}, "embedding": "offline", "cache": False}
    )

    report = execute(
        with_bars(
            lambda recnet, progress: measure_live(
                recnet, settings, lambda name, total: counting_bar(progress, name, total)
            )
        ),
        own,
        command="bench live",
    )
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    lost = [*report.quiet.audit.faults, *report.crowded.audit.faults, *report.crowded.fed.errors]
    for line in lost:
        notes.print(line, soft_wrap=True)
    if lost:
        raise typer.Exit(ERROR)


def _print_report(report: "LiveReport") -> None:
    both = (report.quiet, report.crowded)
    table = Table(
        "", Column("quiet", justify="right"), Column("crowded", justify="right"), box=SIMPLE
    )
    for cells in zip(*map(_lines, both), strict=True):
        table.add_row(cells[0][0], *(value for _, value in cells))
    prompts = dict.fromkeys(prompt for run in both for prompt in run.audit.paid)
    for prompt in prompts:
        table.add_row(f"  {prompt}", *(_paid(run, prompt) for run in both))
    screen.print(table)
    settings, crowd = report.settings, report.crowded
    screen.print(
        f"{settings.processes} x {settings.concurrency} concurrent: {report.ratio:.3f} x the calls "
        f"of a quiet run, {report.waste:.3f} x those needed, {crowd.per_second:.1f} interactions/s",
        highlight=False,
    )
    for reason, times in report.crowded.audit.failed.items():
        screen.print(f"failed {times} times: {reason}", highlight=False, soft_wrap=True)
    if not any(run.audit.faults for run in both):
        screen.print("nothing was lost: interactions, versions, gradients, messages, windows agree")


def _lines(run: "LiveRun") -> list[tuple[str, str]]:
    audit, fed = run.audit, run.fed
    return [
        ("finished", f"{audit.finished}"),
        ("failed", f"{sum(audit.failed.values())}"),
        ("stopped by errors", f"{len(fed.errors)}"),
        ("conflicts", f"{fed.conflicts}"),
        ("deadlocks", f"{run.deadlocks}"),
        ("router updates", f"{audit.updates}"),
        ("their calls", f"{audit.update_calls}"),
        ("seconds", f"{fed.seconds:.1f}"),
        ("calls for each finished", f"{run.calls_per_interaction:.3f}"),
        ("calls (wasted)", _wasted(sum(audit.paid.values()), sum(audit.needed.values()))),
    ]


def _paid(run: "LiveRun", prompt: str) -> str:
    return _wasted(run.audit.paid.get(prompt, 0), run.audit.needed.get(prompt, 0))


def _wasted(paid: int, needed: int) -> str:
    """Return the calls, and in brackets those whose replies were not committed."""
    return f"{paid} ({paid - needed})"
