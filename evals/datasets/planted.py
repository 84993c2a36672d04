"""Planted worlds as data sets, by name: `planted:SEED` or `planted:SEED:READERS`."""

from evals.datasets.reader import ReadResult
from evals.datasets.splits import SplitStrategy
from evals.planted.dataset import PLANTED, find_world
from state.errors import InputError


class PlantedReader:
    """Makes the planted world of a seed; no file is read."""

    name = PLANTED
    accepts = f"{PLANTED}:SEED or {PLANTED}:SEED:READERS, a generated world"

    def can_read(self, source: str) -> bool:
        """Return whether `source` begins as the name of a world does."""
        return source.partition(":")[0] == PLANTED

    def read(
        self, source: str, *, name: str | None, domain: str | None, split: SplitStrategy
    ) -> ReadResult:
        """Return the world; its domain is its own and it has leave-one-out splits only."""
        world = find_world(source)
        if world is None:
            raise InputError(f"{source}: a planted world is {self.accepts}")
        if split is not SplitStrategy.LEAVE_ONE_OUT:
            raise InputError(
                f"{source}: a planted world is split by {SplitStrategy.LEAVE_ONE_OUT} only"
            )
        if domain not in (None, world.domain):
            raise InputError(
                f"--domain {domain}: it is for folders; {source} is a world of {world.domain}"
            )
        return ReadResult(world.model_copy(update={"name": name}) if name else world)
