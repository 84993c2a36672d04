"""How the graphs look from outside, kept as files.

python -m tests.workflows.draw     writes them again; look at the difference before you commit it
"""

import json
from pathlib import Path
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from workflows import bootstrap, interaction, recommend

FOLDER = Path(__file__).parent / "drawings"
RENEW = "python -m tests.workflows.draw"
GRAPHS: tuple[CompiledStateGraph[Any, Any, Any, Any], ...] = (
    bootstrap.graph,
    interaction.graph,
    recommend.graph,
)


def drawings() -> dict[str, str]:
    """Return what Studio draws of each graph, and the forms it makes, by file name."""
    found = {}
    for graph in GRAPHS:
        found[f"{graph.name}.mmd"] = graph.get_graph(xray=True).draw_mermaid()
        forms = {
            "input": graph.get_input_jsonschema(),
            "context": graph.get_context_jsonschema(),
            "output": graph.get_output_jsonschema(),
        }
        found[f"{graph.name}.json"] = json.dumps(forms, indent=2) + "\n"
    return found


def main() -> None:
    """Write all files anew."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    for name, text in drawings().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
