"""Wrap a chat model of a test as an endpoint."""

from langchain_core.language_models import BaseChatModel

from prompts.llm.models import Endpoint, Parameters
from prompts.llm.structured_output import Mode, StructuredOutput


def as_endpoint(
    model: BaseChatModel,
    name: str = "test",
    *,
    mode: Mode = "json_schema",
    timeout: float = 60.0,
    price: tuple[float, float] | None = None,
) -> Endpoint:
    return Endpoint(
        name=name,
        model=model,
        structured=StructuredOutput(name, mode),
        parameters=Parameters(timeout=timeout),
        price=price,
    )
