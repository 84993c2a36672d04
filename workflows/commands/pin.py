"""`recnet pin`, `recnet unpin`: keep a module's text as it is."""

from workflows.commands.console import AsJson, NetworkName
from workflows.commands.edit import ModuleName, Note, revise


def pin(
    module: ModuleName, network: NetworkName = "default", note: Note = "", as_json: AsJson = False
) -> None:
    """Keep a module's text as it is until it is unpinned."""
    revise(lambda recnet: recnet.network(network).pin(module, note=note), as_json)


def unpin(
    module: ModuleName, network: NetworkName = "default", note: Note = "", as_json: AsJson = False
) -> None:
    """Let training change a pinned module again."""
    revise(lambda recnet: recnet.network(network).unpin(module, note=note), as_json)
