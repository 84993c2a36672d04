"""The errors of model calls, as one family: a step that fails is told apart from a bug.

`prompts.template.TemplateError` belongs to it too.
"""


class CallError(RuntimeError):
    """Base of every failure of a call; its text is one line and holds no key."""


class ReplyError(CallError):
    """No usable reply came, after all attempts."""

    def __init__(self, prompt: str, reason: str) -> None:
        super().__init__(prompt, reason)
        self.prompt = prompt
        self.reason = reason
        """What was wrong with the last reply: one bounded line."""

    def __str__(self) -> str:
        return f"{self.prompt}: no usable reply: {self.reason}"


class ModelError(CallError):
    """A model or encoder cannot be used as it is set up; the text says what to set."""

    def __init__(self, text: str, *, transient: bool = False) -> None:
        super().__init__(text)
        self.transient = transient
        """Whether the same call may succeed later: the endpoint was busy, down or unreachable."""


class BudgetExceeded(CallError):  # noqa: N818 - not a fault: the limit was set
    """The next call would go beyond the budget, and was not made."""
