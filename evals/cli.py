"""The command line `recnet`: the commands of the workflows, and those that need data sets."""

import shutil
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from dotenv import load_dotenv
from pydantic import ValidationError
from rich.text import Text

from benchmarks import commands as bench
from evals.commands import dataset as dataset_commands
from evals.commands import eval as experiments
from evals.commands.dataset import SplitAt, print_left_out
from evals.datasets.registry import read_with_left_out
from evals.datasets.splits import SplitStrategy
from state.dataset import Split
from state.errors import RecNetError
from state.settings import NetworkSettings
from workflows.commands import bootstrap as shaping
from workflows.commands import db as database
from workflows.commands import edit as revising
from workflows.commands import gc as collecting
from workflows.commands import networks
from workflows.commands import show as reading
from workflows.commands import train as learning
from workflows.commands import usage as spending
from workflows.commands.console import (
    AsJson,
    NetworkName,
    execute,
    explain,
    fail,
    print_json,
    read_settings,
    screen,
)
from workflows.commands.progress import bars, counting_bar
from workflows.commands.trees import trace_tree
from workflows.commands.usage import print_usage
from workflows.recnet import RecNet

if TYPE_CHECKING:
    from evals.demo import Demonstration
    from evals.evaluation import Evaluation

# Evaluation stands on libraries that take seconds to import: only the commands that rank do so.

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def main() -> None:
    """RecNet: a self-evolving preference-propagation network for recommendation."""
    load_dotenv(".env")


@app.command()
def demo(
    seed: Annotated[int, typer.Option(min=0, help="Keys every random draw of the networks.")] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Drop the demo's networks first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the shipped sample from loading to a table; a second run only reads."""
    from evals.demo import demonstrate  # noqa: PLC0415

    process = read_settings()
    network_settings = NetworkSettings(seed=seed, encoder=process.embedding, model=process.model)

    async def work(recnet: RecNet) -> "Demonstration":
        with bars() as progress:
            return await demonstrate(recnet, progress, network_settings, fresh=fresh)

    shown = execute(work, process, command="demo", cache=True)
    if as_json:
        print_json(shown)
    else:
        _print_demonstration(shown, process.model)


@app.command()
def load(
    source: Annotated[
        str, typer.Argument(help="A folder with *.inter and *.item files, or planted:SEED:READERS.")
    ],
    network: NetworkName = "default",
    domain: Annotated[
        str | None, typer.Option(help="What the items are called: CDs, films; else `items`.")
    ] = None,
    split: SplitAt = SplitStrategy.LEAVE_ONE_OUT,
    as_json: AsJson = False,
) -> None:
    """Load RecBole atomic files as a new network."""
    try:
        read = read_with_left_out(source, split=split, domain=domain)
    except RecNetError as error:
        fail(str(error))
    except ValidationError as error:
        fail(explain(error))  # the domain's word; what is in the files is named with its line
    dataset, left_out = read.dataset, read.left_out
    execute(lambda recnet: recnet.load(network, dataset))
    found: dict[str, object] = {
        "network": network,
        "users": len({event.user for event in dataset.events}),
        "items": len(dataset.items),
        "events": len(dataset.events),
    }
    if split is SplitStrategy.TIME:
        found |= {"users_left_out": left_out.users, "events_left_out": left_out.events}
    if as_json:
        print_json(found)
    else:
        print_left_out(left_out)
        screen.print(
            f"network '{network}': {found['users']} users, {found['items']} items, "
            f"{found['events']} events; next: recnet bootstrap --network {network}",
            highlight=False,
            soft_wrap=True,
        )


@app.command()
def evaluate(
    network: NetworkName = "default",
    split: Annotated[
        Literal["valid", "test"], typer.Option(help="`valid` for choices, `test` for the end.")
    ] = "test",
    draws: Annotated[int, typer.Option(min=1, help="Draws of candidates a user.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Keys the candidates.")] = 0,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Beside Pop, item-KNN and BPR too.")
    ] = False,
    probes: Annotated[
        bool,
        typer.Option(
            "--probes",
            help="Beside rankers that know nothing of taste; also with equally popular negatives.",
        ),
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Rank each user's held-out item among ten, beside random and static TF-IDF."""

    from evals.evaluation import evaluate_networks  # noqa: PLC0415

    async def work(recnet: RecNet) -> "Evaluation":
        with bars() as progress:
            return await evaluate_networks(
                recnet,
                {f"RecNet ({network})": network},
                Split(split),
                draws=range(draws),
                seed=seed,
                learned_too=baselines,
                probed=probes,
                started=lambda name, total: counting_bar(progress, f"ranking: {name}", total),
            )

    found = execute(work, command="evaluate", cache=True)
    if as_json:
        print_json(found)
    elif markdown:
        typer.echo("\n".join(table.markdown() for table in found.tables))
    else:
        _print_tables(found)


app.add_typer(shaping.app)
app.add_typer(learning.app)
app.add_typer(reading.app)
app.add_typer(revising.app)
app.add_typer(spending.app)
app.add_typer(networks.app)
app.add_typer(collecting.app)
app.add_typer(database.app, name="db")
app.add_typer(dataset_commands.app, name="dataset")
app.add_typer(bench.app, name="bench")
app.add_typer(experiments.app, name="eval")


def _print_tables(found: "Evaluation") -> None:
    for table in found.tables:
        screen.print(table.rich())
    for line in found.omitted:
        screen.print(line)
    screen.print(
        f"{found.missing} candidates not in a reply, {found.dropped} names dropped, "
        f"{found.failed} rankings without a reply"
    )
    print_usage("this run", found.usage)


def _print_demonstration(shown: "Demonstration", model: str) -> None:
    from evals.demo import NETWORK  # noqa: PLC0415

    _print_tables(shown.evaluation)
    for label, report in shown.reports.items():
        screen.print(
            f"{label}: {report.reward or 0:.1%} of {report.records} records predicted right before "
            f"they were learned, {report.calls_per_interaction or 0:.2f} calls an interaction, "
            f"{report.update_calls} for {report.windows} router updates, "
            f"routers {shown.routers_before} → {report.routers} ({report.retired} retired)",
            highlight=False,
        )
    screen.print("\nOne traced interaction:", style="bold")
    screen.print(trace_tree(shown.traced))
    if model == "offline":
        screen.print(
            Text(
                "The offline model is a set of plain lexical methods and no language model: these "
                "figures show that the mechanism runs, on a made-up world. They say nothing of "
                "people."
            )
        )
    screen.print("\nNext:", style="bold")
    if shutil.which("recnet") is None:
        screen.print("source .venv/bin/activate                  `recnet` is a command then")
    for line in (
        f"recnet show --network {NETWORK}                 the network, its routers and settings",
        f"recnet show user KEY --network {NETWORK}        a client, with every version of it",
        f"recnet trace ID --network {NETWORK}             why something changed",
        "recnet load FOLDER --network mine          your own data",
        "make studio                                the graphs in LangGraph Studio",
        "recnet db stop                             stops the embedded server; its data stays",
    ):
        screen.print(line, highlight=False)


if __name__ == "__main__":
    app()
