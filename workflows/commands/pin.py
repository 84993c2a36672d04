"""`recnet pin`, `unpin`: keep training from changing a module."""

from workflows.commands.console import AsJson, NetworkName
from workflows.commands.edit import ModuleName, Note, revise
from workflows.edits import pin as pin_module


def pin(
    module: ModuleName, network: NetworkName = "default", note: Note = "", as_json: AsJson = False
) -> None:
    """Keep a module's text as it is until it is unpinned."""
    revise(lambda recnet: pin_module(recnet, network, module, note=note), as_json)


def unpin(
    module: ModuleName, network: NetworkName = "default", note: Note = "", as_json: AsJson = False
) -> None:
    """Let training change a pinned module again."""
    revise(lambda recnet: pin_module(recnet, network, module, pinned=False, note=note), as_json)
