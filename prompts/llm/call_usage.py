"""What one call of a model has used so far, over all of its requests."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter

from prompts.llm.models import Endpoint
from prompts.llm.retries import fault_of
from state.domain import Call, CallOutcome, Fault, clean

THOUGHTS_LENGTH = 20_000
"""Characters of a model's thoughts that are stored for one call."""


@dataclass(slots=True, kw_only=True)
class Attempts:
    """The requests of one call: how many, their seconds, and which transient failures they met."""

    attempts: int = 0
    seconds: float = 0.0
    outcome: CallOutcome = "failed"
    faults: Counter[Fault] = field(default_factory=Counter)

    @asynccontextmanager
    async def attempt(self, timeout: float) -> AsyncIterator[None]:  # noqa: ASYNC109 - of the whole
        """Count the block as one request, which may take `timeout` seconds in all."""
        self.attempts += 1
        start = perf_counter()
        try:
            async with asyncio.timeout(timeout):
                yield
        except Exception as error:
            if fault := fault_of(error):
                self.faults[fault] += 1
            raise
        finally:
            self.seconds += perf_counter() - start


@dataclass(slots=True)
class CallUsage(Attempts):
    """The requests of one call of a prompt, with tokens, cost and thoughts."""

    prompt: str
    endpoint: Endpoint
    stops: bool = False
    """Whether the budget may stop the call."""
    cached: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    thoughts: list[str] = field(default_factory=list)

    def spend(self, input_tokens: int, output_tokens: int) -> float:
        """Count the tokens of one reply, and return what they cost (0 where no price is set)."""
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        cost = self.endpoint.cost(input_tokens, output_tokens)
        if cost is not None:
            self.cost = (self.cost or 0.0) + cost
        return cost or 0.0

    def call(self) -> Call:
        """Return the call as it is stored."""
        return Call(
            prompt=self.prompt,
            model=self.endpoint.name,
            attempts=self.attempts,
            cached=self.cached,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost=self.cost,
            seconds=self.seconds,
            outcome=self.outcome,
            faults=dict(self.faults),
            thoughts=clean("\n\n".join(filter(None, self.thoughts)), THOUGHTS_LENGTH),
        )
