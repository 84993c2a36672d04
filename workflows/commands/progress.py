"""Progress bars of long work, on standard error."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from workflows.commands.console import notes

if TYPE_CHECKING:
    from workflows.recnet import RecNet
    from workflows.training.driver import Progress as TrainingProgress


T = TypeVar("T")


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


def with_bars(
    work: Callable[["RecNet", Progress], Awaitable[T]],
) -> Callable[["RecNet"], Awaitable[T]]:
    """Return work for `execute` that gets progress bars too."""

    async def run(recnet: "RecNet") -> T:
        with bars() as progress:
            return await work(recnet, progress)

    return run


def training_bar(progress: Progress, name: str) -> Callable[["TrainingProgress"], None]:
    """Return a callback that shows one training run: records, reward, calls."""
    task: TaskID | None = None

    def update(at: "TrainingProgress") -> None:
        nonlocal task
        if task is None:
            task = progress.add_task(name, total=at.records, state="")
        state = f"reward {at.reward:.2f} · {at.calls} calls now · {at.routers} routers"
        if at.failed:
            state += f" · {at.failed} failed"
        progress.update(task, completed=at.done, state=state)

    return update


def counting_bar(progress: Progress, name: str, total: int) -> Callable[[], None]:
    """Add a bar, and return a callback that advances it by one."""
    task = progress.add_task(name, total=total, state="")
    return lambda: progress.advance(task)
