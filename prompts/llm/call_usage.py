"""What one call has used so far, over all of its requests."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter

from prompts.llm.retries import fault_of
from state.domain import Call, CallOutcome, Fault, clean

THOUGHTS_LENGTH = 20_000
"""Characters of a model's thoughts that are stored for one call."""


@dataclass
class CallUsage:
    """The requests of one call of a model or an encoder, their faults, seconds, tokens and cost."""

    prompt: str
    model: str
    """The name of the model or encoder."""
    attempts: int = 0
    seconds: float = 0.0
    outcome: CallOutcome = "failed"
    faults: Counter[Fault] = field(default_factory=Counter)
    cached: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    thoughts: list[str] = field(default_factory=list)

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

    def spend(self, input_tokens: int, output_tokens: int, cost: float | None) -> None:
        """Count the tokens of one reply, and what they cost; None where no price is set."""
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        if cost is not None:
            self.cost = (self.cost or 0.0) + cost

    def call(self) -> Call:
        """Return the call as it is stored."""
        thoughts = clean("\n\n".join(filter(None, self.thoughts)), THOUGHTS_LENGTH)
        return Call(**vars(self) | {"faults": dict(self.faults), "thoughts": thoughts})
