"""`recnet interact`: learn from one live interaction."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

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
    display,
    execute,
    notes,
    print_json,
)

if TYPE_CHECKING:
    from workflows.recnet import RecNet


def interact(
    user: Annotated[str, typer.Argument(help="Key of the user.")],
    positive: Annotated[str, typer.Argument(help="Key of the item the user took.")],
    negative: Annotated[str, typer.Argument(help="Key of an item the user did not take.")],
    network: NetworkName = "default",
    interaction: Annotated[
        str | None,
        typer.Option("--id", help="Id of the interaction; the same one again costs nothing."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Learn from one live interaction."""
    identity = mint_identity() if interaction is None else interaction
    begun = False

    async def work(recnet: "RecNet") -> tuple[InteractionOutput, Split | None]:
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
            notes.print(f"with --id {identity}")  # without it the next run would get another id
        raise
    failure = out.get("failure")
    if as_json:
        print_json(out)
    elif failure:
        notes.print(f"failed: {failure}")
    else:
        display(*_lines(out, network))
    if failure:
        raise typer.Exit(FAILED_RECORDS)
    if kept_for is not None:
        notes.print(
            f"note: '{positive}' is the item of user '{user}' that was kept for the {kept_for}; "
            "`recnet evaluate` refuses a network that has learned it",
            soft_wrap=True,
        )


async def _interact(
    recnet: "RecNet", name: str, user: str, positive: str, negative: str, identity: str
) -> tuple[InteractionOutput, Split | None]:
    """Run one record; return the split too that its event was held out for, if any."""
    out = await recnet.network(name).interact(
        user=user, positive=positive, negative=negative, id=identity
    )
    network = await recnet.network(name).record()
    async with recnet.resources.pool.connection() as conn:
        users = await find_clients(conn, network.id, ClientKind.USER, [user])
        items = await find_clients(conn, network.id, ClientKind.ITEM, [positive])
        return out, await held_out(conn, network.id, users[user], items[positive])


def _lines(out: InteractionOutput, network: str) -> list[RenderableType]:
    outcome = "right" if out["reward"] else "wrong"
    before = " (settled before)" if out["repeated"] else ""
    return [
        f"{out['interaction']}: predicted {out['predicted']}, {outcome}{before}. {out['reason']}",
        f"why: recnet trace {out['interaction']} --network {network}",
    ]
