"""The budget: how many model calls and tokens, and how much money, a process may spend."""

from prompts.llm.errors import BudgetExceeded

_NAMES = {"calls": "model calls", "tokens": "tokens", "money": "in money"}


class Budget:
    """Counts what is spent against limits; None is no limit.

    A request counts when it is sent, answered or not: one that timed out may have been paid for.
    Call `require` before a piece of work begins; work that has begun is finished.
    """

    def __init__(
        self, calls: int | None = None, tokens: int | None = None, money: float | None = None
    ) -> None:
        self._limits = {"calls": calls, "tokens": tokens, "money": money}
        self.calls = 0
        """Requests sent so far."""
        self.cached = 0
        """Replies that came from the cache, and cost nothing."""
        self.tokens = 0
        """Input and output tokens so far."""
        self.money = 0.0
        """Cost so far, in the unit of the prices."""

    def spent(self) -> str:
        """Return one line on the limit that is reached, or an empty text."""
        for name, limit in self._limits.items():
            used: float = getattr(self, name)
            if limit is not None and used >= limit:
                return (
                    f"the budget of {limit:,} {_NAMES[name]} is spent ({used:,.6g} used; "
                    f"RECNET_BUDGET_{name.upper()} sets it)"
                )
        return ""

    def require(self) -> None:
        """Do nothing while something is left.

        Raises:
            BudgetExceeded: a limit is reached; the text names it.
        """
        if spent := self.spent():
            raise BudgetExceeded(spent)

    def spend(self, tokens: int, money: float) -> None:
        """Count the tokens of one reply, input and output, and what they cost."""
        self.tokens += tokens
        self.money += money
