"""The paper's terms as types, and the cleaning of texts that enter the system.

Every layer may import this module; it imports no other of RecNet. Texts from data files, model
replies and people pass through the `Text` types below, so what is stored is clean and bounded.
"""

import re
import unicodedata
from enum import StrEnum
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

PROFILE_LENGTH = 2_000
MESSAGE_LENGTH = 1_500
RULE_LENGTH = 300
RULES_HELD = 12
SUGGESTION_LENGTH = 800
REASON_LENGTH = 500
NOTE_LENGTH = 300
TITLE_LENGTH = 300
KEY_LENGTH = 200
NAME_LENGTH = 150
ATTRIBUTE_LENGTH = 48
ATTRIBUTE_WORDS = 5

_UNSTORABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_JOINER = "\u200d"
_SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_JOINTS = "'’&-"
_LINK = re.compile(r"://|www\.|@|\w\.\w{2,}")
_ORDERS = frozenset(
    {"ignore", "disregard", "override", "obey", "pretend", "recommend"}
    | {"instruction", "instructions", "prompt"}
)
"""Words of instructions to a model; no noun phrase for a taste has one."""


def clean(text: str, limit: int) -> str:
    """Return `text` without what Postgres or XML cannot hold, trimmed to `limit` characters.

    Control characters, overrides of the writing direction and lone surrogates become spaces. A long
    text is cut at a space, or between letters or emoji where that would cost more than half of it.
    """
    text = _UNSTORABLE.sub(" ", text).strip()
    if len(text) <= limit:
        return text
    end = limit = max(limit, 0)
    while end and _belong_together(text[end - 1], text[end]):
        end -= 1
    head = text[: end if end > limit // 2 else limit].rstrip()
    words = head.rsplit(None, 1)[0].rstrip() if " " in head else head
    return words if len(words) > limit // 2 else head


def _belong_together(left: str, right: str) -> bool:
    """Return whether a cut would separate a letter from its marks, or the parts of an emoji."""
    marked = unicodedata.category(right)[0] == "M" or right in _SKIN_TONES
    return marked or _JOINER in (left, right)


def clean_line(text: str, limit: int) -> str:
    """Return `clean(text)` on one line: rules, titles and keys hold no line breaks."""
    return " ".join(clean(text, limit).split())


def normalise_attribute(text: str) -> str | None:
    """Return the attribute as a short lower-case noun phrase, or None where it is not one.

    A client's text reaches a router through its attributes, so sentences, links and instructions
    do not pass: at most five words and 48 characters, no link, and no word of an instruction.
    """
    text = unicodedata.normalize("NFKC", clean_line(text, KEY_LENGTH))
    text = unicodedata.normalize("NFKC", text.lower())  # the dot of a Turkish İ comes off
    if _LINK.search(text):
        return None
    # Words hold letters, digits, joints and marks (Hindi, Thai).
    parts = "".join(
        c if c.isalnum() or c in _JOINTS or unicodedata.category(c)[0] == "M" else " " for c in text
    ).split()
    words = [word for part in parts if any(map(str.isalnum, word := part.strip(_JOINTS)))]
    phrase = " ".join(words)
    if not words or len(words) > ATTRIBUTE_WORDS or len(phrase) > ATTRIBUTE_LENGTH:
        return None
    return None if _ORDERS.intersection(words) else phrase


def filled(text: str) -> str:
    """Return a text; a ValueError where nothing is left of it once it is clean."""
    if not text:
        raise ValueError("the text is empty")
    return text


def _some(rules: list[str]) -> list[str]:
    if not rules:
        raise ValueError("there is no rule left")
    return rules


def _attributes(phrases: list[str]) -> list[str]:
    return list(dict.fromkeys(p for p in map(normalise_attribute, phrases) if p))


def _rules(rules: list[str]) -> list[str]:
    lines = (clean_line(rule, RULE_LENGTH) for rule in rules)
    return list(dict.fromkeys(line for line in lines if line))[:RULES_HELD]


ProfileText = Annotated[str, AfterValidator(partial(clean, limit=PROFILE_LENGTH))]
MessageText = Annotated[str, AfterValidator(partial(clean, limit=MESSAGE_LENGTH))]
WrittenProfile = Annotated[ProfileText, AfterValidator(filled)]
WrittenMessage = Annotated[MessageText, AfterValidator(filled)]
"""What a model writes; never empty, because an empty text has no embedding."""
SuggestionText = Annotated[str, AfterValidator(partial(clean, limit=SUGGESTION_LENGTH))]
ReasonText = Annotated[str, AfterValidator(partial(clean, limit=REASON_LENGTH))]
TitleText = Annotated[str, AfterValidator(partial(clean_line, limit=TITLE_LENGTH))]
Key = Annotated[
    str,
    BeforeValidator(lambda v: clean_line(v, KEY_LENGTH) if isinstance(v, str) else v),
    Field(min_length=1),
]
Attributes = Annotated[list[str], AfterValidator(_attributes)]
Rules = Annotated[list[str], AfterValidator(_rules), AfterValidator(_some)]
"""The rules of one filter memory (`F_c`): one line each, bounded in number."""


class Frozen(BaseModel):
    """A record: immutable, compared by value, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClientKind(StrEnum):
    """What a client agent `c` stands for."""

    USER = "user"
    ITEM = "item"


class ModuleKind(StrEnum):
    """What an optimizer may rewrite."""

    USER_PROFILE = "user_profile"
    ITEM_PROFILE = "item_profile"
    FILTER_MEMORY = "filter_memory"
    ROUTER = "router"

    @classmethod
    def profile_of(cls, kind: ClientKind) -> "ModuleKind":
        """Return the kind of the profile module of a client of `kind`."""
        return cls.USER_PROFILE if kind is ClientKind.USER else cls.ITEM_PROFILE


class Module(Frozen):
    """One module of a network: a profile or filter memory of a client, or a router."""

    kind: ModuleKind
    owner: int
    """The client's id, or the router's, inside the network."""

    @classmethod
    def router(cls, router: int) -> "Module":
        """Return a router as a module."""
        return cls(kind=ModuleKind.ROUTER, owner=router)

    def __str__(self) -> str:
        return f"{self.kind}:{self.owner}"


class Message(Frozen):
    """What was sent to a client, with its origin."""

    id: int
    sender: Module
    """A router, or the profile of a client that sends its own messages."""
    version: int
    """The sender's version when the message was sent."""
    body: str


class FilterDecision(Frozen):
    """Whether reception accepted one message into the profile, or a rule kept it out (§2.3.2)."""

    message: int
    sender: Module
    version: int
    accepted: bool
    rule: str = ""
    reason: str = ""


class Client(Frozen):
    """A client as one step reads it: its texts with the versions they were read at."""

    id: int
    kind: ClientKind
    key: str
    title: str = ""
    profile: str
    profile_version: int
    profile_pinned: bool = False
    rules: tuple[str, ...]
    filter_version: int
    filter_pinned: bool = False
    """A pinned text stays as it is until a person unpins it."""
    messages: tuple[Message, ...] = ()
    """`B_c`, newest first."""
    merged_on_delivery: tuple[Message, ...] = ()
    """Messages that a router update merged and that belong to no interaction yet."""
    filter_decisions: tuple[FilterDecision, ...] = ()
    """The filter decisions on those."""

    @property
    def profile_module(self) -> Module:
        """The client's profile as a module."""
        return Module(kind=ModuleKind.profile_of(self.kind), owner=self.id)

    @property
    def filter_module(self) -> Module:
        """The client's filter memory as a module."""
        return Module(kind=ModuleKind.FILTER_MEMORY, owner=self.id)


class Reception(Frozen):
    """`P_c^pro`: a client's profile after its messages were merged through its filter memory."""

    client: int
    profile: str
    """The propagated profile; the stored one where the client had no messages."""
    filter_decisions: tuple[FilterDecision, ...] = ()


GradientStatus = Literal["not involved", "pending", "applied", "rejected"]


class Gradient(Frozen):
    """A textual gradient: the credit of one module for one prediction (Eq. 8), and its fate."""

    interaction: str
    module: Module
    version: int
    """The version of the module that took part."""
    reward: int
    """`L` (Eq. 7): 1 where the prediction was right, else 0."""
    suggestion: str = ""
    """`∂L_M/∂M`: what to change or to keep; empty where the module was not involved."""
    status: GradientStatus = "pending"
    """Pending until its optimizer has read it; a router's waits for the next router update."""
    rejected_because: str = ""
    applied_to: int | None = None
    """The owner of the module that answered for it: its own, or the heir of a retired router."""
    applied_version: int | None = None
    """The version it helped to make; None where the text was kept."""


EMBEDDING = "embed"
"""The name under which usage counts requests to an encoder; other names are prompts."""

CallOutcome = Literal["ok", "bad_reply", "failed"]
Fault = Literal[
    "busy", "server_error", "timeout", "dropped", "unreachable", "unsupported", "refused",
    "filtered", "empty", "truncated", "invalid_json", "wrong_shape", "unknown_item",
    "unknown_module", "unfit",
]  # fmt: skip
"""What was wrong with one reply. The first five are transient failures of an endpoint: 429, 5xx, no
answer in time, a lost connection, none at all. `unsupported`: it takes no such means of structured
output. `filtered`: its content filter cut the reply. `unfit`: of the right shape, but not what was
asked for."""


class Call(Frozen):
    """The usage of one call of a prompt, over all of its requests."""

    prompt: str
    model: str
    attempts: int
    """Requests sent; 0 where the reply came from the cache."""
    cached: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    """In the unit of the model's price; None where none is set."""
    seconds: float = 0.0
    """Time of the requests, without waits for a call slot or between attempts."""
    outcome: CallOutcome
    faults: dict[Fault, int] = Field(default_factory=dict)
    """Number of faults by kind, also where the next reply was good."""
    thoughts: str = ""
    """What a reasoning model wrote before the replies; shown in the trace only."""
