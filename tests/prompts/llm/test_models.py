"""Models by name, and the one line that says what to set."""

from typing import Any

import pytest
from langchain_openai import ChatOpenAI

from prompts.llm.errors import ModelError
from prompts.llm.models import Connection, Endpoint, Parameters, load_endpoint
from prompts.offline.model import OfflineModel


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def load(name: str, **asked: Any) -> Endpoint:  # noqa: ANN401 - passed on
    return load_endpoint(name, parameters=Parameters(**asked), connection=Connection())


def test_the_default_needs_nothing() -> None:
    assert isinstance(load("offline").model, OfflineModel)


def test_a_real_model_has_a_timeout_and_no_retries_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "any text")
    model = load("openai:gpt-4o-mini", timeout=7, temperature=0.5).model
    assert isinstance(model, ChatOpenAI)
    assert (model.request_timeout, model.max_retries, model.temperature) == (7, 0, 0.5)


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("openai:gpt-4o-mini", "OPENAI_API_KEY"),
        ("gpt-4o-mini", "OPENAI_API_KEY"),
        ("nowhere:small", "no provider is known for .*: write provider:model, .* or offline"),
        ("oflfine", "no provider is known for .*: write provider:model, .* or offline"),
        ("", "RECNET_MODEL is empty"),
        ("  ", "RECNET_MODEL is empty"),
    ],
)
def test_what_cannot_be_loaded_says_what_to_set(name: str, named: str) -> None:
    with pytest.raises(ModelError, match=named) as raised:
        load(name)
    assert str(raised.value).startswith("RECNET_MODEL")
    assert "\n" not in str(raised.value)


def test_a_key_in_the_wrong_variable_is_not_shown() -> None:
    with pytest.raises(ModelError) as raised:
        load("sk-proj-0123456789abcdef")
    assert "0123456789" not in str(raised.value)
