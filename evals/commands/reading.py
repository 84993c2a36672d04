"""What `recnet load` and `recnet dataset stats` share: options of reading, and what is said."""

from collections.abc import Callable
from dataclasses import fields
from inspect import Parameter, signature
from typing import Annotated, Any, get_type_hints

import typer
from pydantic import ValidationError

from evals.datasets.reader import ReadOptions, ReadResult
from evals.datasets.registry import READERS, read_with_notes
from state.dataset import Split
from state.domain import KEY_LENGTH, clean_line
from state.errors import RecNetError
from state.settings import explain
from workflows.commands.console import fail

_COLUMN = "The column with the {}; recognised by its name, if not given."
HELP = {
    "file_format": f"One of {', '.join(reader.name for reader in READERS)}; told from the files, "
    "if not given.",
    "domain": "What the items are, such as CDs; `items`, if not given.",
    "split": "Hold out each user's last events, or all events after one moment.",
    "items": "The file with the catalogue, where it is not found by itself.",
    "encoding": "The encoding of text files, such as latin-1; UTF-8 or UTF-16, if not given.",
    "min_rating": "Drop events rated below this; without it, a low rating is a like too.",
    "keep": "Keep the first or the last event of a user with an item; else two are an error.",
    "skip_unknown": "Drop events whose item the catalogue lacks; else they are an error.",
    "k_core": "Drop users and items with fewer events than this, until none is left.",
    "events_per_user": "Keep each user's last events, this many; drop users with fewer.",
    "sample_users": "Keep this many users, drawn by --seed.",
    "seed": "What the sample of users is drawn by.",
    "catalogue": "Keep all items, or those with an event; told from the files, if not given.",
} | {
    f"{role}_column": _COLUMN.format(what)
    for role, what in {
        "user": "users",
        "item": "items",
        "time": "times: numbers or ISO dates",
        "rating": "ratings",
        "title": "titles",
        "category": "categories",
    }.items()
}
_LEAST = {"k_core": 1, "events_per_user": 1, "sample_users": 1}


def with_read_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each field of `ReadOptions`, and `--format`.

    The command takes what was read in place of its argument `source`.
    """
    own = signature(command, eval_str=True).parameters
    hints = get_type_hints(ReadOptions)
    given: dict[str, tuple[Any, Any]] = {"file_format": (str | None, None)}
    given |= {f.name: (hints[f.name], f.default) for f in fields(ReadOptions) if f.name in HELP}

    def run(source: str, **values: Any) -> None:  # noqa: ANN401 - those of the options
        chosen = {name: values.pop(name) for name in given}
        command(_read(source, chosen.pop("file_format"), ReadOptions(**chosen)), **values)

    about = typer.Argument(help="A folder, file or zip archive, or planted:SEED:READERS.")
    source = Parameter("source", Parameter.KEYWORD_ONLY, annotation=Annotated[str, about])
    options = [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[
                hint,
                typer.Option(_flag(name), help=HELP[name], min=_LEAST.get(name)),
            ],
        )
        for name, (hint, default) in given.items()
    ]
    rest = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in list(own.values())[1:]]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = signature(run).replace(parameters=[source, *rest, *options])  # type: ignore[attr-defined]  # typer reads it
    return run


def _flag(name: str) -> str:
    return "--format" if name == "file_format" else f"--{name.replace('_', '-')}"


def _read(source: str, file_format: str | None, options: ReadOptions) -> ReadResult:
    """Read a data set; what is wrong with it is one line and an exit code."""
    if options.domain is not None and not clean_line(options.domain, KEY_LENGTH):
        fail("--domain is empty: give a plural noun, such as films")
    try:
        read = read_with_notes(source, file_format, options)
    except RecNetError as error:
        fail(str(error))
    except ValidationError as error:
        fail(explain(error))  # the domain; a fault in the files is a RecNetError with its line
    if all(event.split is Split.FIRST for event in read.dataset.events):
        fail(f"{source}: no user has two events, so there is nothing to learn from or to predict")
    return read


def said(read: ReadResult) -> list[str]:
    """Return the lines that a command prints about what was read and what was left out."""
    lines = list(read.notes)
    if read.left_out.events:
        lines.append(
            f"left out by the split: {read.left_out.events:,} events, and "
            f"{read.left_out.users:,} users who have none before the moment"
        )
    return lines
