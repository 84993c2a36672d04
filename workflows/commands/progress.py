"""Progress bars of long work, on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from workflows.commands.console import notes
from workflows.training.driver import Progress as TrainingProgress

Tell = Callable[[TrainingProgress], None]


@contextmanager
def bars() -> Iterator[Progress]:
    """Show progress bars for the time of the block."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=notes) as progress:
        yield progress


def training_bar(progress: Progress, name: str) -> Tell:
    """Return what shows one training run, from the first it tells: records, reward, calls."""
    task: TaskID | None = None

    def tell(at: TrainingProgress) -> None:
        nonlocal task
        if task is None:
            task = progress.add_task(name, total=at.records, state="")
        state = f"reward {at.reward:.2f} · {at.calls} calls now · {at.routers} routers"
        if at.failed:
            state += f" · {at.failed} failed"
        progress.update(task, completed=at.done, state=state)

    return tell


def counting_bar(progress: Progress, name: str, total: int) -> Callable[[], None]:
    """Add a bar that only counts; yields what to call after each step."""
    task = progress.add_task(name, total=total, state="")
    return lambda: progress.advance(task)
