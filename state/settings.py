"""Settings: what a process reads from its environment, and what shapes a network."""

import json
import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from state.domain import Frozen, Key
from state.errors import InputError

NETWORK_VARIABLE = "RECNET_NETWORK"
"""Read by the command line alone: the network that its commands are about."""
_PREFIX = "RECNET_"
_MAY_HOLD_KEYS = {"model_options", "models", "prices", "OPENAI_BASE_URL", "embedding_base_url"}
"""Settings whose value is not quoted: a key may have been put there by mistake."""


def _pairs(given: object) -> object:
    """Read `NAME=VALUE, NAME=VALUE`."""
    if not isinstance(given, str):
        return given
    pairs = {}
    for pair in given.replace(",", " ").split():
        # Prices are given for models, whose own names may hold anything but a blank.
        name, separator, value = pair.rpartition("=")
        if not separator or not name or not value:
            raise ValueError("each part is NAME=VALUE")
        pairs[name] = value
    return pairs


def _price(given: object) -> object:
    """Read `IN/OUT`."""
    if not isinstance(given, str):
        return given
    parts = given.split("/")
    if len(parts) != 2:
        raise ValueError("a price is IN/OUT for a million tokens, as 0.40/1.60")
    return parts


def _object(given: object) -> object:
    """Read a JSON object."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        raise ValueError("not valid JSON; write it as '{\"top_p\": 0.95}'") from None


def _address(given: str) -> str:
    """Refuse all but an http:// or https:// address of a host."""
    if not given.startswith(("http://", "https://")):
        raise ValueError("an address begins with http:// or https://")
    try:
        parts = urlsplit(given)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:  # its text quotes the address
        named = False
    if not named:
        raise ValueError("not a server address; write it as http://HOST:PORT/v1")
    return given


