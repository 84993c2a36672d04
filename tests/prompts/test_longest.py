"""The longest request and reply of every prompt fit a small model's context."""

from typing import Any

import pytest

from prompts.fields import read_fields, render_fields
from prompts.gradient import GRADIENT, GradientFields
from prompts.llm.tokens import CONTEXT, SHORTEST
from prompts.registry import PROMPTS
from prompts.template import Prompt
from state.settings import NetworkSettings
from tests.support.longest_prompts import longest_call, longest_tokens

SETTINGS = NetworkSettings()


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: str(prompt.name))
def test_the_longest_request_and_its_reply_fit_a_small_model(prompt: Prompt[Any, Any]) -> None:
    assert longest_tokens(prompt, SETTINGS) < CONTEXT


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: str(prompt.name))
def test_the_longest_call_is_read_back_whole(prompt: Prompt[Any, Any]) -> None:
    fields, reply = longest_call(prompt, SETTINGS)
    assert prompt.reply.model_validate_json(reply.model_dump_json()) == reply
    assert read_fields(render_fields(fields), prompt.fields) == fields


def test_a_gradient_over_full_buffers_shows_every_module() -> None:
    fields, _ = longest_call(GRADIENT, SETTINGS)
    assert isinstance(fields, GradientFields)
    assert len(fields.modules) == 3 + 3 + 3 * SETTINGS.buffer_size
    assert all(len(module.text) > SHORTEST for module in fields.modules)
