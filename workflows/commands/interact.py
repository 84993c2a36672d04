"""`recnet interact`: learn from one live interaction."""

from typing import TYPE_CHECKING, Annotated

import typer

from state.errors import InputError, NetworkError
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
    from state.dataset import Split
    from state.graphs.interaction import InteractionOutput
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
    generated = ""

    async def work(recnet: "RecNet") -> tuple["InteractionOutput", "Split | None"]:
        from nodes.lifecycle import new_id  # noqa: PLC0415 - slow, and --help does without

        nonlocal generated
        generated = new_id() if interaction is None else ""
        found = recnet.network(network)
        try:
            out = await found.interact(user, positive, negative, id=generated or interaction)
        except (InputError, NetworkError):
            generated = ""  # nothing has begun
            raise
        return out, await found.held_out(user, positive)

    try:
        out, kept_for = execute(work, command="interact")
    except typer.Exit:
        if generated:
            notes.print(f"with --id {generated}")  # without it the next run would get another id
        raise
    failure = out.get("failure")
    if as_json:
        print_json(out)
    elif failure:
        notes.print(f"failed: {failure}")
    else:
        outcome = "right" if out["reward"] else "wrong"
        before = " (settled before)" if out["repeated"] else ""
        reason = f"predicted {out['predicted']}, {outcome}{before}. {out['reason']}"
        display(f"{out['interaction']}: {reason}")
        display(f"why: recnet trace {out['interaction']} --network {network}")
    if failure:
        raise typer.Exit(FAILED_RECORDS)
    if kept_for is not None:
        notes.print(
            f"note: '{positive}' is the item of user '{user}' that was kept for the {kept_for}; "
            "`recnet evaluate` refuses a network that has learned it",
            soft_wrap=True,
        )
