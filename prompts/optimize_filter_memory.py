"""Optimize a client's filter memory `F_c` by a textual gradient (§2.4, Eq. 9)."""

from pydantic import Field

from prompts.template import Fields, Prompt, Reply
from state.domain import ClientKind, Rules


class OptimizeFilterMemoryFields(Fields):
    """The rules of one client and the feedback to them."""

    kind: ClientKind
    rules: tuple[str, ...]
    reward: int
    suggestion: str


class OptimizedFilterMemory(Reply):
    """The rewritten rules: what to let through and what to keep out, never preferences."""

    rules: Rules = Field(
        description="All rules that hold from now on, one to eight, one sentence each.",
        min_length=1,
    )


OPTIMIZE_FILTER_MEMORY = Prompt(
    "optimize_filter_memory", OptimizeFilterMemoryFields, OptimizedFilterMemory
)
