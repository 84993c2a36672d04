"""`recnet bootstrap`, `copy`: what shapes a network for good."""

from typing import Annotated, Any

import typer

from state.graphs.bootstrap import BootstrapOutput
from state.settings import USED_AT_BOOTSTRAP, NetworkSettings
from workflows.commands.console import (
    AsJson,
    NetworkName,
    execute,
    fail,
    print_json,
    read_settings,
    screen,
)
from workflows.recnet import RecNet

app = typer.Typer()

# Model and encoder are those of the process: RECNET_MODEL and RECNET_EMBEDDING.
_SETTINGS = [name for name in NetworkSettings.model_fields if name not in ("model", "encoder")]
_CHANGEABLE = [name for name in _SETTINGS if name not in USED_AT_BOOTSTRAP]


@app.command()
def bootstrap(
    network: NetworkName = "default",
    seed: Annotated[int | None, typer.Option(min=0, help="Keys every random draw.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help=f"A setting: {', '.join(_SETTINGS)}."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Found the routers of a loaded network; what is set here shapes it for good."""
    given: dict[str, Any] = {} if seed is None else {"seed": seed}
    given |= _parse(settings or [], _SETTINGS)
    process = read_settings()
    given |= {"encoder": process.embedding, "model": process.model}

    async def work(recnet: RecNet) -> BootstrapOutput:
        # What is not named here stays as it is where the network was bootstrapped before.
        stored = (await recnet.network(network)).stored_settings
        network_settings = stored.model_dump() if stored else {}
        return await recnet.bootstrap(
            network, NetworkSettings.model_validate({**network_settings, **given})
        )

    founded = execute(work, process, command="bootstrap", cache=True)
    if as_json:
        print_json(dict(founded))
    else:
        screen.print(
            f"network '{network}': {founded['clients']} clients, {founded['routers']} routers; "
            f"next: recnet train --network {network}",
            highlight=False,
        )


@app.command()
def copy(
    source: Annotated[str, typer.Argument(help="The network to copy, with all it has learned.")],
    name: Annotated[str, typer.Argument(help="The copy's name.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help=f"One of: {', '.join(_CHANGEABLE)}."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Copy a network, with other settings from then on: one bootstrap for many ablations."""
    changed = _parse(settings or [], _CHANGEABLE)
    copied = execute(lambda recnet: recnet.copy(source, name, changed))
    if as_json:
        print_json({"network": copied.name, "settings": copied.settings.model_dump(mode="json")})
    else:
        screen.print(
            f"network '{name}' is a copy of '{source}'; next: recnet train --network {name}",
            soft_wrap=True,
        )


def _parse(settings: list[str], known: list[str]) -> dict[str, str]:
    parsed = {}
    for setting in settings:
        name, separator, value = setting.partition("=")
        if not separator or name not in known:
            fail(f"--set {setting}: give NAME=VALUE with one of {', '.join(known)}")
        parsed[name] = value
    return parsed
