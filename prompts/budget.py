"""The budget: how many model calls and tokens a process may spend."""

from prompts.errors import BudgetExceeded


class Budget:
    """Counts requests and tokens against limits; None is no limit.

    A request counts when it is sent, answered or not: one that timed out may have been paid for.
    Tokens are known only once a reply is there, so the requests in flight at the limit are
    finished and counted, and the next one is not made.
    """

    def __init__(self, calls: int | None = None, tokens: int | None = None) -> None:
        self._calls = calls
        self._tokens = tokens
        self.calls = 0
        """Requests sent so far."""
        self.tokens = 0
        """Input and output tokens so far."""

    def take(self) -> None:
        """Count one request that is about to be sent.

        Raises:
            BudgetExceeded: it would go beyond a limit; nothing was counted.
        """
        if self._calls is not None and self.calls >= self._calls:
            raise BudgetExceeded(
                f"the budget of {self._calls} model calls is spent; raise RECNET_BUDGET_CALLS"
            )
        if self._tokens is not None and self.tokens >= self._tokens:
            raise BudgetExceeded(
                f"the budget of {self._tokens} tokens is spent ({self.tokens} used); "
                "raise RECNET_BUDGET_TOKENS"
            )
        self.calls += 1

    def spend(self, tokens: int) -> None:
        """Count the tokens of one reply, input and output."""
        self.tokens += tokens
