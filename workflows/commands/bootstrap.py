"""`recnet bootstrap`, `recnet copy`: the networks whose settings they fix or change."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from state.settings import USED_AT_BOOTSTRAP, NetworkSettings
from workflows.commands.console import AsJson, NetworkName, execute, fail, output, read_settings

if TYPE_CHECKING:
    from workflows.recnet import RecNet

# Model and encoder are those of the process: RECNET_MODEL and RECNET_EMBEDDING.
SETTINGS = [name for name in NetworkSettings.model_fields if name not in ("model", "encoder")]
CHANGEABLE = [name for name in SETTINGS if name not in USED_AT_BOOTSTRAP]


def bootstrap(
    network: NetworkName = "default",
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of every random draw.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help=f"A setting: {', '.join(SETTINGS)}."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the routers of a loaded network. Its settings stay as they are from then on."""
    given: dict[str, Any] = {} if seed is None else {"seed": seed}
    given |= _parse_settings(settings or [], SETTINGS)
    process = read_settings()
    given |= {"encoder": process.embedding, "model": process.model}
    made = execute(
        lambda recnet: recnet.network(network).bootstrap(NetworkSettings.model_validate(given)),
        process,
        command="bootstrap",
        cache=True,
    )
    count = f"{made['clients']} clients, {made['routers']} routers"
    line = f"network '{network}': {count}; next: recnet train --network {network}"
    output(made, as_json, lambda _: line)


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
    changed = _parse_settings(settings or [], CHANGEABLE)

    async def work(recnet: "RecNet") -> dict[str, object]:
        copied = await recnet.network(source).copy(name, **changed)
        return {"network": name, "settings": (await copied.record()).settings}

    line = f"network '{name}' is a copy of '{source}'; next: recnet train --network {name}"
    output(execute(work), as_json, lambda _: line)


def _parse_settings(settings: list[str], known: list[str]) -> dict[str, str]:
    """Return `--set NAME=VALUE` options as a mapping; an unknown name is an error."""
    parsed = {}
    for setting in settings:
        name, separator, value = setting.partition("=")
        if not separator or name not in known:
            fail(f"--set {setting}: give NAME=VALUE with one of {', '.join(known)}")
        parsed[name] = value
    return parsed
