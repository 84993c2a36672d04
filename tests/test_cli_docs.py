"""The pages of commands and settings say what the code says."""

import re

import pytest

from state.settings import NetworkSettings, Settings
from tests.support.cli_docs import FOLDER, PAGES, RENEW, variable
from tests.support.paths import ROOT


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_fresh(name: str) -> None:
    path = FOLDER / name
    if not path.exists() or path.read_text(encoding="utf-8") != PAGES[name]():
        pytest.fail(f"{path} is stale; renew it: {RENEW}", pytrace=False)


def test_every_setting_has_a_description() -> None:
    for fields in (Settings.model_fields, NetworkSettings.model_fields):
        assert [name for name, field in fields.items() if not field.description] == []


def test_the_example_environment_has_every_variable_and_no_other() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    given = set(re.findall(r"^(?:# )?((?:RECNET|OPENAI)_\w+)=", text, re.MULTILINE))
    assert given == {variable(name) for name in Settings.model_fields} | {"RECNET_NETWORK"}
