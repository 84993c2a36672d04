"""One filled example of each prompt, as the model reads it, kept in files.

python -m tests.support.prompt_examples      writes them again; read the diff before you commit

They come from a short run with the offline model on the first users of the shared CDs sample, so
that a wording is judged on real titles and categories. Of a prompt's calls the shortest that shows
what is worth reading is kept.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.tracers.context import collect_runs
from langchain_core.tracers.schemas import Run

from evals.datasets.registry import read_dataset
from prompts.attributes import EXTRACT, SUMMARIZE
from prompts.fields import read_fields
from prompts.gradient import GRADIENT
from prompts.llm.structured_output import schema_of
from prompts.merge import MERGE
from prompts.optimize import OPTIMIZE_FILTER_MEMORY, OPTIMIZE_PROFILE, OPTIMIZE_ROUTER
from prompts.peer_messages import ADDRESS_CLIENTS, CHOOSE_RECIPIENTS, WRITE_MESSAGE
from prompts.predict import PREDICT
from prompts.rank import RANK
from prompts.registry import PROMPTS
from prompts.template import Fields, Prompt, Reply
from state.domain import ClientKind, ModuleKind
from state.settings import NetworkSettings, Settings
from tests.support.home_folder import home_folder
from tests.support.paths import CDS
from workflows.recnet import RecNet

FOLDER = Path(__file__).parents[1] / "prompts/examples"
RENEW = "python -m tests.support.prompt_examples"
NAMES = [f"{prompt.name}.md" for prompt in PROMPTS]

USERS = 10
RECORDS = 28
NETWORK_SETTINGS = NetworkSettings(routers=5, update_size=12, hears_from=3)
"""Few clients that hear a lot, so that a short run comes to rules that keep messages out."""

_METHODS = ("em+lr+ls", "clients")
"""Propagation methods in which a model chooses recipients or writes messages."""

_SHOWN: Mapping[str, Callable[[Any, Any], bool]] = {
    EXTRACT.name: lambda f, _: f.kind is ClientKind.USER and "hears of" in f.profile,
    SUMMARIZE.name: lambda f, _: bool(f.router) and len(f.attributes) > 3,
    MERGE.name: lambda f, r: (
        len(f.messages) > 2 and sum(not v.accepted for v in r.filter_decisions) > 0
    ),
    PREDICT.name: lambda f, _: "hears of" in f.user,
    GRADIENT.name: lambda f, _: (
        f.reward == 0 and sum(p.kind is ModuleKind.ROUTER for p in f.modules) > 2
    ),
    OPTIMIZE_PROFILE.name: lambda f, _: f.reward == 0 and "hears of" in f.profile,
    OPTIMIZE_FILTER_MEMORY.name: lambda f, r: list(f.rules) != r.rules,
    OPTIMIZE_ROUTER.name: lambda f, r: len(f.feedback) > 2 and r.action == "rewrite",
    RANK.name: lambda _, __: True,
    CHOOSE_RECIPIENTS.name: lambda f, r: "Enjoys" in f.profile and len(r.recipients) > 0,
    WRITE_MESSAGE.name: lambda f, _: "Enjoys" in f.profile and len(f.recipients) > 1,
    ADDRESS_CLIENTS.name: lambda f, r: "Enjoys" in f.profile and len(r.recipients) > 0,
}
"""Conditions on the fields and the reply of a useful example."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: the prompt and the answer."""

    prompt: Prompt[Fields, Reply]
    system: str
    human: str
    answer: str

    @property
    def told(self) -> bool:
        """Whether the prompt is one of propagation from client to client."""
        return self.prompt in (CHOOSE_RECIPIENTS, WRITE_MESSAGE, ADDRESS_CLIENTS)

    def shows(self) -> bool:
        """Return whether the call is a useful example."""
        fields = read_fields(self.human, self.prompt.fields)
        return _SHOWN[self.prompt.name](fields, self.prompt.reply.model_validate_json(self.answer))

    def text(self) -> str:
        """Return the call as Markdown."""
        answer = json.dumps(json.loads(self.answer), ensure_ascii=False, indent=1)
        return "\n".join(
            [
                f"# {self.prompt.name}",
                "\n## System\n",
                f"```text\n{self.system}\n```",
                "\n## Human\n",
                f"```xml\n{self.human}\n```",
                "\n## Schema of the reply\n",
                f"```json\n{json.dumps(schema_of(self.prompt.reply))}\n```",
                "\n## Answer of the offline model, which is no language model\n",
                f"```json\n{answer}\n```\n",
            ]
        )


async def examples(recnet: RecNet) -> dict[str, str]:
    """Return the pages by file name, from a run on the sample."""
    dataset = read_dataset(CDS, name="examples", domain="CDs")
    users = list(dict.fromkeys(event.user for event in dataset.events))[:USERS]
    events = tuple(event for event in dataset.events if event.user in users)
    met = {event.item for event in events}
    items = tuple(item for item in dataset.items if item.key in met)
    part = dataset.model_copy(update={"events": events, "items": items})
    with collect_runs() as watched:
        await recnet.load(part.name, part)
        await recnet.network(part.name).bootstrap(NETWORK_SETTINGS)
        for method in _METHODS:
            await recnet.network(part.name).copy(method, propagation=method, neighbours=2)
        await recnet.network(part.name).train(limit=RECORDS)
        await recnet.network(part.name).recommend(users[0], count=5)
    with collect_runs() as told:
        for method in _METHODS:
            await recnet.network(method).train(limit=RECORDS)
    # The prompts of these methods come from their own runs only, and the others never do.
    calls = [*_asked(watched.traced_runs), *(a for a in _asked(told.traced_runs) if a.told)]
    asked = sorted(calls, key=lambda a: (len(a.human), a.human))
    return {
        f"{prompt.name}.md": next(a for a in asked if a.prompt is prompt and a.shows()).text()
        for prompt in PROMPTS
    }


def _asked(runs: Sequence[Run]) -> Iterator[Asked]:
    by_name = {prompt.name: prompt for prompt in PROMPTS}
    for run in runs:
        if run.name in by_name:
            system, _, human = run.inputs["prompts"][0].partition("\nHuman: ")
            answer = (run.outputs or {})["generations"][0][0]["text"]
            yield Asked(by_name[run.name], system.removeprefix("System: "), human, answer)
        yield from _asked(run.child_runs)


def main() -> None:
    """Write all pages."""

    async def run(home: Path) -> dict[str, str]:
        async with RecNet.open(Settings(home=home)) as recnet:
            return await examples(recnet)

    with home_folder() as home:
        pages = asyncio.run(run(home))
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    for name, page in pages.items():
        (FOLDER / name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
