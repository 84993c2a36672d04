"""`python -m evals.planted --seed 0 --out DIR`: write a planted world as RecBole files."""

import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from evals.planted.world import Planted, World, items_for, plant_world


def main(
    out: Annotated[Path, typer.Option(help="Folder to write to; it is created if missing.")],
    seed: Annotated[int, typer.Option(help="Seed of the world.")] = 0,
    users: Annotated[int, typer.Option(help="Readers.")] = 40,
    items: Annotated[int | None, typer.Option(help="Books; default: three for two users.")] = None,
    shuffled: Annotated[
        bool, typer.Option("--shuffled", help="The null world: readers take any book.")
    ] = False,
    misleading: Annotated[
        bool, typer.Option("--misleading", help="The adversarial world: followers go elsewhere.")
    ] = False,
) -> None:
    """Write a planted world as RecBole files, and what was planted as JSON."""
    try:
        world = World(
            seed=seed,
            users=users,
            items=items_for(users) if items is None else items,
            shuffled=shuffled,
            misleading=misleading,
        )
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
    for path in write_world(plant_world(world), out):
        typer.echo(path)


def write_world(planted: Planted, folder: Path) -> list[Path]:
    """Write `X.inter`, `X.item` and `X.planted.json`, where `X` is the data set's name.

    Files of these names are replaced. Returns the paths.
    """
    dataset = planted.dataset
    events = zip(planted.times, dataset.events, strict=True)
    truth = {
        "world": planted.world.model_dump(mode="json"),
        "themes": planted.themes,
        "community": planted.community,
        "waves": {t: [wave.subjects for wave in both] for t, both in planted.waves.items()},
        "theme": planted.theme,
        "wave": planted.wave,
        "drift": planted.drift,
        "adoption": planted.adoption,
        "early": sorted(planted.early),
    }
    contents = {
        "inter": [
            "user_id:token\titem_id:token\ttimestamp:float",
            *(f"{event.user}\t{event.item}\t{time}" for time, event in events),
        ],
        "item": [
            "item_id:token\ttitle:token_seq\tcategory:token_seq",
            *(f"{item.key}\t{item.title}\t{item.category}" for item in dataset.items),
        ],
        "planted.json": [json.dumps(truth, indent=1, sort_keys=True)],
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for ending, lines in contents.items():
        path = folder / f"{dataset.name}.{ending}"
        path.write_bytes("".join(f"{line}\n" for line in lines).encode())  # \n on every system
        paths.append(path)
    return paths


if __name__ == "__main__":
    typer.run(main)
