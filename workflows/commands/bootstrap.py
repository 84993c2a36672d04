"""`recnet bootstrap`: make the routers of a loaded network."""

from difflib import get_close_matches
from typing import Annotated, Any

import typer

from state.settings import NetworkSettings
from workflows.commands.console import AsJson, NetworkName, execute, fail, output, read_settings

# Model and encoder are those of the process: RECNET_MODEL and RECNET_EMBEDDING.
SETTINGS = [name for name in NetworkSettings.model_fields if name not in ("model", "encoder")]


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
    given |= parse_settings(settings or [], SETTINGS)
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


def parse_settings(settings: list[str], known: list[str]) -> dict[str, str]:
    """Return `--set NAME=VALUE` options as a mapping; a name that is not in `known` is an error."""
    parsed = {}
    for setting in settings:
        name, separator, value = setting.partition("=")
        if not separator:
            fail(f"--set {setting}: write it as NAME=VALUE, such as --set {known[0]}=VALUE")
        if name in ("model", "encoder"):
            variable = "RECNET_MODEL" if name == "model" else "RECNET_EMBEDDING"
            fail(f"--set {setting}: the {name} is set by {variable}, before the bootstrap")
        if name not in known:
            fail(f"--set {setting}: {_why_not(name, known)}")
        parsed[name] = value
    return parsed


def _why_not(name: str, known: list[str]) -> str:
    if name in SETTINGS:
        return f"{name} is fixed at bootstrap; bootstrap another network"
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return f"no setting is called '{name}'; {hint}"
