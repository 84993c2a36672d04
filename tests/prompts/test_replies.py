"""Replies that hold nothing once they are clean are bad replies, and are asked for again."""

import pytest
from pydantic import ValidationError

from prompts.attributes import Summarize
from prompts.merge import Merge
from prompts.optimize import OptimizedFilterMemory, OptimizedProfile, OptimizedRouter
from prompts.template import Reply

BLANK = " \u0000\t\u202e "


@pytest.mark.parametrize(
    ("reply", "held"),
    [
        (Merge, {"profile": BLANK, "filter_decisions": []}),
        (OptimizedProfile, {"profile": BLANK}),
        (Summarize, {"profile": BLANK}),
        (OptimizedFilterMemory, {"rules": [BLANK]}),
        (
            OptimizedRouter,
            {"action": "rewrite", "reason": "", "profiles": [BLANK], "partner": ""},
        ),
    ],
)
def test_a_reply_of_blanks_is_no_reply(reply: type[Reply], held: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"empty|no rule"):
        reply.model_validate(held)
