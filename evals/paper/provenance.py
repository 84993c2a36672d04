"""What a result depends on besides its settings: data, models, prompts, and the version."""

import hashlib
from collections.abc import Iterable
from importlib.metadata import version

from evals.baselines.agentcf.prompts import PROMPTS as OF_AGENTCF
from prompts.llm.models import OFFLINE
from prompts.registry import PROMPTS
from state.dataset import Dataset
from workflows.recnet import RecNet


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
    held.model_client.add(OF_AGENTCF)
    asked = [held.model_client.fingerprint(prompt) for prompt in (*PROMPTS, *OF_AGENTCF)]
    settings = held.settings
    if settings.embedding != OFFLINE:
        asked.append(str(settings.embedding_base_url or settings.base_url))
    data = f"{dataset.name}-{short_hash([dataset.model_dump_json()])}"
    return f"eval/{data}/{settings.model} {settings.embedding} {short_hash(asked)}/seed {seed}"


def program() -> str:
    """Return the program's name and version."""
    return f"recnet {version('recnet')}"


def caution(model: str) -> tuple[str, ...]:
    """Return a warning for numbers that the offline model made, none for other models."""
    if model != OFFLINE:
        return ()
    return (
        "the offline model is a set of lexical methods and no language model: these figures "
        "say what the mechanism does on these texts, and nothing of language models",
    )
