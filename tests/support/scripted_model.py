"""A model with scripted replies, for tests of single nodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from nodes.resources import Resources
from prompts.llm.client import ModelClient
from prompts.registry import PROMPTS
from prompts.template import Reply, Templates
from tests.support.chat_endpoint import as_endpoint


class ScriptedModel(BaseChatModel):
    """Gives its replies in order, repeats the last one, and keeps the requests."""

    replies: list[str]
    asked: list[list[str]] = []  # noqa: RUF012 - pydantic copies it
    """The texts of each request: instructions, fields, and errors of earlier replies."""

    @property
    def _llm_type(self) -> str:
        return "written"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> ChatResult:
        self.asked.append([str(message.content) for message in messages])
        reply = self.replies[min(len(self.asked), len(self.replies)) - 1]
        return ChatResult(generations=[ChatGeneration(message=AIMessage(reply))])

    def shown(self, request: int = 0) -> str:
        """Return the fields that a request showed to the model."""
        return self.asked[request][1]


@contextmanager
def replying(resources: Resources, *replies: Reply) -> Iterator[ScriptedModel]:
    """Let nodes call a model that gives `replies`."""
    model = ScriptedModel(replies=[reply.model_dump_json() for reply in replies])
    model_client = ModelClient(
        as_endpoint(model, "written"), Templates(PROMPTS), budget=resources.budget
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nodes.resources._served", [replace(resources, model_client=model_client)])
        yield model
