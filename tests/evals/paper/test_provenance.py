"""Names of networks tell all that replies depend on, and nothing secret."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from evals.baselines.agentcf.prompts import REFLECT_USER
from evals.paper.provenance import base_name, program
from prompts.predict import PREDICT
from prompts.template import Prompt
from state.settings import Settings
from tests.support.tiny_network import tiny_dataset
from workflows.recnet import RecNet

SERVED: dict[str, object] = {
    "model": "openai:small",
    "base_url": "http://me:pass-word@models.example:9000/v1",
    "api_key": SecretStr("sk-not-to-be-shown"),
}


def edited(prompt: Prompt[Any, Any]) -> Callable[[Path], dict[str, object]]:
    """Return what edits the template of a prompt in a folder, and the setting that names it."""

    def edit(folder: Path) -> dict[str, object]:
        text = (prompt.folder / f"{prompt.name}.md").read_text("utf-8")
        (folder / f"{prompt.name}.md").write_text(f"{text}\nBe brief.", "utf-8")
        return {"templates": folder}

    return edit


@asynccontextmanager
async def opened(settings: Settings, **more: object) -> AsyncIterator[RecNet]:
    async with RecNet.open(settings.model_copy(update=SERVED | more)) as recnet:
        yield recnet


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "change",
    [
        lambda _: {"base_url": "http://other.example/v1"},
        lambda _: {"temperature": 0.7},
        lambda _: {"models": {"rank": "offline"}},
        lambda _: {"embedding": "openai:vectors", "embedding_base_url": "http://other.example/v1"},
        edited(PREDICT),
        edited(REFLECT_USER),
    ],
    ids=["address_clients", "temperature", "models", "encoder", "template", "AgentCF's template"],
)
async def test_whatever_replies_depend_on_makes_another_network(
    settings: Settings, tmp_path: Path, change: Callable[[Path], dict[str, object]]
) -> None:
    async with opened(settings) as recnet:
        usual = base_name(recnet, tiny_dataset(), 0)
    async with opened(settings, **change(tmp_path)) as recnet:
        assert base_name(recnet, tiny_dataset(), 0) != usual
    async with opened(settings, timeout=5.0, api_key=SecretStr("another")) as recnet:
        assert base_name(recnet, tiny_dataset(), 0) == usual


@pytest.mark.usefixtures("database")
async def test_a_name_shows_no_key_and_no_address(settings: Settings) -> None:
    async with opened(settings) as recnet:
        name = base_name(recnet, tiny_dataset(), 0)
    assert re.fullmatch(r"eval/tiny-\w{8}/openai:small offline \w{8}/seed 0", name)


def test_the_program_is_named_with_its_version() -> None:
    assert re.fullmatch(r"recnet \d+\.\d+\S*", program())
