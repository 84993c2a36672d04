"""What a result depends on besides its settings, and how tables and their files are named."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from evals.baselines.agentcf.prompts import PROMPTS as OF_AGENTCF
from evals.paper.design import Plan
from evals.paper.results import Result
from prompts.llm.models import OFFLINE
from prompts.registry import PROMPTS
from state.dataset import Dataset
from state.settings import Settings
from workflows.recnet import RecNet

_NAMED = 40
"""Letters of a data set's or a model's name in a file name, which may have 255 bytes."""


def short_hash(parts: Iterable[str]) -> str:
    """Return eight letters that tell these texts from others."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def base_name(recnet: RecNet, dataset: Dataset, seed: int) -> str:
    """Return the name of a network before training, which tells all that its replies depend on.

    A network of other data, models, endpoints, parameters or templates has another name. It shows
    no address and no key.

    Raises:
        TemplateError: an edited template does not fit its prompt.
    """
    held = recnet.resources
    held.caller.add(OF_AGENTCF)
    asked = [held.caller.fingerprint(prompt) for prompt in (*PROMPTS, *OF_AGENTCF)]
    settings = held.settings
    if settings.embedding != OFFLINE:
        asked.append(str(settings.embedding_base_url or settings.base_url))
    data = f"{dataset.name}-{short_hash([dataset.model_dump_json()])}"
    models = f"{settings.model} {settings.embedding} {short_hash(asked)}"
    return f"eval/{data}/{models}/seed {seed}"


def program() -> str:
    """Return the program's version and, in a git checkout of it, the commit."""
    try:
        installed = f" {version('recnet')}"
    except PackageNotFoundError:
        installed = ""
    return f"recnet{installed}{_commit()}"


def made_by(programs: Iterable[str]) -> str:
    """Return what made a report, and what made the results in it where that was another."""
    here, made = program(), sorted(set(programs))
    others = "" if made == [here] else f"; networks trained by {' and by '.join(made)}"
    return f"made by {here}{others}"


def caution(model: str) -> tuple[str, ...]:
    """Return a warning for numbers that the offline model made, none for other models."""
    if model != OFFLINE:
        return ()
    return (
        "the offline model is a set of lexical methods and no language model: these figures "
        "say what the mechanism does on these texts, and nothing of language models",
    )


def table_title(design: str, dataset: Dataset, plan: Plan, settings: Settings) -> str:
    """Return a table's title: data set, split, limits and model."""
    parts = [dataset.name, str(plan.split)]
    if plan.records is not None:
        parts.append(f"trained on the first {plan.records} records only")
    return f"{design}: {', '.join([*parts, f'model {settings.model}'])}"


def bases_hash(results: Iterable[Result]) -> str:
    """Return what tells a report from others of its name: other data, prompts or endpoints."""
    return short_hash(sorted({result.job.base for result in results}))


def file_stem(name: str, dataset: Dataset, plan: Plan, settings: Settings, bases: str) -> str:
    """Return the name of a table's files without their endings; `bases` is their `bases_hash`.

    Defaults are left out, except for the split. Models go without their provider.
    """
    default = Plan()
    parts = [name, dataset.name[:_NAMED], str(plan.split)]
    if plan.records is not None:
        parts.append(f"first {plan.records}")
    if plan.seeds != default.seeds:
        parts.append(f"seeds {plan.seeds}")
    if plan.draws != default.draws:
        parts.append(f"draws {plan.draws}")
    named = (settings.model, settings.embedding)
    parts += [model.rpartition(":")[2][:_NAMED] for model in named if model != OFFLINE]
    return re.sub(r"[^\w.]+", "-", "-".join([*parts, bases])).strip("-.")


def _commit() -> str:
    """Return the short hash, marked if files were changed since; empty outside a checkout."""
    git = shutil.which("git")
    if git is None:
        return ""

    def ask(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own words
            [git, "-C", str(Path(__file__).parent), *words],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    # Installed inside another project's checkout, this file is not tracked there.
    if ask("ls-files", "--error-unmatch", Path(__file__).name).returncode != 0:
        return ""
    found = ask("describe", "--always", "--exclude=*", "--dirty=+changes")
    return f", commit {found.stdout.strip()}" if found.returncode == 0 else ""
