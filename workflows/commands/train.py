"""`recnet train`: train a network on its records."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import RenderableType

from workflows.commands.console import (
    FAILED_RECORDS,
    AsJson,
    NetworkName,
    counted,
    execute,
    notes,
    output,
    stop_at_budget,
)
from workflows.commands.progress import training_bar, with_bars
from workflows.commands.usage import usage_lines
from workflows.training.schedule import DEFAULT_CONCURRENCY

if TYPE_CHECKING:
    from workflows.training.driver import TrainingReport

Concurrency = Annotated[
    int,
    typer.Option(
        min=1, max=10_000, help="Interactions under way at most; the result is the same for any."
    ),
]


def train(
    network: NetworkName = "default",
    fit: Annotated[
        Literal["train", "train+valid"],
        typer.Option(help="Use `train` to compare on validation, and both before the test."),
    ] = "train+valid",
    concurrency: Concurrency = DEFAULT_CONCURRENCY,
    limit: Annotated[int | None, typer.Option(min=0, help="Run at most this many records.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train on the records in order. A run that was stopped goes on where it stopped."""
    report = execute(
        with_bars(
            lambda recnet, progress: recnet.network(network).train(
                fit=fit,
                concurrency=concurrency,
                limit=limit,
                on_progress=training_bar(progress, network),
            )
        ),
        command="train",
        cache=True,
    )
    output(report, as_json, _training_lines)
    if report.stopped:
        done = f"{report.settled} of {report.records} records are settled"
        stop_at_budget(f"{report.stopped}; {done}")
    if report.failed:
        notes.print(
            f"{counted(report.failed, 'record')} failed: `recnet show interactions --network "
            f"{network}` says why, `recnet retry --network {network}` runs them again",
            soft_wrap=True,
        )
        raise typer.Exit(FAILED_RECORDS)


def _training_lines(report: "TrainingReport") -> list[RenderableType]:
    calls = report.calls_per_interaction
    return [
        f"{report.run} of {report.records} records run now in {report.seconds:.0f} s, "
        f"{report.failed} failed",
        "so far:",
        f"mean reward {report.reward:.3f}" if report.reward is not None else "no reward yet",
        f"calls an interaction: {calls:.2f}" if calls is not None else "no calls yet",
        f"{report.windows} router updates took {report.update_calls} calls; "
        f"{report.routers} routers, {report.retired} retired",
        f"tokens of all that: {report.input_tokens:,} in, {report.output_tokens:,} out",
        *usage_lines("this run", report.usage),
    ]
