"""What all commands share: options, running, one-line errors, output.

Exit codes: 0 done; 1 refused or failed, the line says why; 2 wrong usage; 3 the run ended, but some
records failed; 4 the two compared networks differ; 5 the budget is spent; 130 stopped by Ctrl-C;
143 stopped by SIGTERM. After 5, 130 and 143 the same command goes on where it stopped.
"""

import asyncio
import gc
import json
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from pydantic_core import to_jsonable_python
from rich.console import Console, RenderableType
from rich.text import Text
from rich.tree import Tree

from state.domain import KEY_LENGTH, clean_line
from state.errors import InputError, RecNetError
from state.settings import NETWORK_VARIABLE, Settings, explain, load_settings
from workflows.commands.signals import EXIT_CODES, StoppedError, stoppable

if TYPE_CHECKING:
    from workflows.recnet import RecNet

T = TypeVar("T")

ERROR = 1
FAILED_RECORDS = 3
DIFFERENT = 4
BUDGET_SPENT = 5

_GOES_ON = "the same command goes on where it stopped"
_LINE_LENGTH = 1_000


def _network_name(given: str) -> str:
    if not given or clean_line(given, KEY_LENGTH) != given:
        fail(
            f"--network: a name is one line of 1 to {KEY_LENGTH} printable characters "
            f"(given: {given[:KEY_LENGTH]!r})"
        )
    return given


NetworkName = Annotated[
    str,
    typer.Option(
        "--network",
        "-n",
        envvar=NETWORK_VARIABLE,
        help="The network's name.",
        callback=_network_name,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class _Notes(Console):
    """Progress and errors, on standard error; a reader that went away, as `tee`, stops no run."""

    def on_broken_pipe(self) -> None:
        """Print nothing from now on."""
        self.quiet = True
        with Path(os.devnull).open("w") as nowhere:  # takes what is still in the buffer
            os.dup2(nowhere.fileno(), self.file.fileno())


screen = Console(markup=False, emoji=False, highlight=False)
notes = _Notes(stderr=True, markup=False, emoji=False, highlight=False)


def execute(
    work: Callable[["RecNet"], Awaitable[T]],
    settings: Settings | None = None,
    *,
    command: str = "recnet",
    cache: bool = False,
) -> T:
    """Run `work` on an open `RecNet`; an expected error becomes one line and an exit code.

    `command` and `cache` are those of `RecNet.open`.
    """

    def say(line: str) -> None:
        notes.show_cursor()  # a progress bar hides it, and a third signal ends the process
        notes.print(line)

    async def main() -> T:
        from workflows.recnet import RecNet  # noqa: PLC0415 - slow, and --help does without

        opened = RecNet.open(settings or read_settings(), command=command, cache=cache)
        async with opened as recnet, stoppable(recnet.resources.limiter, say):
            return await work(recnet)

    return finish(main())


def finish(work: Coroutine[Any, Any, T], stopped: str = _GOES_ON) -> T:
    """Run `work` as `execute` does; `stopped` is what to print after a signal."""
    # psycopg logs a warning for each connection that fails; the error says it once.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    collect_seldom()
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        _stop(f"stopped: {stopped}", EXIT_CODES[signal.SIGINT])
    except StoppedError as error:
        _stop(f"stopped: {stopped}", error.exit_code)
    except Exception as error:
        _exit_if_expected(error)
        raise


def _exit_if_expected(error: Exception) -> None:
    import psycopg  # noqa: PLC0415 - slow, and --help does without

    from prompts.llm.errors import BudgetExceeded, CallError  # noqa: PLC0415 - as above
    from state.db.errors import explain as explain_database  # noqa: PLC0415 - as above

    match error:
        case ValidationError():
            fail(explain(error))
        case psycopg.Error():
            fail(explain_database(error))
        case BudgetExceeded():
            stop_at_budget(str(error))
        case RecNetError() | CallError():
            fail(str(error))


def collect_seldom() -> None:
    """Run the garbage collector less often: that saves a twentieth of training's time."""
    gc.set_threshold(50_000, 20, 50)


def stop_at_budget(reason: str) -> NoReturn:
    """Print which limit of the budget stopped the command, and exit with 5."""
    _stop(f"stopped: {reason}. Give the same command again to go on", BUDGET_SPENT)


def _stop(line: str, exit_code: int) -> NoReturn:
    notes.print(line, soft_wrap=True)
    raise typer.Exit(exit_code) from None


def read_settings() -> Settings:
    """Return the settings of this process; a wrong variable is one line and an exit code."""
    try:
        return load_settings()
    except InputError as error:
        fail(str(error))


def fail(reason: str) -> NoReturn:
    """Print one line on standard error and exit with 1."""
    line = clean_line(reason, _LINE_LENGTH)  # it may quote what was typed
    notes.print(f"recnet: {line}", style="red", soft_wrap=True)
    raise typer.Exit(ERROR)


def output(
    result: T, as_json: bool, render: Callable[[T], RenderableType | list[RenderableType]]
) -> None:
    """Print a result as JSON, or as what `render` makes of it: texts, trees, tables."""
    if as_json:
        print_json(result)
    else:
        rendered = render(result)
        display(*rendered if isinstance(rendered, list) else [rendered])


def display(*parts: RenderableType) -> None:
    """Print texts, trees and tables on standard output; a line of text is never broken."""
    for part in parts:
        screen.print(part, soft_wrap=isinstance(part, str | Text))


def print_json(data: object) -> None:
    """Print data as JSON on standard output, unwrapped and uncoloured."""
    typer.echo(json.dumps(to_jsonable_python(data), ensure_ascii=False, indent=2))


def branch(tree: Tree, label: str | Text, leaves: Iterable[str | Text]) -> Tree:
    """Add a node with its leaves to a tree, and return it."""
    node = tree.add(label)
    for leaf in leaves:
        node.add(leaf)
    return node


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 version, 2 versions."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def one_line(text: str) -> str:
    """Return a text with every run of white space as one blank."""
    return " ".join(text.split())
