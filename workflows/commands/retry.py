"""`recnet retry`: run failed interactions again."""

from typing import Annotated

import typer
from rich.console import RenderableType

from workflows.commands.console import (
    FAILED_RECORDS,
    AsJson,
    NetworkName,
    execute,
    notes,
    output,
    stop_at_budget,
)
from workflows.commands.progress import counting_bar, with_bars
from workflows.commands.train import Concurrency
from workflows.commands.usage import usage_lines
from workflows.training.schedule import DEFAULT_CONCURRENCY


def retry(
    interactions: Annotated[
        list[str] | None, typer.Argument(help="Ids of failed interactions; all, if none is given.")
    ] = None,
    network: NetworkName = "default",
    concurrency: Concurrency = DEFAULT_CONCURRENCY,
    as_json: AsJson = False,
) -> None:
    """Run failed interactions again. One that succeeds now counts once."""
    report = execute(
        with_bars(
            lambda recnet, progress: recnet.network(network).retry(
                interactions or (),
                concurrency=concurrency,
                started=lambda total: counting_bar(progress, network, total),
            )
        ),
        command="retry",
        cache=True,
    )
    lines: list[RenderableType] = ["no interaction has failed"]
    if report.run:
        lines = [f"{report.run} run again, {report.learned} learned, {len(report.failed)} not"]
    if report.usage:
        lines += usage_lines("this run", report.usage)
    output(report, as_json, lambda _: lines)
    for identity, reason in report.failed.items():
        notes.print(f"{identity}: {reason}", soft_wrap=True)
    if report.stopped:
        stop_at_budget(report.stopped)
    if report.failed:
        raise typer.Exit(FAILED_RECORDS)
