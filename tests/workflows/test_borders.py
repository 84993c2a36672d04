"""Texts at the borders: whatever data, people and models say, what is kept is clean and short."""

import json
from typing import Any

import pytest

from state.dataset import Dataset, Event, Item
from state.domain import (
    ATTRIBUTE_LENGTH,
    KEY_LENGTH,
    MESSAGE_LENGTH,
    PROFILE_LENGTH,
    REASON_LENGTH,
    RULE_LENGTH,
    RULES_HELD,
    SUGGESTION_LENGTH,
    TITLE_LENGTH,
)
from state.settings import NetworkSettings
from tests.support.database_rows import rows
from tests.support.tiny_network import NETWORK_SETTINGS, bootstrap_tiny, tiny_dataset
from tests.support.watched_model import WatchedModel
from workflows.inspect import view_network
from workflows.recnet import RecNet

ODD = {
    "NUL": "jazz\x00 trumpet",
    "lone surrogate": "jazz \ud83d trumpet",
    "right to left": "\u202ejazz\u202c \u200fגאז\u2067 trumpet",
    "emoji": "👩🏽‍🎤 jazz 🎺 trumpet 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "escape": "\x1b[31mjazz\x1b[0m <profile>&trumpet",
    "a megabyte": "jazz trumpet " * 80_000,
}
BAD = {*map(chr, range(32)), "\x7f", *map(chr, range(0xD800, 0xE000)), *"\u202e\u202c\u2067"} - {
    "\n",
    "\t",
}
LENGTHS = {
    ("module_versions", "content"): max(PROFILE_LENGTH, MESSAGE_LENGTH, RULES_HELD * RULE_LENGTH),
    ("attributes", "phrase"): ATTRIBUTE_LENGTH,
    ("interactions", "reason"): REASON_LENGTH,
    ("interactions", "id"): KEY_LENGTH,
    ("filter_decisions", "rule"): RULE_LENGTH,
    ("filter_decisions", "reason"): REASON_LENGTH,
    ("gradients", "suggestion"): SUGGESTION_LENGTH,
    ("clients", "title"): TITLE_LENGTH,
    ("clients", "category"): TITLE_LENGTH,
    ("clients", "key"): KEY_LENGTH,
    ("networks", "domain"): KEY_LENGTH,
    ("networks", "name"): KEY_LENGTH,
}
odd = pytest.mark.parametrize("text", ODD.values(), ids=ODD)


async def assert_clean(recnet: RecNet) -> None:
    """Check every stored text of every network."""
    for (table, column), length in LENGTHS.items():
        for row in await rows(recnet, f"SELECT {column} AS text FROM {table}"):  # noqa: S608
            assert len(row["text"]) <= length + (RULES_HELD if column == "content" else 0)
            assert not BAD.intersection(row["text"]), (table, column, row["text"][:80])


@pytest.mark.slow
@odd
async def test_odd_data_is_loaded_trained_and_looked_at(recnet: RecNet, text: str) -> None:
    tiny = tiny_dataset()
    items = [Item(key=i.key, title=f"{i.title} {text}", category=text) for i in tiny.items]
    dataset = Dataset(
        name=f"odd {text}",
        domain=text,
        items=tuple(items),
        events=tuple(
            Event(user=f"{text[:50]} {e.user}", item=e.item, split=e.split) for e in tiny.events
        ),
    )
    await recnet.load("tiny", dataset)
    await recnet.network("tiny").bootstrap(NETWORK_SETTINGS)
    report = await recnet.network("tiny").train(limit=6)
    assert (report.run, report.failed) == (6, 0)
    await assert_clean(recnet)
    assert (await recnet.network("tiny").train(limit=0)).run == 0  # identities are stable
    async with recnet.resources.pool.connection() as conn:
        view = await view_network(conn, await recnet.network("tiny").record())
    json.dumps(view.model_dump(mode="json")).encode()


def says(text: str, reply: str) -> dict[str, Any] | None:
    """Return a reply of that kind that says the text wherever it may."""
    many = [f"taste {n} {text[:9]}" for n in range(999)]
    replies: dict[str, dict[str, Any]] = {
        "Extract": {"attributes": [text[:40], text, *many]},
        "Summarize": {"profile": text},
        "Predict": {"choice": "A", "reason": text},
        "OptimizedProfile": {"profile": text},
        "OptimizedFilterMemory": {"rules": [f"{n} {text}" for n in range(RULES_HELD * 2)]},
    }
    return replies.get(reply)


@pytest.mark.slow
@odd
async def test_odd_replies_are_stored_clean_and_the_run_goes_on(
    recnet: RecNet, model: WatchedModel, text: str
) -> None:
    network = await bootstrap_tiny(recnet)

    def script(reply: str, asked: str) -> str | None:
        if reply == "CreditAssignment":
            names = [p.split("</name>")[0] for p in asked.split("<name>")[1:]]
            named = [name for name in names if len(name) > 1]  # A and B are items
            blames = [{"module": n, "involved": True, "suggestion": text} for n in named]
            return json.dumps({"gradients": blames})
        said = says(text, reply)
        return None if said is None else json.dumps(said, ensure_ascii="\ud83d" in text)

    model.script = script
    report = await recnet.network("tiny").train(limit=6)
    failed = await rows(recnet, "SELECT failure FROM interactions WHERE failure <> ''")
    assert (report.run, failed) == (6, [])
    await assert_clean(recnet)
    held = await rows(
        recnet,
        "SELECT cardinality(attributes) AS n FROM client_vectors WHERE network_id = %s",
        network,
    )
    assert max(row["n"] for row in held) <= 12


@odd
async def test_odd_words_of_a_person_find_what_they_name(recnet: RecNet, text: str) -> None:
    await bootstrap_tiny(recnet)
    identity = text[: KEY_LENGTH * 2]
    record = {"user": "ann\x00", "positive": " j2", "negative": "m1\ud800"}
    out = await recnet.network("tiny").interact(id=identity, **record)
    again = await recnet.network("tiny").interact(id=identity, **record)
    assert (out["repeated"], again["repeated"]) == (False, True)
    assert out["interaction"] == again["interaction"]
    if len(text) < PROFILE_LENGTH:
        await recnet.network("tiny").edit("user:ann", text, note=text)
    await recnet.network("tiny").recommend(user="ann\ud800", candidates=["j3\x00", "m2"])
    await assert_clean(recnet)


@odd
def test_settings_hold_clean_names(text: str) -> None:
    network_settings = NetworkSettings(model=text, encoder=text)
    assert not BAD.intersection(network_settings.model + network_settings.encoder)
    assert len(network_settings.model) <= KEY_LENGTH
