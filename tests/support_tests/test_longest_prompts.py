"""No prompt outgrows a small model at a network's default settings; `recnet prompts` shows it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from prompts.fields import read_fields, render_fields
from prompts.gradient import GRADIENT, GradientFields
from prompts.llm.tokens import CONTEXT, SHORTEST, fit_fields
from prompts.merge import MERGE, MergeFields, Named
from prompts.registry import PROMPTS
from prompts.template import SHIPPED, Prompt, Templates
from state.domain import PROFILE_LENGTH, ClientKind
from state.settings import NetworkSettings
from tests.support.prompt_examples import FOLDER
from workflows.commands.prompts import PromptCost, app, longest_in, prompt_costs

NETWORK_SETTINGS = NetworkSettings()
COSTS = prompt_costs(
    Templates(PROMPTS), NETWORK_SETTINGS, dict.fromkeys((p.name for p in PROMPTS), ""), {}
)


def merge_fields(*messages: str) -> MergeFields:
    named = tuple(Named(name=f"message {n}", text=text) for n, text in enumerate(messages, start=1))
    return MergeFields(kind=ClientKind.USER, profile="likes jazz", rules=(), messages=named)


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: str(cost.prompt))
def test_the_longest_request_and_its_reply_fit_a_small_model(cost: PromptCost) -> None:
    assert cost.longest_request + cost.longest_reply <= CONTEXT


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: str(prompt.name))
def test_the_longest_reply_is_one_that_is_taken_whole(prompt: Prompt[Any, Any]) -> None:
    fields, reply = longest_in(NETWORK_SETTINGS)[prompt.name]
    assert prompt.reply.model_validate_json(reply.model_dump_json()) == reply
    assert read_fields(render_fields(fields), prompt.fields) == fields


def test_the_longest_request_grows_with_the_buffer() -> None:
    fields, _ = longest_in(NETWORK_SETTINGS.model_copy(update={"buffer": 9}))[MERGE.name]
    assert isinstance(fields, MergeFields)
    assert len(fields.messages) == 9
    assert len(fields.profile) == PROFILE_LENGTH


def test_all_modules_of_full_buffers_are_shown_and_say_something() -> None:
    fields, _ = longest_in(NETWORK_SETTINGS)[GRADIENT.name]
    assert isinstance(fields, GradientFields)
    assert len(fields.modules) == 3 + 3 + 3 * NETWORK_SETTINGS.buffer
    assert all(len(part.text) > SHORTEST for part in fields.modules)


def test_what_fits_is_left_as_it_is() -> None:
    fields = merge_fields("jazz; " * 100, "rock")
    assert fit_fields(fields, len(render_fields(fields))) is fields


def test_the_longest_texts_are_shortened_and_as_little_as_need_be() -> None:
    fields = merge_fields("jazz & soul; " * 100, "folk; " * 100, "rock; " * 30)
    room = 1_300
    shown = fit_fields(fields, room)
    assert room - 10 < len(render_fields(shown)) <= room
    first, second, third = (message.text for message in shown.messages)
    assert first.endswith("…")
    assert fields.messages[0].text.startswith(first.rstrip("…"))
    assert len(second) == pytest.approx(len(first), abs=1)
    assert (shown.profile, third) == (fields.profile, fields.messages[2].text)


def test_no_text_is_shortened_to_nothing() -> None:
    shown = fit_fields(merge_fields(*["jazz; " * 100] * 50), 1_000)
    assert {len(message.text) for message in shown.messages} == {SHORTEST}


def shown(*words: str, **env: str) -> dict[str, dict[str, Any]]:
    """Return what the command prints as JSON, by prompt."""
    result = CliRunner().invoke(app, ["--json", *words], env=env)
    assert result.exit_code == 0, result.output
    return {row["prompt"]: row for row in json.loads(result.stdout)}


def test_the_command_shows_every_prompt_and_its_example() -> None:
    rows = shown("--examples", str(FOLDER))
    assert list(rows) == [prompt.name for prompt in PROMPTS]
    for row in rows.values():
        assert row["template"] + row["reply_schema"] < row["example"] < row["longest_request"]
    table = CliRunner().invoke(app, ["--examples", str(FOLDER)])
    assert "optimize_filter_memory" in table.stdout
    assert "Tokens are estimates" in table.stdout


def test_an_edited_template_is_counted_as_it_is(tmp_path: Path) -> None:
    text = (SHIPPED / "extract.md").read_text(encoding="utf-8")
    (tmp_path / "extract.md").write_text(text + "x" * 4_000, encoding="utf-8")
    before, after = shown(), shown(RECNET_TEMPLATES=str(tmp_path))
    assert after["extract"]["template"] == pytest.approx(
        before["extract"]["template"] + 1_000, abs=1
    )
    assert after["extract"]["longest_request"] > before["extract"]["longest_request"] + 990
    assert {n: r for n, r in after.items() if n != "extract"} == {
        n: r for n, r in before.items() if n != "extract"
    }


@pytest.mark.parametrize(
    ("page", "told"),
    [(None, "no example there"), ("# extract", "holds no <fields>…</fields>")],
)
def test_a_folder_without_examples_is_one_line(tmp_path: Path, page: str | None, told: str) -> None:
    if page is not None:
        (tmp_path / "extract.md").write_text(page, encoding="utf-8")
    result = CliRunner().invoke(app, ["--examples", str(tmp_path)])
    assert result.exit_code == 1
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
