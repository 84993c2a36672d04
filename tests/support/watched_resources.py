"""Fixtures: open resources whose model a test can watch and script.

A conftest.py imports them in place of the plain `resources`.
"""

from collections.abc import AsyncIterator

import pytest

import nodes.resources
from nodes.resources import Resources, open_resources, serve
from state.settings import Settings
from tests.support.chat_endpoint import as_endpoint
from tests.support.watched_model import WatchedModel


@pytest.fixture
def model() -> WatchedModel:
    """Return the model that `resources` and `recnet` ask."""
    return WatchedModel()


@pytest.fixture
async def resources(
    settings: Settings,
    database: str,  # noqa: ARG001 - it empties the database
    model: WatchedModel,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Resources]:
    """Return open resources with the watched model, on a database that holds no network."""
    monkeypatch.setattr(
        nodes.resources, "load_endpoint", lambda name, **_: as_endpoint(model, name)
    )
    async with open_resources(settings) as held:
        with serve(held):  # for tests that run graphs by themselves
            yield held
