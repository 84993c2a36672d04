"""`recnet drop`: delete a network."""

from typing import Annotated

import typer

from workflows.commands.console import NetworkName, display, execute, fail


def drop(
    network: NetworkName = "default",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a network with everything stored for it."""
    if not yes:
        execute(lambda recnet: recnet.network(network).record())
        # Asked while no event loop runs, so that a Ctrl-C ends the question.
        if not typer.confirm(f"Delete network '{network}' for good?", err=True):
            fail("nothing was deleted")
    execute(lambda recnet: recnet.network(network).drop())
    display(f"dropped network '{network}'")
