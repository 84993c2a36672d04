"""`recnet rollback`: give a module the text of an earlier version (see `workflows/edits.py`)."""

from typing import Annotated

import typer

from workflows.commands.console import AsJson, NetworkName
from workflows.commands.edit import ModuleName, Note, revise


def rollback(
    module: ModuleName,
    to: Annotated[int, typer.Option(min=1, help="The version whose text it gets.")],
    network: NetworkName = "default",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Give a module the text of an earlier version. It becomes a new version."""
    revise(lambda recnet: recnet.network(network).rollback(module, to, note=note), as_json)
