"""The graphs look as they did: a change of topology or of a form is seen, and meant."""

from difflib import unified_diff

import pytest

from tests.support.graph_drawings import FOLDER, GRAPHS, NAMES, RENEW, drawing
from workflows import backward, forward, router_update


def test_nothing_is_kept_of_graphs_that_are_gone() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_graph_looks_as_it_did(name: str) -> None:
    path = FOLDER / name
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    new = drawing(name)
    difference = "".join(
        unified_diff(kept.splitlines(True), new.splitlines(True), f"{name} as kept", f"{name} now")
    )
    if difference:
        pytest.fail(f"\n{difference}\nIf this is meant: {RENEW}", pytrace=False)


def test_graphs_and_subgraphs_have_a_human_name() -> None:
    named = [*GRAPHS, forward.graph, backward.graph, router_update.graph]
    assert [graph.name for graph in named] == [
        "bootstrap",
        "interaction",
        "recommend",
        "forward",
        "backward",
        "router_update",
    ]


def test_every_field_of_a_form_says_what_it_is() -> None:
    for graph in GRAPHS:
        forms = (graph.get_input_jsonschema(), graph.get_context_jsonschema() or {})
        for form in forms:
            for field, schema in form.get("properties", {}).items():
                assert schema.get("description"), f"{graph.name}: {field} has no description"
