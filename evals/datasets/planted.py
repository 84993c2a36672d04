"""Planted worlds as data sets, by name: `planted:SEED` or `planted:SEED:READERS`."""

from pydantic import ValidationError

from evals.datasets.reader import ReadOptions, ReadResult
from evals.datasets.splits import SplitStrategy
from state.errors import InputError

PLANTED = "planted"


class PlantedReader:
    """Makes the planted world of a seed; no file is read."""

    name = PLANTED
    accepts = f"{PLANTED}:SEED or {PLANTED}:SEED:READERS, a generated world"

    def can_read(self, source: str) -> bool:
        """Return whether `source` begins as the name of a world does."""
        return source.partition(":")[0] == PLANTED

    def read(self, source: str, options: ReadOptions) -> ReadResult:
        """Return the world; its domain is its own and it has leave-one-out splits only.

        It has 40 readers where `source` does not say how many.

        Raises:
            InputError: there is no such world, the domain or split is another one, or an option
                asks for a choice of files or events.
        """
        from evals.planted.world import (  # noqa: PLC0415 - worlds are split by this package
            World,
            items_for,
            plant_world,
        )

        kind, *numbers = source.split(":")
        if kind != PLANTED or len(numbers) not in (1, 2) or not all(map(str.isdecimal, numbers)):
            raise InputError(f"{source}: a planted world is {self.accepts}")
        seed, users = (*map(int, numbers), World().users)[:2]
        try:
            dataset = plant_world(World(seed=seed, users=users, items=items_for(users))).dataset
        except ValidationError as error:
            wrong = error.errors()[0]
            field = "".join(f"{part}: " for part in wrong["loc"])
            raise InputError(
                f"{source}: {field}{wrong['msg'].removeprefix('Value error, ')}"
            ) from None
        if options.split is not SplitStrategy.LEAVE_ONE_OUT:
            raise InputError(
                f"{source}: a planted world is split by {SplitStrategy.LEAVE_ONE_OUT} only"
            )
        if options.domain not in (None, dataset.domain):
            raise InputError(
                f"--domain {options.domain}: it is for files; "
                f"{source} is a world of {dataset.domain}"
            )
        if options != ReadOptions(name=options.name, domain=options.domain):
            raise InputError(
                f"{source}: a planted world is taken whole; other options are for files"
            )
        name = options.name or f"{PLANTED}-{seed}-{users}"
        return ReadResult(dataset.model_copy(update={"name": name}))
