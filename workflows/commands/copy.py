"""`recnet copy`: copy a network, with other settings from then on."""

from typing import TYPE_CHECKING, Annotated

import typer

from state.settings import USED_AT_BOOTSTRAP
from workflows.commands.bootstrap import SETTINGS, parse_settings
from workflows.commands.console import AsJson, execute, output

if TYPE_CHECKING:
    from workflows.recnet import RecNet

CHANGEABLE = [name for name in SETTINGS if name not in USED_AT_BOOTSTRAP]


def copy(
    source: Annotated[str, typer.Argument(help="The network to copy, with all it has learned.")],
    name: Annotated[str, typer.Argument(help="The copy's name.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help=f"One of: {', '.join(CHANGEABLE)}."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Copy a network, with other settings from then on.

    Ablations share one bootstrap that way.
    """
    changed = parse_settings(settings or [], CHANGEABLE)

    async def work(recnet: "RecNet") -> dict[str, object]:
        copied = await recnet.network(source).copy(name, **changed)
        return {"network": name, "settings": (await copied.record()).settings}

    line = f"network '{name}' is a copy of '{source}'; next: recnet train --network {name}"
    output(execute(work), as_json, lambda _: line)
