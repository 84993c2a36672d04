"""The offline model with a record of its calls, and a script that may change its replies."""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from prompts.offline.model import OfflineModel

BAD = "no JSON at all"
NEW_ROUTERS = ["Liked here: trumpet; saxophone.", "Liked here: fiddle; banjo."]
"""Texts of the routers that a split makes; a merge makes the first."""

Script = Callable[[str, str], str | None]
"""Called with the name of the reply and the text of the fields. It returns the reply to give, or
None for the offline model's own, or raises an error."""


class PowerCutError(Exception):
    """Stops a run like a crash; no code handles it."""


def _no_script(reply: str, text: str) -> str | None:  # noqa: ARG001 - a script takes both
    return None


class WatchedModel(OfflineModel):
    """Answers as the offline model does, unless its script says otherwise."""

    asked: list[str] = Field(default_factory=list)
    """Names of the replies asked for, in order, failed calls included."""
    script: Script = _no_script

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401 - the base class names it so
    ) -> ChatResult:
        reply = kwargs["response_format"]["json_schema"]["name"]
        self.asked.append(reply)
        scripted = self.script(reply, messages[1].text)
        if scripted is not None:
            return ChatResult(generations=[ChatGeneration(message=AIMessage(scripted))])
        return await super()._agenerate(messages, stop, run_manager, **kwargs)

    def counts(self) -> Counter[str]:
        """Return the number of calls for each reply."""
        return Counter(self.asked)


def cut_once(*replies: str) -> Script:
    """Return a script that crashes at the first call for each of these replies."""
    due = set(replies)

    def script(reply: str, text: str) -> str | None:  # noqa: ARG001
        if reply in due:
            due.remove(reply)
            raise PowerCutError(reply)
        return None

    return script


def cut_at_every_call() -> Script:
    """Return a script that crashes at the first call with each text."""
    seen: set[tuple[str, str]] = set()

    def script(reply: str, text: str) -> str | None:
        if (reply, text) in seen:
            return None
        seen.add((reply, text))
        raise PowerCutError(reply)

    return script


def bad_once(reply_name: str, asks: int = 3) -> Script:
    """Return a script that gives bad replies to the first call for a reply and its repetitions."""
    left = asks

    def script(reply: str, text: str) -> str | None:  # noqa: ARG001
        nonlocal left
        if reply != reply_name or left == 0:
            return None
        left -= 1
        return BAD

    return script


def decide_routers(action: str) -> Script:
    """Return a script that takes this action on every router."""

    def script(reply: str, text: str) -> str | None:
        if reply != "OptimizedRouter":
            return None
        partner = min(re.findall(r"<name>(router \d+)</name>", text))
        profiles = {"keep": [], "split": NEW_ROUTERS, "merge": NEW_ROUTERS[:1]}[action]
        return json.dumps(
            {
                "action": action,
                "reason": "so",
                "profiles": profiles,
                "partner": partner if action == "merge" else "",
            }
        )

    return script
