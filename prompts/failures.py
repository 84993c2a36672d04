"""What an endpoint's failure means: worth another try, or one line on what to set."""

import re
from collections.abc import Callable

import httpx
import openai
from langchain_core.exceptions import ContextOverflowError
from langchain_core.exceptions import ModelError as ProviderError
from pydantic import SecretStr
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from prompts.errors import ModelError
from state.domain import clean_line

LONGEST_WAIT = 60.0
"""Seconds; no pause between two tries is longer, whatever the endpoint asks for."""

_BUSY = frozenset({408, 409, 425, 429})
_NO_CREDIT = "insufficient_quota"
_TOO_LONG = "context_length_exceeded"
_DETAIL_LENGTH = 300
_SECRET = re.compile(r"\b(?:[spr]k[-_]|bearer\s+)[\w*.-]{6,}", re.IGNORECASE)
_REFUSED = "the endpoint refused the key ({status}); set {key}"
_BY_STATUS = {
    401: _REFUSED,
    403: _REFUSED,
    404: "not found (404: {detail}); set {setting}, or the address in OPENAI_BASE_URL",
    429: "too many requests (429), also after waiting; set RECNET_CALLS_IN_FLIGHT lower",
}
_BY_CLASS = {
    3: "what answers is no model endpoint ({status}: {detail}); check OPENAI_BASE_URL",
    4: "the endpoint refused the request ({status}: {detail}); set another {setting}",
    5: "the endpoint keeps failing ({status}: {detail}); try again later",
}
_FAILURES = (openai.OpenAIError, ProviderError, httpx.HTTPError, TimeoutError, ConnectionError)


def is_failure(error: BaseException) -> bool:
    """Return whether `error` came from an endpoint; anything else is a bug and must show as one."""
    return isinstance(error, _FAILURES) or _status(error) is not None


def is_transient(error: BaseException) -> bool:
    """Return whether the same request may succeed later."""
    if _code(error) == _NO_CREDIT:
        return False
    if (status := _status(error)) is not None:
        return status in _BUSY or status >= 500
    if isinstance(error, ProviderError):
        return error.is_retryable
    lost = (openai.APIConnectionError, httpx.TransportError, TimeoutError, ConnectionError)
    return isinstance(error, lost)


def retrying(tries: int, wait: float) -> AsyncRetrying:
    """Return the one policy of retries: transient failures, at most `tries` requests in all.

    `wait` is the first pause in seconds; it doubles, with up to `wait` of jitter, unless the
    endpoint asks for more (`Retry-After`). The last failure is raised as it is.
    """
    return AsyncRetrying(
        stop=stop_after_attempt(tries),
        wait=_pause(wait),
        retry=retry_if_exception(is_transient),
        reraise=True,
    )


def explain(error: BaseException, who: str, used: object, setting: str) -> ModelError:
    """Return one line on why `who` failed and what to set, without any key.

    `used` is the model or the embeddings object: it names its key's variable and holds the key
    that must not be shown. `setting` is the variable that chose it.
    """
    named = getattr(used, "lc_secrets", {}).values() or [name.upper() for name in _secrets(used)]
    cause = _cause(error).format(
        key=" or ".join(sorted(named)) or "the provider's key",
        setting=setting,
        status=_status(error),
        detail=_detail(error, used),
    )
    return ModelError(f"{who}: {cause}", transient=is_transient(error))


def without_secrets(text: str, used: object) -> str:
    """Return `text` on one bounded line, with the keys that `used` holds masked."""
    for secret in filter(None, _secrets(used).values()):
        text = text.replace(secret, "***")
    return clean_line(_SECRET.sub("***", text), _DETAIL_LENGTH)


def _secrets(used: object) -> dict[str, str]:
    fields = getattr(used, "__dict__", {})
    return {n: v.get_secret_value() for n, v in fields.items() if isinstance(v, SecretStr)}


def _cause(error: BaseException) -> str:
    status = _status(error)
    if isinstance(error, ContextOverflowError) or _code(error) == _TOO_LONG:
        return "the prompt is longer than the model reads; set {setting} to one that reads more"
    if _code(error) == _NO_CREDIT:
        return "the account behind {key} has no credit left (429)"
    if status is not None:
        return _BY_STATUS.get(status) or _BY_CLASS[min(max(status // 100, 3), 5)]
    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException | TimeoutError):
        return "no answer in time; set RECNET_TIMEOUT higher, or try again later"
    if is_transient(error):
        return "the endpoint cannot be reached; check the network and OPENAI_BASE_URL"
    return "unusable ({detail}); check {setting} and OPENAI_BASE_URL"


def _status(error: BaseException) -> int | None:
    """Return the HTTP status behind an error of any provider's library."""
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int):
            return status
    return None


def _code(error: BaseException) -> object:
    return getattr(error, "code", None)


def _detail(error: BaseException, used: object) -> str:
    body = getattr(error, "body", None)
    said = body.get("message") if isinstance(body, dict) else None
    return without_secrets(str(said or error), used)


def _pause(base: float) -> Callable[[RetryCallState], float]:
    backoff = wait_exponential_jitter(multiplier=base, max=LONGEST_WAIT, jitter=base)

    def pause(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return max(backoff(state), min(_asked_for(error), LONGEST_WAIT))

    return pause


def _asked_for(error: BaseException | None) -> float:
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        return float(headers.get("retry-after", 0))
    except ValueError:  # a date: rare, and the backoff does as well
        return 0.0
