"""What all commands share: options, running, errors in one line, JSON."""

import asyncio
import gc
import json
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import psycopg
import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console

from prompts.llm.errors import BudgetExceeded, CallError
from prompts.template import TemplateError
from state.db.errors import explain as explain_database
from state.domain import KEY_LENGTH, clean_line
from state.errors import RecNetError
from state.settings import Settings
from workflows.commands.signals import STOPPED, StoppedError, stoppable
from workflows.recnet import RecNet, open_recnet

T = TypeVar("T")


def _name(given: str) -> str:
    """Refuse a name that could not be read, or typed again, where it is shown."""
    if not given or clean_line(given, KEY_LENGTH) != given:
        fail(
            f"--network: a name is one line of 1 to {KEY_LENGTH} printable characters "
            f"(given: {given[:KEY_LENGTH]!r})"
        )
    return given


_NETWORK = "RECNET_NETWORK"
NetworkName = Annotated[
    str,
    typer.Option(
        "--network",
        "-n",
        envvar=_NETWORK,
        help="The network's name.",
        callback=_name,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]

ERROR = 1
"""Exit code: what was asked for could not be done; the line says why."""
FAILED_RECORDS = 3
"""Exit code: the run ended, but some records could not be learned from."""
BUDGET_SPENT = 5
"""Exit code: the budget stopped it; the same command goes on."""
_GO_ON = "the same command goes on where it was"
_LINE_LENGTH = 1_000
_MAY_HOLD_KEYS = frozenset(
    {"model_options", "models", "prices", "OPENAI_BASE_URL", "embedding_base_url"}
)
"""Settings whose value is not quoted: a key may have been put there by mistake."""


class _Notes(Console):
    """What is told beside the work, which goes on where nobody reads it any more.

    A Ctrl-C ends `tee` in `recnet train 2>&1 | tee log` as well, and calls are still under way.
    """

    def on_broken_pipe(self) -> None:
        """Say nothing more."""
        self.quiet = True
        with Path(os.devnull).open("w") as nowhere:  # what is still held back has to go somewhere
            os.dup2(nowhere.fileno(), self.file.fileno())


screen = Console(markup=False, emoji=False, highlight=False)
notes = _Notes(stderr=True, markup=False, emoji=False, highlight=False)
"""Progress and errors go here, so that what is printed can be piped."""


def execute(
    work: Callable[[RecNet], Awaitable[T]],
    settings: Settings | None = None,
    *,
    command: str = "recnet",
    cache: bool = False,
) -> T:
    """Run `work` on an open façade; errors a person can act on become one line and an exit code.

    `command` names the run in usage; `cache` says whether replies are kept and taken again where
    the settings leave that open.
    """

    async def main() -> T:
        opened = open_recnet(settings or read_settings(), command=command, cache=cache)
        async with opened as recnet, stoppable(recnet.resources.limiter, _say):
            return await work(recnet)

    return finish(main())


def _say(line: str) -> None:
    """Say what a signal does, and leave the terminal so that a further one may end the process."""
    notes.show_cursor()  # a progress bar hides it
    notes.print(line)


def finish(work: Coroutine[Any, Any, T], left: str = _GO_ON) -> T:
    """Run `work`; errors a person can act on become one line and an exit code.

    `left` says what a signal leaves of it.
    """
    # The drivers warn of each connection that fails; one line says so once it matters.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    collect_seldom()
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        stop_by_signal(STOPPED[signal.SIGINT], left)
    except StoppedError as stopped:
        stop_by_signal(stopped.exit_code, left)
    except ValidationError as error:
        fail(explain(error))
    except psycopg.Error as error:
        fail(explain_database(error))
    except BudgetExceeded as stop:
        stop_at_budget(str(stop))
    except (RecNetError, CallError, TemplateError) as error:
        fail(str(error))


def collect_seldom() -> None:
    """Look for cycles less often: training makes many objects and few cycles.

    It saves a twentieth of its processor time, and stalls of a tenth of a second.
    """
    gc.set_threshold(50_000, 20, 50)


def stop_by_signal(exit_code: int, left: str = _GO_ON) -> NoReturn:
    """Say how to go on with what a signal stopped, and leave with that exit code."""
    notes.print(f"stopped: {left}")
    raise typer.Exit(exit_code) from None


def stop_at_budget(reason: str) -> NoReturn:
    """Say that the budget stopped the command, and leave with that exit code."""
    notes.print(f"stopped: {reason}. Give the same command again to go on", soft_wrap=True)
    raise typer.Exit(BUDGET_SPENT)


def read_settings() -> Settings:
    """Return the settings of this process; a variable that is none of them is refused.

    A budget whose name was misspelled is no budget.
    """
    known = [n.upper() for n, field in Settings.model_fields.items() if not field.validation_alias]
    for variable in sorted(os.environ):
        name = variable.removeprefix("RECNET_")
        if name != variable and variable != _NETWORK and name not in known:
            near = get_close_matches(name, known, n=1)
            fail(
                f"{variable} is no setting" + (f"; did you mean RECNET_{near[0]}?" if near else "")
            )
    try:
        return Settings()
    except ValidationError as error:
        fail(explain(error, prefix="RECNET_"))


def fail(reason: str) -> NoReturn:
    """Print one line and leave with a non-zero exit code."""
    line = clean_line(reason, _LINE_LENGTH)  # it may quote what was typed
    notes.print(f"recnet: {line}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(ERROR)


def explain(error: ValidationError, prefix: str = "") -> str:
    """Return one line that names the setting and what is wrong with it."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = str(first["loc"][0]) if first["loc"] else "settings"
    own = place.isupper()  # a variable of another library's
    name = f"{prefix}{place}".upper() if prefix and not own else place
    said = first["msg"].removeprefix("Value error, ")
    if place in _MAY_HOLD_KEYS:
        return f"{name}: {said}"
    return f"{name}: {said} (given: {first['input']!r})"


def print_json(data: BaseModel | dict[str, Any] | list[Any]) -> None:
    """Print data as JSON on standard output, unwrapped and uncoloured."""
    plain = data.model_dump(mode="json") if isinstance(data, BaseModel) else data
    typer.echo(json.dumps(plain, ensure_ascii=False, indent=2, default=_dump))


def _dump(value: object) -> Any:  # noqa: ANN401 - what json.dumps asks for
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} is not JSON")
