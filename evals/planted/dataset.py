"""Planted worlds as data sets and as files.

They check the mechanism; they are no evidence about people. `python -m evals.planted.dataset
--seed 0 --out DIR` writes a world as RecBole files, with what was planted beside them.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from evals.planted.world import Planted, World, items_for, plant_world
from state.dataset import Dataset
from state.errors import InputError

PLANTED = "planted"

_DEFAULT = World()


def plant(
    seed: int,
    *,
    users: int = _DEFAULT.users,
    items: int = _DEFAULT.items,
    communities: int = _DEFAULT.communities,
    events_per_user: tuple[int, int] = _DEFAULT.events_per_user,
    cold_share: float = _DEFAULT.cold_share,
    shuffled: bool = False,
    misleading: bool = False,
) -> Dataset:
    """Return the data set of a planted world; see `World` for the settings.

    Raises pydantic's `ValidationError` for settings that make no world.
    """
    world = World(
        seed=seed,
        users=users,
        items=items,
        communities=communities,
        events_per_user=events_per_user,
        cold_share=cold_share,
        shuffled=shuffled,
        misleading=misleading,
    )
    return plant_world(world).dataset


def find_world(name: str) -> Dataset | None:
    """Return the world that is called `planted:SEED` or `planted:SEED:READERS`; None for others.

    It has 40 readers where the name does not say how many, and is itself named after both.

    Raises:
        InputError: it is called so, and there is no such world.
    """
    kind, *numbers = name.split(":")
    if kind != PLANTED:
        return None
    if len(numbers) > 2 or not all(number.isdecimal() for number in numbers):
        raise InputError(f"{name}: a planted world is {PLANTED}:SEED or {PLANTED}:SEED:READERS")
    seed, users = (*map(int, numbers), *(0, _DEFAULT.users)[len(numbers) :])
    try:
        world = plant(seed, users=users, items=items_for(users))
    except ValidationError as error:
        raise InputError(f"{name}: {_explain(error)}") from None
    return world.model_copy(update={"name": f"{PLANTED}-{seed}-{users}"})


def write(planted: Planted, folder: Path) -> list[Path]:
    """Write a world as `X.inter` and `X.item`, and what was planted as `X.planted.json`.

    `X` is the data set's name. Files of these names are replaced. Returns their paths.
    """
    dataset = planted.dataset
    events = zip(planted.times, dataset.events, strict=True)
    contents = {
        "inter": _lines(
            "user_id:token\titem_id:token\ttimestamp:float",
            *(f"{event.user}\t{event.item}\t{time}" for time, event in events),
        ),
        "item": _lines(
            "item_id:token\ttitle:token_seq\tcategory:token_seq",
            *(f"{item.key}\t{item.title}\t{item.category}" for item in dataset.items),
        ),
        "planted.json": _lines(json.dumps(_truth(planted), indent=1, sort_keys=True)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for ending, text in contents.items():
        path = folder / f"{dataset.name}.{ending}"
        path.write_bytes(text.encode())  # bytes: the same line ends on every system
        paths.append(path)
    return paths


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def _truth(planted: Planted) -> dict[str, object]:
    return {
        "world": planted.world.model_dump(mode="json"),
        "themes": planted.themes,
        "community": planted.community,
        "waves": planted.waves,
        "theme": planted.theme,
        "wave": planted.wave,
        "drift": planted.drift,
        "adoption": planted.adoption,
        "early": sorted(planted.early),
    }


def main(
    out: Annotated[Path, typer.Option(help="Folder to write to; made if it is not there.")],
    seed: Annotated[int, typer.Option(help="Seed of the world.")] = _DEFAULT.seed,
    users: Annotated[int, typer.Option(help="Readers.")] = _DEFAULT.users,
    items: Annotated[int, typer.Option(help="Books.")] = _DEFAULT.items,
    communities: Annotated[int, typer.Option(help="Communities.")] = _DEFAULT.communities,
    shuffled: Annotated[
        bool, typer.Option("--shuffled", help="The null world: theme and wave at random.")
    ] = False,
    misleading: Annotated[
        bool, typer.Option("--misleading", help="The adversarial world: the others go elsewhere.")
    ] = False,
) -> None:
    """Write a planted world as RecBole files."""
    try:
        world = World(
            seed=seed,
            users=users,
            items=items,
            communities=communities,
            shuffled=shuffled,
            misleading=misleading,
        )
    except ValidationError as error:
        raise typer.BadParameter(_explain(error)) from None
    for path in write(plant_world(world), out):
        typer.echo(path)


def _explain(error: ValidationError) -> str:
    wrong = error.errors()[0]
    return "".join(f"{part}: " for part in wrong["loc"]) + wrong["msg"]


if __name__ == "__main__":
    typer.run(main)
