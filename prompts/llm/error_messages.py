"""An endpoint's failure as one line that says what to set, with every key masked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from langchain_core.exceptions import ContextOverflowError
from pydantic import SecretStr

from prompts.llm.errors import ModelError, ReplyError
from prompts.llm.retries import NO_CREDIT, code_of, fault_of, status_of
from state.domain import clean_line

SHORTEST_KEY = 8
"""Characters; a shorter text is not masked, as it is no key."""

_DETAIL_LENGTH = 300
_SECRET = re.compile(r"\b(?:[spr]k[-_]|bearer\s+)[\w*.-]{6,}", re.IGNORECASE)
_REFUSED_KEY = "the endpoint refused the key ({status}); set {key}"
_CAUSES: Mapping[int | str | None, str] = {
    "too_long": "the prompt is longer than the model reads; set {setting} to one that reads more",
    "no_credit": "the account behind {key} has no credit left (429)",
    "temperature": "the model refuses the temperature ({detail}); RECNET_TEMPERATURE=default sends "
    "none",
    "unreachable": "the endpoint cannot be reached; check the network and {address}",
    "timeout": "no answer in time; set RECNET_TIMEOUT higher, or try again later",
    "dropped": "the endpoint drops the connection; check {address}, or try again later",
    "busy": "too many requests ({status}), also after waiting; set RECNET_MAX_CONCURRENT_CALLS or "
    "RECNET_REQUESTS_PER_MINUTE lower",
    "server_error": "the endpoint keeps failing ({detail}); try again later",
    401: _REFUSED_KEY,
    403: _REFUSED_KEY,
    404: "not found ({detail}); set {setting}, or the address in {address}",
    None: "the endpoint cannot be used ({detail}); check {setting} and {address}",
}
"""By what is known of the failure, or by the HTTP status."""


@dataclass(frozen=True, slots=True)
class SettingNames:
    """The variables that an endpoint's errors name."""

    setting: str = "RECNET_MODEL"
    address: str = "OPENAI_BASE_URL"
    key: str = ""
    """Empty where the provider's own library knows it."""


def call_error(
    error: BaseException, prompt: str, name: str, used: object, names: SettingNames
) -> ReplyError | ModelError:
    """Return what to raise once the endpoint `name` has failed for good.

    A transient failure only loses this reply, unless the endpoint cannot be reached: then it would
    lose the next one too. `used` is the model or the embeddings object, which holds the key.
    """
    known = getattr(used, "lc_secrets", {}).values() or [n.upper() for n in _secrets(used)]
    status, detail = status_of(error), error_detail(error, used)
    cause = _cause(error).format(
        key=names.key or " or ".join(sorted(known)) or "the provider's key",
        setting=names.setting,
        address=names.address,
        status=status,
        detail=f"{status}: {detail}" if status else detail,
    )
    fault = fault_of(error)
    if fault in (None, "unreachable"):
        return ModelError(f"{name}: {cause}", transient=fault is not None)
    return ReplyError(prompt, f"{name}: {cause}")


def error_detail(error: BaseException, used: object) -> str:
    """Return an endpoint's own message, on one bounded line without the keys of `used`."""
    said = getattr(error, "body", None)
    if isinstance(said, dict):
        said = said.get("message") or said.get("detail")
    return without_secrets(str(said or error), used)


def without_secrets(text: str, used: object) -> str:
    """Return `text` on one bounded line, with the keys that `used` holds masked."""
    return clean_line(_SECRET.sub("***", mask(text, used)), _DETAIL_LENGTH)


def mask(text: str, used: object) -> str:
    """Return `text` with the keys that `used` holds masked."""
    for secret in _secrets(used).values():
        if len(secret) >= SHORTEST_KEY:
            text = text.replace(secret, "***")
    return text


def _secrets(used: object) -> dict[str, str]:
    fields = getattr(used, "__dict__", {})
    return {n: v.get_secret_value() for n, v in fields.items() if isinstance(v, SecretStr)}


def _cause(error: BaseException) -> str:
    status, code = status_of(error), code_of(error)
    kind: int | str | None = fault_of(error) or status
    if isinstance(error, ContextOverflowError) or code == "context_length_exceeded":
        kind = "too_long"
    elif code == NO_CREDIT:
        kind = "no_credit"
    elif status == 400 and "temperature" in str(error).lower():
        kind = "temperature"
    return _CAUSES.get(kind, _CAUSES[None])
