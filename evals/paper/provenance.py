"""What a result depends on beside its settings: the code, and how models are asked."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from evals.baselines.agentcf.prompts import PROMPTS as OF_AGENTCF
from prompts.llm.models import OFFLINE
from prompts.registry import PROMPTS
from workflows.recnet import RecNet


def calling(recnet: RecNet) -> str:
    """Return a short hash of all that replies depend on beside what is asked.

    Of every prompt, AgentCF's too: model, address, parameters, template and reply; of the encoder
    its address. An address or a key cannot be read from it.

    Raises:
        TemplateError: an edited template does not fit its prompt.
    """
    held = recnet.resources
    held.caller.add(OF_AGENTCF)
    parts = [held.caller.fingerprint(prompt) for prompt in (*PROMPTS, *OF_AGENTCF)]
    settings = held.settings
    if settings.embedding != OFFLINE:
        parts.append(str(settings.embedding_base_url or settings.base_url))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


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
    others = "" if made == [here] else f"; networks learned and read by {' and by '.join(made)}"
    return f"made by {here}{others}"


def caution(model: str) -> tuple[str, ...]:
    """Return what must be said of figures that the offline model made; nothing of other models."""
    if model != OFFLINE:
        return ()
    return (
        "the offline model is a set of lexical methods and no language model: these figures "
        "say what the mechanism does on these texts, and nothing of language models",
    )


def _commit() -> str:
    """Return the short hash, with what tells that files were changed since; empty without git."""
    git = shutil.which("git")
    if git is None:
        return ""

    def ask(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own words
            [git, "-C", str(Path(__file__).parent), *words],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    # Installed into somebody else's checkout, this file is none of theirs.
    if ask("ls-files", "--error-unmatch", Path(__file__).name).returncode != 0:
        return ""
    found = ask("describe", "--always", "--exclude=*", "--dirty=+changes")
    return f", commit {found.stdout.strip()}" if found.returncode == 0 else ""
