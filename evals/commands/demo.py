"""`recnet demo`: the shipped sample, from loading to a table."""

import shutil
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType
from rich.progress import Progress
from rich.text import Text

from evals.commands.evaluate import evaluation_lines
from state.settings import NetworkSettings
from workflows.commands.console import AsJson, execute, output, read_settings
from workflows.commands.progress import with_bars
from workflows.commands.trace import trace_tree

if TYPE_CHECKING:
    from evals.demo import Demonstration
    from workflows.recnet import RecNet

_OFFLINE = (
    "The offline model is a set of plain lexical methods and no language model: these figures show "
    "that the mechanism runs, on a made-up world. They say nothing of people."
)
_NEXT = """\
recnet show --network demo                 the network, its routers and settings
recnet show users --network demo           the keys of the users
recnet show user KEY --network demo        a client, with every version of it
recnet trace ID --network demo             why something changed
recnet load FOLDER --network mine          your own data
make studio                                the graphs in LangGraph Studio
recnet db stop                             stops the embedded server; its data stays"""
_ACTIVATE = "source .venv/bin/activate                  `recnet` is a command then"


def demo(
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random draw.")] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Drop the demo's networks first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the shipped sample from loading to a table. A second run only reads."""
    process = read_settings()
    settings = NetworkSettings(seed=seed, encoder=process.embedding, model=process.model)

    async def work(recnet: "RecNet", progress: Progress) -> "Demonstration":
        from evals.demo import demonstrate  # noqa: PLC0415 - slow to import

        return await demonstrate(recnet, progress, settings, fresh=fresh)

    shown = execute(with_bars(work), process, command="demo", cache=True)
    output(shown, as_json, lambda _: _render(shown, offline=process.model == "offline"))


def _render(shown: "Demonstration", *, offline: bool) -> list[RenderableType]:
    reports = [
        f"{label}: {report.reward or 0:.1%} of {report.records} records predicted right before "
        f"they were learned, {report.calls_per_interaction or 0:.2f} calls an interaction, "
        f"{report.update_calls} for {report.windows} router updates, "
        f"routers {shown.routers_before} → {report.routers} ({report.retired} retired)"
        for label, report in shown.reports.items()
    ]
    return [
        Text("One interaction:", style="bold"),
        trace_tree(shown.traced, messages=2, gradients=3),
        f"the whole: recnet trace {shown.traced.interaction} --network demo",
        Text("\nHow well held-out books are ranked:", style="bold"),
        *evaluation_lines(shown.evaluation),
        *reports,
        *([_OFFLINE] if offline else []),
        Text("\nNext:", style="bold"),
        *([] if shutil.which("recnet") else [_ACTIVATE]),
        _NEXT,
    ]
