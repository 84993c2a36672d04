"""What the training benchmark runs: every latency with every concurrency and update_size."""

from typing import Literal, Self

from pydantic import Field, model_validator

from state.domain import Frozen


class Setting(Frozen):
    """One training run that is measured."""

    model: Literal["in process", "over HTTP"] = "over HTTP"
    """Where the model answers."""
    latency: float
    """Seconds of each call."""
    update_size: int
    concurrency: int
    """Interactions at once, and calls at once."""
    records: int

    def __str__(self) -> str:
        model = f"{self.latency:g} s" if self.latency else f"no latency, {self.model}"
        return f"{model}, update_size {self.update_size}, concurrency {self.concurrency}"


class Grid(Frozen):
    """The settings of one benchmark."""

    latencies: tuple[float, ...] = Field(default=(0.2, 1.0), description="Seconds of each call.")
    update_sizes: tuple[int, ...] = Field(default=(20, 40, 100), min_length=1)
    concurrencies: tuple[int, ...] = Field(default=(1, 8, 32), min_length=1)
    records: tuple[int, ...] = Field(
        default=(10, 60, 120),
        description="For each concurrency; above one rounded up to whole windows.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.records) != len(self.concurrencies):
            raise ValueError(
                f"{len(self.records)} numbers of records for {len(self.concurrencies)} "
                "concurrencies: give one for each"
            )
        numbers = (*self.latencies, *self.update_sizes, *self.concurrencies, *self.records)
        if min(numbers) <= 0:
            raise ValueError("latencies, update sizes, concurrencies and records are above zero")
        return self

    @property
    def size(self) -> int:
        """How many runs there are."""
        served = len(self.latencies) * len(self.concurrencies)
        return len(self.update_sizes) * (1 + len(self.extremes) + served)

    @property
    def extremes(self) -> tuple[int, ...]:
        """The concurrencies at which the program's own time is measured over HTTP."""
        return tuple(sorted({min(self.concurrencies), max(self.concurrencies)}))


QUICK = Grid(latencies=(0.2,), update_sizes=(20, 40), records=(3, 14, 14))
"""A minute's try."""
