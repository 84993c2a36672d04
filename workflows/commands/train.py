"""`recnet train`, `retry`, `interact`: what a network learns."""

from typing import Annotated, Literal

import typer

from nodes.lifecycle import mint_identity
from state.dataset import Split
from state.domain import ClientKind
from state.errors import InputError, NetworkError
from state.graphs.interaction import InteractionOutput
from state.store.clients import find_clients
from state.store.events import held_out
from workflows.commands.console import (
    FAILED_RECORDS,
    AsJson,
    NetworkName,
    execute,
    notes,
    print_json,
    screen,
    stop_at_budget,
)
from workflows.commands.progress import bars, counting_bar, training_bar
from workflows.commands.usage import print_usage
from workflows.recnet import RecNet
from workflows.training.driver import TrainingReport, train
from workflows.training.retry import RetryReport, retry_failed
from workflows.training.stream import DEFAULT_CONCURRENCY

app = typer.Typer()

Concurrency = Annotated[
    int,
    typer.Option(
        min=1, max=10_000, help="Interactions under way at the most; the network is the same."
    ),
]


@app.command(name="train")
def train_command(
    network: NetworkName = "default",
    fit: Annotated[
        Literal["train", "train+valid"],
        typer.Option(help="`train` before choices are made on validation, both before the test."),
    ] = "train+valid",
    concurrency: Concurrency = DEFAULT_CONCURRENCY,
    limit: Annotated[int | None, typer.Option(min=0, help="Run at most so many records.")] = None,
    as_json: AsJson = False,
) -> None:
    """Feed the training records in order; run again, it goes on where it stopped."""

    async def work(recnet: RecNet) -> TrainingReport:
        with bars() as progress:
            tell = training_bar(progress, network)
            return await train(
                recnet, network, fit=fit, concurrency=concurrency, limit=limit, on_progress=tell
            )

    report = execute(work, command="train", cache=True)
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if report.stopped:
        done = f"{report.settled} of {report.records} records are settled"
        stop_at_budget(f"{report.stopped}; {done}")
    if report.failed:
        notes.print(
            f"{_count(report.failed)} failed: `recnet show interactions --network {network}` says "
            f"why, `recnet retry --network {network}` runs them again",
            soft_wrap=True,
        )
        raise typer.Exit(FAILED_RECORDS)


@app.command()
def retry(
    interactions: Annotated[
        list[str] | None, typer.Argument(help="Identities; all that failed where none is given.")
    ] = None,
    network: NetworkName = "default",
    concurrency: Concurrency = DEFAULT_CONCURRENCY,
    as_json: AsJson = False,
) -> None:
    """Run failed interactions again; one that succeeds now counts once."""

    async def work(recnet: RecNet) -> RetryReport:
        with bars() as progress:
            return await retry_failed(
                recnet,
                network,
                interactions or (),
                concurrency=concurrency,
                started=lambda total: counting_bar(progress, network, total),
            )

    report = execute(work, command="retry", cache=True)
    if as_json:
        print_json(report)
    else:
        screen.print(
            f"{report.run} run again, {report.learned} learned, {len(report.failed)} not"
            if report.run
            else "no interaction has failed"
        )
        if report.usage:
            print_usage("this run", report.usage)
    for identity, reason in report.failed.items():
        notes.print(f"{identity}: {reason}", soft_wrap=True)
    if report.stopped:
        stop_at_budget(report.stopped)
    if report.failed:
        raise typer.Exit(FAILED_RECORDS)


@app.command()
def interact(
    user: Annotated[str, typer.Argument(help="Key of the user.")],
    positive: Annotated[str, typer.Argument(help="Key of the item the user took.")],
    negative: Annotated[str, typer.Argument(help="Key of an item the user did not take.")],
    network: NetworkName = "default",
    interaction: Annotated[
        str | None,
        typer.Option("--id", help="Its identity; the same one again costs nothing."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Feed one live interaction."""
    identity = mint_identity() if interaction is None else interaction
    begun = False

    async def work(recnet: RecNet) -> tuple[InteractionOutput, Split | None]:
        nonlocal begun
        begun = True
        try:
            return await _interact(recnet, network, user, positive, negative, identity)
        except (InputError, NetworkError):
            begun = False
            raise

    try:
        out, kept_for = execute(work, command="interact")
    except typer.Exit:
        if begun and interaction is None:
            notes.print(f"with --id {identity}")  # or the same words would mint another one
        raise
    if as_json:
        print_json(dict(out))
    elif out.get("failure"):
        notes.print(f"failed: {out['failure']}", markup=False)
    else:
        verdict = "right" if out["reward"] else "wrong"
        again = " (settled before)" if out["repeated"] else ""
        screen.print(
            f"{out['interaction']}: predicted {out['predicted']}, {verdict}{again}. "
            f"{out['reason']}",
            highlight=False,
            markup=False,
        )
        screen.print(f"why: recnet trace {out['interaction']} --network {network}", highlight=False)
    if kept_for is not None and not out.get("failure"):
        notes.print(
            f"note: '{positive}' is the item of user '{user}' that was kept for the {kept_for}; "
            "`recnet evaluate` refuses a network that has learned it",
            soft_wrap=True,
        )
    if out.get("failure"):
        raise typer.Exit(FAILED_RECORDS)


async def _interact(
    recnet: RecNet, name: str, user: str, positive: str, negative: str, identity: str
) -> tuple[InteractionOutput, Split | None]:
    """Run one record, and say whether its event was kept for evaluation."""
    out = await recnet.interact(
        name, user=user, positive=positive, negative=negative, interaction_id=identity
    )
    network = await recnet.network(name)
    async with recnet.resources.pool.connection() as conn:
        users = await find_clients(conn, network.id, ClientKind.USER, [user])
        items = await find_clients(conn, network.id, ClientKind.ITEM, [positive])
        return out, await held_out(conn, network.id, users[user], items[positive])


def _count(records: int) -> str:
    return "1 record" if records == 1 else f"{records} records"


def _print_report(report: TrainingReport) -> None:
    calls = report.calls_per_interaction
    lines = [
        f"{report.run} of {report.records} records run now in {report.seconds:.0f} s, "
        f"{report.failed} failed",
        "so far:",
        f"mean reward {report.reward:.3f}" if report.reward is not None else "no reward yet",
        f"calls an interaction: {calls:.2f}" if calls is not None else "no calls yet",
        f"{report.windows} router updates took {report.update_calls} calls; "
        f"{report.routers} routers, {report.retired} retired",
        f"tokens of all that: {report.input_tokens:,} in, {report.output_tokens:,} out",
    ]
    for line in lines:
        screen.print(line, highlight=False)
    print_usage("this run", report.usage)
