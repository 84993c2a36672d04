"""Names of networks tell all that replies depend on, and nothing secret; names of tables."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from evals.baselines.agentcf.prompts import REFLECT_USER
from evals.paper.design import Plan
from evals.paper.provenance import base_name, bases_hash, file_stem, program, table_title
from prompts.predict import PREDICT
from prompts.template import Prompt
from state.dataset import Split
from state.settings import Settings
from tests.support.paper_jobs import JOB, result
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


def test_the_program_is_named_with_the_commit_it_is_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert re.match(r"recnet\b", program())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "commit" not in program()


USUAL = Plan()
FIRST = Plan(split=Split.VALID, records=60)
MINI = "openai:gpt-4o-mini"


@pytest.mark.parametrize(
    ("dataset", "plan", "model", "expected"),
    [
        ("cds-100-dense", USUAL, "offline", "table3-cds-100-dense-test"),
        ("planted-3-40", FIRST, MINI, "table3-planted-3-40-valid-first-60-gpt-4o-mini"),
        ("cds", Plan(seeds=2, draws=1), "offline", "table3-cds-test-seeds-2-draws-1"),
        ("../CDs & more", USUAL, "vllm:meta/llama 3.1", "table3-..-CDs-more-test-meta-llama-3.1"),
    ],
)
def test_a_stem_names_what_is_not_as_usual(
    dataset: str, plan: Plan, model: str, expected: str
) -> None:
    found = file_stem("table3", tiny_dataset(dataset), plan, Settings(model=model), "0a1b2c3d")
    assert found == f"{expected}-0a1b2c3d"


def test_every_choice_has_files_of_its_own() -> None:
    plans = [USUAL, FIRST, Plan(seeds=2), Plan(draws=2), Plan(records=2), Plan(split=Split.VALID)]
    settings = [Settings(), Settings(model=MINI), Settings(model=MINI, embedding="openai:small")]
    data = [tiny_dataset("planted-3-40"), tiny_dataset("planted-4-40"), tiny_dataset("planted-3-4")]
    stems = {
        file_stem("table2", d, plan, own, "0a1b2c3d")
        for d in data
        for plan in plans
        for own in settings
    }
    assert len(stems) == len(data) * len(plans) * len(settings)
    assert max(map(len, stems)) < 110


def test_reports_of_other_data_or_prompts_have_other_marks() -> None:
    bases = [f"eval/cds-{data}/offline/seed {seed}" for data in "ab" for seed in (0, 1)]
    made = [result(JOB.model_copy(update={"base": base})) for base in bases]
    assert bases_hash(made[:2]) == bases_hash([made[1], made[0], made[0]])
    assert len({bases_hash(made[:2]), bases_hash(made[2:]), bases_hash(made[:1])}) == 3


def test_a_title_says_on_what_a_table_was_made() -> None:
    found = table_title("Ablations", tiny_dataset("planted-3-40"), FIRST, Settings(model=MINI))
    assert found == (
        "Ablations: planted-3-40, valid, trained on the first 60 records only, "
        "model openai:gpt-4o-mini"
    )
