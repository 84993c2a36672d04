"""Chat models by name: the offline model, or any that `init_chat_model` knows."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from prompts.llm.error_messages import SettingNames, without_secrets
from prompts.llm.errors import ModelError
from prompts.llm.retries import class_names
from prompts.llm.structured_output import Mode, StructuredOutput
from prompts.offline.model import OfflineModel

if TYPE_CHECKING:
    from openai import DefaultAsyncHttpxClient

OFFLINE = "offline"
COMPATIBLE = "openai:"
"""The provider that speaks to any endpoint of OpenAI's protocol."""
NO_KEY = "none"
"""Sent to an endpoint of one's own where no key is set: the protocol wants some text."""

_MILLION = 1_000_000
_NO_PROVIDER = ("Unable to infer", "Must specify either", "is not supported")
"""Of the errors of langchain for a name without a provider, or with one it does not know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """How an OpenAI-compatible endpoint is reached; None leaves it to the library.

    A key goes to the address it was set with, never to another one.
    """

    base_url: str | None = None
    api_key: SecretStr | None = None
    client: "DefaultAsyncHttpxClient | None" = None
    """Shared by all endpoints of a process, and closed by who opened it."""

    def options(self) -> dict[str, Any]:
        """Return the arguments of a model or an encoder of that provider."""
        key = self.api_key
        if key is None and self.base_url is not None:
            key = SecretStr(NO_KEY)
        options = {"base_url": self.base_url, "api_key": key, "http_async_client": self.client}
        return {name: value for name, value in options.items() if value is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameters:
    """A model's parameters; None is the endpoint's own default."""

    temperature: float | None = 0.0
    timeout: float = 60.0
    """Seconds for one request."""
    max_tokens: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of the model's class."""

    def options(self) -> dict[str, Any]:
        """Return the arguments of the model; its own retries are off, as `ModelClient` retries."""
        given = {name: getattr(self, name) for name in ("temperature", "timeout", "max_tokens")}
        given = {name: value for name, value in given.items() if value is not None}
        return {**given, **self.more, "max_retries": 0}


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One chat model where it is served."""

    name: str
    """As it is set: `offline`, `openai:gpt-4.1-mini`."""
    model: BaseChatModel
    structured: StructuredOutput
    parameters: Parameters = field(default_factory=Parameters)
    address: str = ""
    """Without a name and a password that the URL may hold."""
    price: tuple[float, float] | None = None
    """Of a million tokens in, and out."""
    names: SettingNames = field(default_factory=SettingNames)

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Return what these tokens cost, or None where no price is set."""
        if self.price is None:
            return None
        return (input_tokens * self.price[0] + output_tokens * self.price[1]) / _MILLION

    @cached_property
    def identity(self) -> str:
        """What a reply depends on besides its messages: model, address and parameters.

        It is stored. Further arguments may hold a key, so it has only a hash of these.
        """
        asked = self.parameters
        more = json.dumps(dict(asked.more), sort_keys=True, default=str) if asked.more else ""
        digest = sha256(more.encode()).hexdigest()[:16]
        return json.dumps([self.name, self.address, asked.temperature, asked.max_tokens, digest])


def load_endpoint(
    name: str,
    *,
    parameters: Parameters,
    connection: Connection,
    mode: Mode | Literal["auto"] = "auto",
    price: tuple[float, float] | None = None,
    setting: str = "RECNET_MODEL",
) -> Endpoint:
    """Return the endpoint of the chat model `name`: `offline`, or `provider:model`.

    Raises:
        ModelError: an unknown name, a missing package or a missing key; it says what to set.
    """
    if not name.strip():
        raise ModelError(f"{setting} is empty; set it to offline, or to provider:model")
    compatible = name.startswith(COMPATIBLE)
    return Endpoint(
        name=name,
        model=_load(name, parameters, connection, setting),
        structured=StructuredOutput(name, "json_schema" if name == OFFLINE else mode),
        parameters=parameters,
        address=_without_user(connection.base_url or "") if compatible else "",
        price=price,
        names=SettingNames(setting=setting),
    )


def _load(name: str, asked: Parameters, connection: Connection, setting: str) -> BaseChatModel:
    if name == OFFLINE:
        return OfflineModel()
    # It advises another mode by an argument of its own; here the next mode is tried, and logged.
    warnings.filterwarnings("ignore", "This model does not support OpenAI's structured")
    # An argument that the model does not take is named in one line when it is refused.
    warnings.filterwarnings("ignore", r"(?s)WARNING! .* is not default parameter")
    try:
        if name.startswith(COMPATIBLE):
            from prompts.llm.http_client import CompatibleModel  # noqa: PLC0415 - takes a second

            model = name.removeprefix(COMPATIBLE)
            return CompatibleModel(model=model, **asked.options(), **connection.options())
        other: BaseChatModel = init_chat_model(name, **asked.options())
    except TypeError as error:
        said = without_secrets(str(error).partition("() ")[2] or str(error), None)
        raise ModelError(f"{name}: RECNET_MODEL_OPTIONS: {said}") from None
    except Exception as error:  # noqa: BLE001 - whatever a provider's library raises
        raise loading_error(setting, name, "openai:gpt-4.1-mini", error) from None
    return other


def loading_error(setting: str, name: str, example: str, error: Exception) -> ModelError:
    """Return one line on why `name` in `setting` cannot be loaded, and what to set."""
    named = without_secrets(name, None)
    shown = f"{setting}={named}"
    if "OpenAIError" in class_names(error):
        return ModelError(f"{shown} needs OPENAI_API_KEY, or OPENAI_BASE_URL for your own endpoint")
    if any(said in str(error) for said in _NO_PROVIDER):
        return ModelError(
            f"{shown}: no provider is known for '{named}': write provider:model, such as "
            f"{example}, or offline"
        )
    reason = without_secrets(str(error).strip().split("\n", 1)[0], None)
    advice = (
        "" if isinstance(error, ImportError) else f"; set it to offline, or to one like {example}"
    )
    return ModelError(f"{shown}: {reason}{advice}")


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
