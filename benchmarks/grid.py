"""What the training benchmark runs: every latency with every concurrency and update_size."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, ValidationInfo, field_validator

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


Latency = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Grid(Frozen):
    """The settings of one benchmark."""

    latencies: tuple[Latency, ...] = (0.2, 1.0)
    """Seconds of each call."""
    update_sizes: tuple[PositiveInt, ...] = Field(default=(20, 40, 100), min_length=1)
    concurrencies: tuple[PositiveInt, ...] = Field(default=(1, 8, 32), min_length=1)
    records: tuple[PositiveInt, ...] = Field(default=(10, 60, 120), validate_default=True)
    """For each concurrency; above one rounded up to whole windows."""

    @field_validator("records")
    @classmethod
    def _one_for_each(cls, records: tuple[int, ...], others: ValidationInfo) -> tuple[int, ...]:
        concurrencies = others.data.get("concurrencies", records)
        if len(records) != len(concurrencies):
            raise ValueError(f"give one number for each of {len(concurrencies)} concurrencies")
        return records

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
