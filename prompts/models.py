"""Chat models by name: the offline model, or any that `init_chat_model` knows."""

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from openai import OpenAIError

from prompts.errors import ModelError
from prompts.failures import without_secrets
from prompts.offline.model import OfflineModel

OFFLINE = "offline"


def load_model(name: str, *, timeout: float, temperature: float) -> BaseChatModel:
    """Return the chat model `name`: `offline`, or `provider:model`.

    `timeout` is in seconds, for one request. The model's own retries are off: `Caller` retries.

    Raises:
        ModelError: an unknown name, a missing package or a missing key; it says what to set.
    """
    if name == OFFLINE:
        return OfflineModel()
    if not name.strip():
        raise ModelError("RECNET_MODEL is empty; set it to offline, or to provider:model")
    try:
        return init_chat_model(name, timeout=timeout, max_retries=0, temperature=temperature)
    except (ValueError, ImportError, OpenAIError) as error:
        raise unusable("RECNET_MODEL", name, "openai:gpt-4o-mini", error) from error


def unusable(setting: str, name: str, example: str, error: Exception) -> ModelError:
    """Return one line on why `name` in `setting` cannot be loaded, and what to set."""
    shown = without_secrets(name, None)
    if isinstance(error, OpenAIError):
        return ModelError(
            f"{setting}={shown} needs OPENAI_API_KEY; for a local endpoint that asks for no key, "
            "set it to any text"
        )
    reason = without_secrets(str(error).strip().split("\n", 1)[0], None)
    if isinstance(error, ImportError):
        return ModelError(f"{setting}={shown}: {reason}")
    return ModelError(f"{setting}={shown}: {reason}; set it to offline, or to one like {example}")
