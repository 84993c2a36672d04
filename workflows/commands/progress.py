"""The progress bar of a training run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from workflows.commands.console import notes
from workflows.training import Progress as TrainingProgress


@contextmanager
def training_bar(name: str) -> Iterator[Callable[[TrainingProgress], None]]:
    """Show records, reward so far, calls and routers; yields what the driver tells."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=notes, transient=False) as bar:
        task = bar.add_task(name, total=None, state="")

        def tell(progress: TrainingProgress) -> None:
            state = (
                f"reward {progress.reward:.2f} · {progress.calls} calls · "
                f"{progress.routers} routers"
            )
            if progress.failed:
                state += f" · {progress.failed} failed"
            bar.update(task, completed=progress.done, total=progress.records, state=state)

        yield tell
