"""Settings: what a process reads from its environment, and what shapes a network."""

from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from state.domain import Frozen, Key


class Settings(BaseSettings):
    """What a process needs to run; read from `RECNET_…` variables.

    API keys are not among them: the model libraries read their own variables, so a key never
    enters a settings object, a log or a checkpoint.
    """

    model_config = SettingsConfigDict(
        env_prefix="RECNET_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: SecretStr | None = Field(
        default=None, description="PostgreSQL with pgvector; unset starts the embedded server."
    )
    home: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        default_factory=lambda: platformdirs.user_data_path("recnet"),
        description="Where the embedded server keeps its data.",
    )
    model: str = Field(default="offline", description="`offline` or an init_chat_model string.")
    embedding: str = Field(default="offline", description="`offline` or an init_embeddings string.")
    templates: Annotated[Path, AfterValidator(Path.expanduser)] | None = Field(
        default=None, description="A folder of edited templates."
    )
    temperature: float = Field(default=0.0, ge=0, le=2)
    timeout: float = Field(
        default=60.0, gt=0, le=86_400, description="Seconds for one model request."
    )
    calls_in_flight: int = Field(default=8, ge=1)
    connections: int = Field(default=8, ge=3, le=80, description="Size of the database pool.")
    budget_calls: int | None = Field(default=None, ge=0, description="Calls this process may make.")
    budget_tokens: int | None = Field(default=None, ge=0)


Propagation = Literal["routers", "none", "placebo"]


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
        default="routers", description="`none` sends nothing; `placebo` permutes the recipients."
    )
    filter_memory: bool = Field(default=True, description="Whether merges see the client's rules.")
    optimize_filter_memory: bool = Field(
        default=True, description="Whether gradients rewrite the clients' rules."
    )
    optimize_routers: bool = Field(
        default=True, description="Whether gradients rewrite, split and merge routers."
    )
