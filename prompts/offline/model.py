"""The offline model: a chat model's interface over lexical methods. It is no language model."""

from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import BaseModel

from prompts.fields import ROOT, read_fields
from prompts.llm.tokens import estimate_tokens
from prompts.offline.attributes import extract, summarize
from prompts.offline.filter_memory import merge, optimize_filter_memory
from prompts.offline.gradient import gradient
from prompts.offline.optimize_profile import optimize_profile
from prompts.offline.optimize_router import optimize_router
from prompts.offline.peer_messages import address, choose, write
from prompts.offline.ranking import predict, rank
from prompts.offline.reflection import reflect_items, reflect_user

_ANSWERS: Mapping[str, Callable[[Any], BaseModel]] = {
    "Extract": extract,
    "Summarize": summarize,
    "Merge": merge,
    "Predict": predict,
    "CreditAssignment": gradient,
    "UserMemory": reflect_user,
    "ItemMemories": reflect_items,
    "OptimizedProfile": optimize_profile,
    "OptimizedFilterMemory": optimize_filter_memory,
    "OptimizedRouter": optimize_router,
    "Rank": rank,
    "ChooseRecipients": choose,
    "WriteMessage": write,
    "AddressClients": address,
}
"""The answer to each prompt, by the class name of its reply."""


class OfflineModel(BaseChatModel):
    """Answers every prompt from its messages alone, by counting words: no weights, no network.

    The answer is chosen by the name of the output schema in the request
    (`response_format={"type": "json_schema", "json_schema": {"name": "Merge", …}}`). The same
    messages give the same answer. Token counts are an estimate, a token for four characters, as
    there is no tokenizer.

    Raises:
        ValueError: no schema is named, or none of a known name, or the message holds no fields.
    """

    model_name: str = "offline"

    @property
    def _llm_type(self) -> str:
        return "offline"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - the base class names it
        run_manager: object = None,  # noqa: ARG002 - the base class names it
        **kwargs: Any,  # noqa: ANN401 - the base class names it so
    ) -> ChatResult:
        answer = _ANSWERS[_schema_name(kwargs.get("response_format"))]
        fields = read_fields(_find_fields(messages), get_type_hints(answer)["fields"])
        reply = answer(fields).model_dump_json()
        asked = estimate_tokens(*(message.text for message in messages))
        answered = estimate_tokens(reply)
        message = AIMessage(
            content=reply,
            usage_metadata=UsageMetadata(
                input_tokens=asked, output_tokens=answered, total_tokens=asked + answered
            ),
            response_metadata={"model_name": "offline", "finish_reason": "stop"},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


def _schema_name(response_format: object) -> str:
    schema = response_format.get("json_schema") if isinstance(response_format, dict) else None
    name = schema.get("name") if isinstance(schema, dict) else None
    if not isinstance(name, str) or name not in _ANSWERS:
        known = ", ".join(_ANSWERS)
        said = "no output schema" if name is None else f"the unknown output schema {name!r}"
        raise ValueError(f"the offline model was asked for {said}; it answers: {known}")
    return name


def _find_fields(messages: list[BaseMessage]) -> str:
    """Return the message that holds the fields; a second attempt has others after it."""
    for message in messages:
        if isinstance(message, HumanMessage) and f"<{ROOT}>" in message.text:
            return message.text
    raise ValueError("the offline model was asked nothing: no human message holds prompt fields")
