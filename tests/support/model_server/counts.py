"""Counts of the requests that a model server has answered."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydantic import Field

from state.domain import Frozen
from tests.support.model_server.faults import Fault


class Counts(Frozen):
    """A snapshot of the counts; kinds that never occurred have no entry."""

    requests: int = Field(description="Requests for a completion or for embeddings.")
    answered: int = Field(description="Sound replies, late ones included.")
    faults: dict[Fault, int] = Field(description="Faulty replies by kind.")
    refused: dict[int, int] = Field(description="Refusals by status: 400, 401, 404.")
    asked: dict[str, int] = Field(description="Calls by schema; embeddings are `embeddings`.")
    most_at_once: int = Field(description="The most requests in progress at the same time.")


@dataclass(slots=True)
class RunningCounts:
    """Counts that grow in the server's thread; any thread may take a snapshot."""

    answered: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    _requests: int = 0
    _under_way: int = 0
    _most_at_once: int = 0

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request as in progress until the block ends."""
        self._requests += 1
        self._under_way += 1
        self._most_at_once = max(self._most_at_once, self._under_way)
        try:
            yield
        finally:
            self._under_way -= 1

    def snapshot(self) -> Counts:
        """Return the counts as they are now."""
        return Counts(
            requests=self._requests,
            answered=self.answered,
            faults=dict(self.faults),  # copied at once, whatever is counted meanwhile
            refused=dict(self.refused),
            asked=dict(self.asked),
            most_at_once=self._most_at_once,
        )
