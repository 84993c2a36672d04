"""`recnet evaluate`: rank held-out items by a network and the baselines."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import RenderableType
from rich.progress import Progress

from state.dataset import Split
from workflows.commands.console import AsJson, NetworkName, display, execute, output
from workflows.commands.progress import counting_bar, with_bars
from workflows.commands.usage import usage_lines

if TYPE_CHECKING:
    from evals.evaluation import Evaluation
    from workflows.recnet import RecNet


def evaluate(
    network: NetworkName = "default",
    split: Annotated[
        Literal["valid", "test"], typer.Option(help="Use `valid` to choose, `test` at the end.")
    ] = "test",
    draws: Annotated[int, typer.Option(min=1, help="Draws of candidates for each user.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the candidates.")] = 0,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Compare with Pop, item-KNN and BPR too.")
    ] = False,
    probes: Annotated[
        bool,
        typer.Option(
            "--probes",
            help="Add rankers that know nothing of taste, and a table with equally popular "
            "negatives.",
        ),
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Rank each user's held-out item among ten.

    The tables compare the network with a random order and with static TF-IDF.
    """

    async def work(recnet: "RecNet", progress: Progress) -> "Evaluation":
        from evals.evaluation import evaluate_networks  # noqa: PLC0415 - slow to import

        return await evaluate_networks(
            recnet,
            {f"RecNet ({network})": network},
            Split(split),
            draws=range(draws),
            seed=seed,
            baselines=baselines,
            probes=probes,
            on_progress=lambda name, total: counting_bar(progress, f"ranking: {name}", total),
        )

    found = execute(with_bars(work), command="evaluate", cache=True)
    if markdown and not as_json:
        display(*(table.markdown() for table in found.tables))
    else:
        output(found, as_json, evaluation_lines)


def evaluation_lines(found: "Evaluation") -> list[RenderableType]:
    """Return the tables of an evaluation, and what it took."""
    return [
        *(table.rich() for table in found.tables),
        *found.omitted,
        f"{found.missing} candidates not in a reply, {found.dropped} names dropped, "
        f"{found.failed} rankings without a reply",
        *usage_lines("this run", found.usage),
    ]
