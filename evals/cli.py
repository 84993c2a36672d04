"""The command line `recnet`: a table of commands, each imported only when it is used."""

import signal
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Annotated, Any

import typer
from dotenv import load_dotenv
from typer.core import TyperCommand, TyperGroup

COMMANDS = {
    "demo": ("evals.commands.demo", "Run the shipped sample from loading to a table."),
    "load": ("evals.commands.load", "Load a data set as a new network."),
    "bootstrap": ("workflows.commands.bootstrap", "Make the routers of a loaded network."),
    "train": ("workflows.commands.train", "Train on the records in order."),
    "retry": ("workflows.commands.retry", "Run failed interactions again."),
    "interact": ("workflows.commands.interact", "Learn from one live interaction."),
    "recommend": ("workflows.commands.recommend", "Rank items for a user, each with a reason."),
    "evaluate": ("evals.commands.evaluate", "Rank each user's held-out item among ten."),
    "show": (
        "workflows.commands.show",
        "Show a network, its users or items, a router, or interactions.",
    ),
    "trace": ("workflows.commands.trace", "Show one interaction step by step."),
    "edit": ("workflows.commands.edit", "Give a module another text."),
    "rollback": ("workflows.commands.rollback", "Give a module the text of an earlier version."),
    "pin": ("workflows.commands.pin", "Keep a module's text as it is until it is unpinned."),
    "unpin": ("workflows.commands.pin", "Let training change a pinned module again."),
    "copy": ("workflows.commands.copy", "Copy a network, with other settings from then on."),
    "networks": ("workflows.commands.networks", "List the networks of the database."),
    "digest": ("workflows.commands.digest", "Print a network's digest."),
    "drop": ("workflows.commands.drop", "Delete a network with everything stored for it."),
    "usage": ("workflows.commands.usage", "Show the calls made for a network."),
    "gc": ("workflows.commands.gc", "Delete the checkpoints of finished runs."),
    "db": ("workflows.commands.db", "Start, stop and inspect the embedded server."),
    "dataset": ("evals.commands.dataset", "Inspect a data set before it is loaded."),
    "paper": ("evals.commands.paper", "Make the tables of the paper."),
}
"""The module of each command and its line in `recnet --help`.

The attribute of the module that has the command's name is its function, or its group of commands.
"""
if find_spec("benchmarks"):  # it is in a checkout only
    COMMANDS["bench"] = ("benchmarks.commands", "Measure the system without a language model.")


class Commands(TyperGroup):
    """The commands of the table, each imported when it is resolved: `recnet --help` needs none."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - typer's own options
        super().__init__(**attributes)
        self.commands = {
            name: TyperCommand(name, help=line) for name, (_, line) in COMMANDS.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - typer's own types
        """Import the command that the first word names."""
        if args[0] in COMMANDS:
            self.commands[args[0]] = load_command(args[0])
        return super().resolve_command(ctx, args)


def load_command(name: str) -> Any:  # noqa: ANN401 - as above
    """Import a command, or a group of commands."""
    command = getattr(import_module(COMMANDS[name][0]), name)
    parent = typer.Typer(rich_markup_mode=None)
    if isinstance(command, typer.Typer):
        parent.add_typer(command, name=name)
    else:
        parent.command(name)(command)
    return typer.main.get_group(parent).commands[name]


app = typer.Typer(
    cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"recnet {version('recnet')}")
        raise typer.Exit


@app.callback()
def _read_environment(
    _: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """RecNet: a self-evolving preference-propagation network for recommendation."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    load_dotenv(".env")


def main() -> None:
    """Run the command line. A Ctrl-C while a command is imported ends it without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    app()


if __name__ == "__main__":
    main()
