"""How the graphs look from outside, kept as files.

python -m tests.support.graph_drawings     writes them again; look at the diff before you commit
"""

import json
from pathlib import Path
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from workflows import bootstrap, interaction, recommend

FOLDER = Path(__file__).parents[1] / "workflows/drawings"
RENEW = "python -m tests.support.graph_drawings"
GRAPHS: tuple[CompiledStateGraph[Any, Any, Any, Any], ...] = (
    bootstrap.graph,
    interaction.graph,
    recommend.graph,
)


NAMES = [f"{graph.name}.{kind}" for graph in GRAPHS for kind in ("mmd", "json")]


def drawing(name: str) -> str:
    """Return what Studio draws of a graph (`.mmd`), or the forms it makes (`.json`)."""
    stem, _, kind = name.partition(".")
    (graph,) = (graph for graph in GRAPHS if graph.name == stem)
    if kind == "mmd":
        return graph.get_graph(xray=True).draw_mermaid()
    forms = {
        "input": graph.get_input_jsonschema(),
        "context": graph.get_context_jsonschema(),
        "output": graph.get_output_jsonschema(),
    }
    return json.dumps(forms, indent=2) + "\n"


def main() -> None:
    """Write all files anew."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    for name in NAMES:
        (FOLDER / name).write_text(drawing(name), encoding="utf-8")


if __name__ == "__main__":
    main()
