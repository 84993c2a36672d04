"""The budget: how many model calls and tokens, and how much money, a process may spend."""

from prompts.llm.errors import BudgetExceeded

_NAMES = {"calls": "model calls", "tokens": "tokens", "money": "in money"}


class Budget:
    """Counts what is spent against limits; None is no limit.

    A request counts when it is sent, answered or not: one that timed out may have been paid for.
    Whoever begins a piece of work asks `require` first; what was begun is finished, so that an
    interaction is never half paid for.
    """

    def __init__(
        self, calls: int | None = None, tokens: int | None = None, money: float | None = None
    ) -> None:
        self._limits = {"calls": calls, "tokens": tokens, "money": money}
        self.calls = 0
        """Requests sent so far."""
        self.kept = 0
        """Replies that were kept from before, and cost nothing."""
        self.tokens = 0
        """Input and output tokens so far."""
        self.money = 0.0
        """Cost so far, in the unit of the prices."""

    def spent(self) -> str:
        """Return one line on the limit that is reached, or an empty text."""
        used = {"calls": self.calls, "tokens": self.tokens, "money": self.money}
        for name, limit in self._limits.items():
            if limit is not None and used[name] >= limit:
                return (
                    f"the budget of {limit:,} {_NAMES[name]} is spent ({used[name]:,.6g} used; "
                    f"RECNET_BUDGET_{name.upper()} sets it)"
                )
        return ""

    def require(self) -> None:
        """Refuse to begin anything once a limit is reached.

        Raises:
            BudgetExceeded: it is; the text names it.
        """
        if spent := self.spent():
            raise BudgetExceeded(spent)

    def count(self) -> None:
        """Count one request that is about to be sent."""
        self.calls += 1

    def spend(self, tokens: int, money: float) -> None:
        """Count the tokens of one reply, input and output, and what they cost."""
        self.tokens += tokens
        self.money += money
