"""Each prompt reads as it did: a change of a template, a schema or a field is seen, and meant."""

from difflib import unified_diff

import pytest

from tests.support.paths import CDS
from tests.support.prompt_examples import FOLDER, NAMES, RENEW, examples
from workflows.recnet import RecNet


def test_there_is_one_example_for_each_prompt() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(NAMES)


@pytest.mark.slow
@pytest.mark.skipif(not CDS.exists(), reason="the shared AgentCF sample is not on this machine")
async def test_the_prompts_of_a_run_read_as_they_did(recnet: RecNet) -> None:
    pages = await examples(recnet)
    difference = "".join(
        line
        for name in NAMES
        for line in unified_diff(
            (FOLDER / name).read_text(encoding="utf-8").splitlines(True),
            pages[name].splitlines(True),
            f"{name} as kept",
            f"{name} now",
        )
    )
    if difference:
        pytest.fail(f"\n{difference}\nIf this is meant: {RENEW}", pytrace=False)
