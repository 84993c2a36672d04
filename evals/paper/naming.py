"""What a table is called: on the page, and as files that no other table overwrites."""

import hashlib
import re
from collections.abc import Iterable

from evals.paper.experiment import Plan
from evals.paper.jobs import Result
from prompts.llm.models import OFFLINE
from state.dataset import Dataset
from state.settings import Settings

_USUAL = Plan()
_NAMED = 40
"""Letters of a data set's or a model's name; file systems take 255 bytes in all."""


def title(design: str, dataset: Dataset, plan: Plan, settings: Settings) -> str:
    """Return a table's title, which says on what it was made, and from how much."""
    parts = [dataset.name, str(plan.split)]
    if plan.records is not None:
        parts.append(f"learned from the first {plan.records} records only")
    return f"{design}: {', '.join([*parts, f'model {settings.model}'])}"


def mark(results: Iterable[Result]) -> str:
    """Return what tells a report from others of the same name: other data, prompts or addresses."""
    bases = sorted({result.job.base for result in results})
    return hashlib.sha256("\n".join(bases).encode()).hexdigest()[:8]


def stem(name: str, dataset: Dataset, plan: Plan, settings: Settings, marked: str) -> str:
    """Return what the files of a table are called, without their endings.

    What is as usual is left out, but for the split. Models go without their provider. `marked`
    stands for what names do not tell.
    """
    parts = [name, dataset.name[:_NAMED], str(plan.split)]
    if plan.records is not None:
        parts.append(f"first {plan.records}")
    if plan.seeds != _USUAL.seeds:
        parts.append(f"seeds {plan.seeds}")
    if plan.draws != _USUAL.draws:
        parts.append(f"draws {plan.draws}")
    named = (settings.model, settings.embedding)
    parts += [model.rpartition(":")[2][:_NAMED] for model in named if model != OFFLINE]
    parts.append(marked)
    return re.sub(r"[^\w.]+", "-", "-".join(parts)).strip("-.")