Address = Annotated[str, AfterValidator(_address)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Price = Annotated[tuple[Amount, Amount], BeforeValidator(_price)]
"""Of a million tokens in, and out."""


class Settings(BaseSettings):
    """The settings of a process, read from `RECNET_…` variables and OpenAI's own two.

    No text, log or checkpoint shows a key, and a key is sent to its own address only.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    database_url: SecretStr | None = None
    """URL of a PostgreSQL database with pgvector; unset: the embedded server."""
    home: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        default_factory=lambda: platformdirs.user_data_path("recnet")
    )
    """Folder of the embedded server's data; unset: the user's data folder."""
    model: str = "offline"
    """`offline` or an init_chat_model string."""
    models: Annotated[dict[str, str], NoDecode, BeforeValidator(_pairs)] = {}
    """Other models for some prompts: `extract=MODEL, gradient=MODEL`."""
    base_url: Address | None = Field(default=None, validation_alias=AliasChoices("OPENAI_BASE_URL"))
    """URL of the server of `openai:` models; unset: OpenAI."""
    api_key: SecretStr | None = Field(default=None, validation_alias=AliasChoices("OPENAI_API_KEY"))
    """API key of the server of `openai:` models."""
    embedding: str = "offline"
    """`offline` or an init_embeddings string."""
    embedding_base_url: Address | None = None
    """URL of the server of the encoder; unset: that of the models."""
    embedding_api_key: SecretStr | None = None
    """API key of the server of the encoder."""
    structured_output: Literal["auto", "json_schema", "function_calling", "text"] = "auto"
    """How models are asked for structured replies; `auto` tries the best way first."""
    templates: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    """A folder of edited templates."""
    temperature: Annotated[float, Field(ge=0, le=2)] | Literal["default"] = 0.0
    """Sampling temperature; `default` sends none, as some models require."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Token limit of one reply; unset: a limit for each prompt."""
    model_options: Annotated[dict[str, Any], NoDecode, BeforeValidator(_object)] = Field(
        default={},
        repr=False,  # it may hold a key
    )
    """More arguments of the model as JSON, such as `top_p` or `extra_body`."""
    timeout: float = Field(default=60.0, gt=0, le=86_400)
    """Seconds after which a model request is given up."""
    reply_attempts: int = Field(default=3, ge=1, le=20)
    """How often a model is asked for a reply before bad replies are an error."""
    request_attempts: int = Field(default=5, ge=1, le=20)
    """How often a request is sent before a failing endpoint is an error."""
    retry_wait: float = Field(default=1.0, ge=0, le=60)
    """Seconds to wait before the first retry; doubles with each one."""
    max_concurrent_calls: int = Field(default=8, ge=1, le=10_000)
    """Most model requests at the same time."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """Most model requests per minute."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    """Most prompt tokens per minute, as estimated."""
    cache: bool | None = None
    """Whether replies are cached; unset: in commands that work on data sets."""
    database_wait: float = Field(default=60.0, ge=0, le=86_400)
    """Seconds that training waits for a lost database to come back."""
    connections: int = Field(default=8, ge=3, le=80)
    """Most connections of the database pool."""
    durability: Literal["sync", "exit"] = "sync"
    """When checkpoints are written: after each node (`sync`), or not while a record runs (`exit`),
    which is faster, but a killed record makes its calls again."""
    keep_checkpoints: bool = False
    """Whether checkpoints of finished runs are kept for inspection."""
    prices: Annotated[dict[str, Price], NoDecode, BeforeValidator(_pairs)] = {}
    """Prices of a million input and output tokens: `openai:gpt-4.1-mini=0.40/1.60`."""
    budget_calls: int | None = Field(default=None, ge=0)
    """Most model calls of this process."""
    budget_tokens: int | None = Field(default=None, ge=0)
    """Most tokens of this process."""
    budget_money: Amount | None = None
    """Highest cost of this process, in the unit of the prices."""


def load_settings() -> Settings:
    """Return the settings of this process, as the environment gives them.

    Raises:
        InputError: a variable has a wrong value, or a `RECNET_` variable is not a setting.
    """
    known = [n.upper() for n, field in Settings.model_fields.items() if not field.validation_alias]
    for variable in sorted(os.environ):
        name = variable.removeprefix(_PREFIX)
        if name != variable and variable != NETWORK_VARIABLE and name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {_PREFIX}{near[0]}?" if near else ""
            raise InputError(f"{variable} is not a setting{hint}")
    try:
        return Settings()
    except ValidationError as error:
        raise InputError(explain(error, prefix=_PREFIX)) from None


def explain(error: ValidationError, prefix: str = "") -> str:
    """Return one line that names the setting and what is wrong with it."""
    first = error.errors(include_url=False, include_context=False)[0]
    setting = str(first["loc"][0]) if first["loc"] else "settings"
    is_alias = setting.isupper()  # as OPENAI_BASE_URL
    name = f"{prefix}{setting}".upper() if prefix and not is_alias else setting
    wrong = first["msg"].removeprefix("Value error, ").partition(", unable to parse")[0]
    message = f"{name}: {wrong.replace('Input should be', 'must be')}"
    return message if setting in _MAY_HOLD_KEYS else f"{message} (given: {first['input']!r})"


Propagation = Literal["routers", "none", "placebo", "em", "em+lr", "em+lr+ls", "clients"]
Merging = Literal["buffer", "delivery"]
CreditCalls = Literal["joint", "module"]
RouterEvidence = Literal["gradients", "effects"]

USED_AT_BOOTSTRAP = (
    "seed", "encoder", "model", "routers", "tau", "hears_from", "same_attribute",
    "router_attributes",
)  # fmt: skip
"""Settings that the bootstrap uses: a copy of a network cannot change them."""


class NetworkSettings(Frozen):
    """The settings of a network: stored at its bootstrap and never changed later."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of every random draw."""
    encoder: Key = "offline"
    """Encoder of all stored embeddings."""
    model: Key = "offline"
    """Model that ran the bootstrap."""
    routers: int = Field(default=8, ge=1, le=1_000)
    """Number of routers at the start, K."""
    update_size: int = Field(default=20, ge=1, le=1_000_000)
    """How many distinct changed clients start a router update."""
    buffer_size: int = Field(default=6, ge=1, le=100)
    """Most messages in a client's buffer."""
    tau: Annotated[float, Field(ge=-1, le=1)] | Literal["auto"] = "auto"
    """Threshold of Eq. 4; `auto` computes it at the bootstrap from `hears_from`."""
    hears_from: float = Field(default=2.0, gt=0, le=1_000)
    """With `tau=auto`: how many routers reach a client on average."""
    same_attribute: float = Field(default=0.8, gt=0, le=1)
    """Cosine above which two attributes count as the same."""
    router_attributes: int = Field(default=64, ge=1, le=10_000)
    """Most attributes of a router."""
    echo: bool = False
    """Whether a client is sent messages made only of its own attributes."""
    propagation: Propagation = "routers"
    """How updates are propagated. `none` sends nothing; `placebo` permutes the recipients. Without
    routers, from client to client: `em` sends a changed profile to the nearest clients, with `+lr`
    the model chooses among them, with `+ls` it also writes the message; `clients` lets it write and
    choose in one call."""
    neighbours: int = Field(default=5, ge=1, le=50)
    """Without routers: to how many clients a changed client sends its message. A model chooses
    among three times as many."""
    reception: Merging = "buffer"
    """When messages are merged into a profile: at the client's next interaction (`buffer`), or as
    soon as they are delivered (`delivery`)."""
    filter_memory: bool = True
    """Whether merges use the filter memory."""
    credit: CreditCalls = "joint"
    """Whether one call returns the gradients of all modules (`joint`), or one call each (`module`),
    as Eq. 8 reads."""
    optimize_filter_memory: bool = True
    """Whether gradients rewrite filter memories."""
    optimize_routers: bool = True
    """Whether gradients rewrite, split and merge routers."""
    router_evidence: RouterEvidence = "gradients"
    """What the router optimizer reads: only `gradients`, or also what the messages did, how similar
    the router's attributes are and how near the next router is (`effects`)."""
