"""Settings: what a process reads from its environment, and what shapes a network."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from state.domain import Frozen, Key


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
        raise ValueError("this is no JSON") from None


def _address(given: str) -> str:
    """Refuse what is no address of a server.

    Raises:
        ValueError: it does not begin with http:// or https://, or names no host.
    """
    if not given.startswith(("http://", "https://")):
        raise ValueError("an address begins with http:// or https://")
    try:
        parts = urlsplit(given)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:  # its text quotes the address
        named = False
    if not named:
        raise ValueError("this is no address of a server")
    return given


Address = Annotated[str, AfterValidator(_address)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Price = Annotated[tuple[Amount, Amount], BeforeValidator(_price)]
"""Of a million tokens in, and out."""


class Settings(BaseSettings):
    """What a process needs to run; read from `RECNET_…` variables, and OpenAI's own two.

    Keys are secrets: no text, log or checkpoint shows them. A key belongs to one address and is
    never sent to another.
    """

    model_config = SettingsConfigDict(
        env_prefix="RECNET_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    database_url: SecretStr | None = Field(
        default=None, description="PostgreSQL with pgvector; unset starts the embedded server."
    )
    home: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        default_factory=lambda: platformdirs.user_data_path("recnet"),
        description="Where the embedded server keeps its data; unset, the user's data folder.",
    )
    model: str = Field(default="offline", description="`offline` or an init_chat_model string.")
    models: Annotated[dict[str, str], NoDecode, BeforeValidator(_pairs)] = Field(
        default={}, description="Other models for some prompts: `extract=MODEL, gradient=MODEL`."
    )
    base_url: Address | None = Field(
        default=None,
        validation_alias=AliasChoices("OPENAI_BASE_URL"),
        description="Where `openai:` models are served; unset, at OpenAI.",
    )
    api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("OPENAI_API_KEY"),
        description="The key of that.",
    )
    embedding: str = Field(default="offline", description="`offline` or an init_embeddings string.")
    embedding_base_url: Address | None = Field(
        default=None, description="Where the encoder is served; unset, where the models are."
    )
    embedding_api_key: SecretStr | None = Field(default=None, description="The key of that.")
    structured_output: Literal["auto", "json_schema", "function_calling", "text"] = Field(
        default="auto", description="How replies get their shape; `auto` finds the best means."
    )
    templates: Annotated[Path, AfterValidator(Path.expanduser)] | None = Field(
        default=None, description="A folder of edited templates."
    )
    temperature: Annotated[float, Field(ge=0, le=2)] | Literal["default"] = Field(
        default=0.0, description="`default` sends none: some models refuse any."
    )
    max_tokens: int | None = Field(default=None, ge=1, description="Tokens of one reply.")
    model_options: Annotated[dict[str, Any], NoDecode, BeforeValidator(_object)] = Field(
        default={},
        repr=False,  # it may hold a key
        description="More arguments of the model, as JSON: top_p, extra_body, …",
    )
    timeout: float = Field(
        default=60.0, gt=0, le=86_400, description="Seconds for one model request."
    )
    reply_attempts: int = Field(
        default=3, ge=1, le=20, description="Times a bad reply is asked for."
    )
    request_attempts: int = Field(
        default=5, ge=1, le=20, description="Requests for a reply where the endpoint fails."
    )
    retry_wait: float = Field(
        default=1.0, ge=0, le=60, description="Seconds before the second request; doubles."
    )
    max_concurrent_calls: int = Field(
        default=8, ge=1, le=10_000, description="Concurrent model requests at most."
    )
    requests_per_minute: int | None = Field(
        default=None, ge=1, description="Model requests a minute at most."
    )
    tokens_per_minute: int | None = Field(
        default=None, ge=1, description="Tokens of prompts a minute at most, as estimated."
    )
    cache: bool | None = Field(
        default=None,
        description="Whether replies are kept and taken again; unset, where data sets are at work.",
    )
    database_wait: float = Field(
        default=60.0,
        ge=0,
        le=86_400,
        description="Seconds that training waits for a database that went away.",
    )
    connections: int = Field(default=8, ge=3, le=80, description="Size of the database pool.")
    durability: Literal["sync", "exit"] = Field(
        default="sync",
        description="`exit` keeps no checkpoints while a record is run: faster, and a record that "
        "was killed makes its calls again.",
    )
    keep_checkpoints: bool = Field(
        default=False,
        description="Whether the checkpoints of runs that ended are kept, to be looked at.",
    )
    prices: Annotated[dict[str, Price], NoDecode, BeforeValidator(_pairs)] = Field(
        default={},
        description="Prices of a million tokens in and out: `openai:gpt-4.1-mini=0.40/1.60`.",
    )
    budget_calls: int | None = Field(
        default=None, ge=0, description="Model calls this process may make."
    )
    budget_tokens: int | None = Field(
        default=None, ge=0, description="Tokens this process may use."
    )
    budget_money: Amount | None = Field(
        default=None, description="Cost this process may cause, in the unit of the prices."
    )


Propagation = Literal["routers", "none", "placebo", "em", "em+lr", "em+lr+ls", "clients"]
Merging = Literal["buffer", "delivery"]
CreditCalls = Literal["joint", "module"]
Evidence = Literal["gradients", "effects"]

USED_AT_BOOTSTRAP = (
    "seed", "encoder", "model", "routers", "tau", "hears_from", "same_attribute",
    "router_attributes",
)  # fmt: skip
"""What the founding of a network has used: a copy of it cannot have another one."""


class NetworkSettings(Frozen):
    """What shapes a network; stored with it at bootstrap and never changed later."""

    seed: int = Field(default=0, ge=0, lt=2**63, description="Keys every random draw.")
    encoder: Key = Field(default="offline", description="The one encoder of all stored embeddings.")
    model: Key = Field(default="offline", description="The model that made the first attributes.")
    routers: int = Field(default=8, ge=1, le=1_000, description="K, the routers at the start.")
    update_size: int = Field(
        default=20,
        ge=1,
        le=1_000_000,
        description="Distinct changed clients that start a router update.",
    )
    buffer: int = Field(default=6, ge=1, le=100, description="Messages a client's buffer holds.")
    tau: Annotated[float, Field(ge=-1, le=1)] | Literal["auto"] = Field(
        default="auto", description="Threshold of Eq. 4; `auto` is computed after bootstrap."
    )
    hears_from: float = Field(
        default=2.0,
        gt=0,
        le=1_000,
        description="With tau auto: routers a client hears from on average.",
    )
    same_attribute: float = Field(
        default=0.8, gt=0, le=1, description="Cosine above which two attributes are one."
    )
    router_attributes: int = Field(
        default=64, ge=1, le=10_000, description="Attributes a router keeps."
    )
    echo: bool = Field(default=False, description="Send a client messages of only its attributes.")
    propagation: Propagation = Field(
        default="routers",
        description="How updates travel. `none` sends nothing; `placebo` permutes the recipients. "
        "Without routers, from client to client: `em` sends a changed profile to the nearest "
        "clients, with `+lr` the model chooses among them, with `+ls` it also writes what is worth "
        "telling; `clients` lets it write and choose in one call.",
    )
    nearest: int = Field(
        default=5,
        ge=1,
        le=50,
        description="From client to client: whom a changed client reaches at most. A model chooses "
        "among three times as many.",
    )
    reception: Merging = Field(
        default="buffer",
        description="When messages are merged: waiting in the `buffer` for the client's next "
        "interaction, or on `delivery`.",
    )
    filter_memory: bool = Field(default=True, description="Whether merges see the client's rules.")
    credit: CreditCalls = Field(
        default="joint",
        description="One call for the gradients of all modules of a step (`joint`), or one for "
        "each `module`, as Eq. 8 reads.",
    )
    optimize_filter_memory: bool = Field(
        default=True, description="Whether gradients rewrite the clients' rules."
    )
    optimize_routers: bool = Field(
        default=True, description="Whether gradients rewrite, split and merge routers."
    )
    router_evidence: Evidence = Field(
        default="gradients",
        description="What the optimizer of a router reads: its `gradients` alone, or also what its "
        "messages did, how tight its attributes are and how near the next router is (`effects`).",
    )
