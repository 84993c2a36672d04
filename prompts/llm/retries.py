"""What an endpoint's failure means: worth another try, or one line on what to set."""

import logging
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
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

from prompts.llm.errors import ModelError, ReplyError
from state.domain import Fault, clean_line

_log = logging.getLogger(__name__)

LONGEST_WAIT = 60.0
"""Seconds; no pause between two tries is longer, whatever the endpoint asks for."""

_BUSY = frozenset({408, 409, 425, 429})
_NOT_IMPLEMENTED = 501
_NO_CREDIT = "insufficient_quota"
_TOO_LONG = "context_length_exceeded"
_DETAIL_LENGTH = 300
SHORTEST_KEY = 8
_SECRET = re.compile(r"\b(?:[spr]k[-_]|bearer\s+)[\w*.-]{6,}", re.IGNORECASE)
_REFUSED = "the endpoint refused the key ({status}); set {key}"
_BY_STATUS = {
    401: _REFUSED,
    403: _REFUSED,
    404: "not found (404: {detail}); set {setting}, or the address in {address}",
    429: "too many requests (429), also after waiting; set RECNET_CALLS_IN_FLIGHT or "
    "RECNET_REQUESTS_PER_MINUTE lower",
}
_BY_CLASS = {
    3: "what answers is no model endpoint ({status}: {detail}); check {address}",
    4: "the endpoint refused the request ({status}: {detail}); set another {setting}",
    5: "the endpoint keeps failing ({status}: {detail}); try again later",
}
_UNREACHED = frozenset({"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "gaierror"})
"""By name: the providers' libraries stand on several HTTP clients."""
_NO_ADDRESS = frozenset({"UnsupportedProtocol", "InvalidURL"})
_TIMEOUTS = (httpx.TimeoutException, TimeoutError)
_LOST = (httpx.TransportError, TimeoutError, ConnectionError)
_FAILURES = (ProviderError, httpx.HTTPError, TimeoutError, ConnectionError)


def of_openai(*names: str) -> tuple[type[Exception], ...]:
    """Return classes of the openai library's errors: none where nobody has imported it.

    It takes a second to import, which commands that ask no endpoint are spared.
    """
    library = sys.modules.get("openai")
    return tuple(getattr(library, name) for name in names) if library else ()


def of_loading() -> tuple[type[Exception], ...]:
    """Return what is raised where a model or an encoder cannot be made as it is named."""
    return (ValueError, TypeError, ImportError, *of_openai("OpenAIError"))


def is_failure(error: BaseException) -> bool:
    """Return whether `error` came from an endpoint; anything else is a bug and must show as one."""
    return isinstance(error, (*_FAILURES, *of_openai("OpenAIError"))) or _status(error) is not None


def is_transient(error: BaseException) -> bool:
    """Return whether the same request may succeed later."""
    if _code(error) == _NO_CREDIT:
        return False
    if (status := _status(error)) is not None:
        return status in _BUSY or (status >= 500 and status != _NOT_IMPLEMENTED)
    if _NO_ADDRESS & {type(cause).__name__ for cause in _chain(error)}:
        return False
    if isinstance(error, ProviderError):
        return error.is_retryable
    return isinstance(error, (*_LOST, *of_openai("APIConnectionError")))


def is_unreachable(error: BaseException) -> bool:
    """Return whether nothing took the connection: the address is wrong, or nobody is there."""
    return bool(_UNREACHED & {type(cause).__name__ for cause in _chain(error)})


def fault_of(error: BaseException) -> Fault | None:
    """Return what kind of transient failure this was, None for one that lasts."""
    if not is_transient(error):
        return None
    if (status := _status(error)) is not None:
        return "busy" if status in _BUSY else "server_error"
    if is_unreachable(error):
        return "unreachable"
    late = isinstance(error, (*_TIMEOUTS, *of_openai("APITimeoutError")))
    return "timeout" if late else "dropped"


def what_was_said(error: BaseException, used: object) -> tuple[str, int | None]:
    """Return an endpoint's message, on one bounded line without `used`'s key, and its status."""
    return _detail(error, used), _status(error)


def retrying(who: str, tries: int, wait: float) -> AsyncRetrying:
    """Return the one policy of retries: transient failures, at most `tries` requests in all.

    `wait` is the first pause in seconds; it doubles, with up to `wait` of jitter, unless the
    endpoint asks for more (`Retry-After`). The last failure is raised as it is. `who` is named in
    the log.
    """

    def tell(state: RetryCallState) -> None:
        error = _raised(state)
        unreachable = error is not None and is_unreachable(error)
        _log.log(
            logging.WARNING if unreachable else logging.INFO,
            "%s: %s; trying again in %.1f s",
            who,
            "the endpoint cannot be reached" if unreachable else error and fault_of(error),
            state.upcoming_sleep,
        )

    return AsyncRetrying(
        stop=stop_after_attempt(tries),
        wait=_pause(wait),
        retry=retry_if_exception(is_transient),
        before_sleep=tell,
        reraise=True,
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an endpoint's settings come from: the variables that its errors name."""

    setting: str = "RECNET_MODEL"
    address: str = "OPENAI_BASE_URL"
    key: str = ""
    """Empty where the provider's own library knows it."""


def explain(error: BaseException, who: str, used: object, origin: Origin) -> ModelError:
    """Return one line on why `who` failed and what to set, without any key.

    `used` is the model or the embeddings object: it names its key's variable and holds the key
    that must not be shown.
    """
    named = getattr(used, "lc_secrets", {}).values() or [name.upper() for name in _secrets(used)]
    cause = _cause(error).format(
        key=origin.key or " or ".join(sorted(named)) or "the provider's key",
        setting=origin.setting,
        address=origin.address,
        status=_status(error),
        detail=_detail(error, used),
    )
    return ModelError(f"{who}: {cause}", transient=is_transient(error))


def fatal(
    error: BaseException, prompt: str, who: str, used: object, origin: Origin
) -> ReplyError | ModelError:
    """Return what to raise once nothing more is tried: what may pass is no more than a lost reply.

    An endpoint that cannot be reached is: it would lose the next one too.
    """
    explained = explain(error, who, used, origin)
    if explained.transient and not is_unreachable(error):
        return ReplyError(prompt, str(explained))
    return explained


def without_secrets(text: str, used: object) -> str:
    """Return `text` on one bounded line, with the keys that `used` holds masked."""
    return clean_line(_SECRET.sub("***", mask(text, used)), _DETAIL_LENGTH)


def mask(text: str, used: object) -> str:
    """Return `text` with the keys that `used` holds masked; a few letters are no key."""
    for secret in _secrets(used).values():
        if len(secret) >= SHORTEST_KEY:
            text = text.replace(secret, "***")
    return text


def _secrets(used: object) -> dict[str, str]:
    fields = getattr(used, "__dict__", {})
    return {n: v.get_secret_value() for n, v in fields.items() if isinstance(v, SecretStr)}


def _cause(error: BaseException) -> str:
    for holds, cause in _CAUSES:
        if holds(error):
            return cause
    if (status := _status(error)) is not None:
        return _BY_STATUS.get(status) or _BY_CLASS[min(max(status // 100, 3), 5)]
    return "unusable ({detail}); check {setting} and {address}"


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
    said = getattr(error, "body", None)
    if isinstance(said, dict):
        said = said.get("message") or said.get("detail")
    return without_secrets(str(said or error), used)


def _pause(base: float) -> Callable[[RetryCallState], float]:
    backoff = wait_exponential_jitter(multiplier=base, max=LONGEST_WAIT, jitter=base)

    def pause(state: RetryCallState) -> float:
        return max(backoff(state), min(_asked_for(_raised(state)), LONGEST_WAIT))

    return pause


def _asked_for(error: BaseException | None) -> float:
    """Return the seconds of a `Retry-After`, which may be a date."""
    asked = getattr(getattr(error, "response", None), "headers", {}).get("retry-after", "")
    try:
        return float(asked)
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(asked)
    except ValueError:
        return 0.0
    return (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


def _raised(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what caused it: the libraries wrap each other's."""
    while error is not None:
        yield error
        error = error.__cause__


def _is_too_long(error: BaseException) -> bool:
    return isinstance(error, ContextOverflowError) or _code(error) == _TOO_LONG


def _is_about_temperature(error: BaseException) -> bool:
    return _status(error) == 400 and "temperature" in str(error).lower()


_CAUSES: tuple[tuple[Callable[[BaseException], bool], str], ...] = (
    (
        _is_too_long,
        "the prompt is longer than the model reads; set {setting} to one that reads more",
    ),
    (
        lambda error: _code(error) == _NO_CREDIT,
        "the account behind {key} has no credit left (429)",
    ),
    (
        _is_about_temperature,
        "the model refuses the temperature ({detail}); RECNET_TEMPERATURE=default sends none",
    ),
    (is_unreachable, "the endpoint cannot be reached; check the network and {address}"),
    (
        lambda error: fault_of(error) == "timeout",
        "no answer in time; set RECNET_TIMEOUT higher, or try again later",
    ),
    (
        lambda error: fault_of(error) == "dropped",
        "the endpoint drops the connection; check {address}, or try again later",
    ),
)
"""The first that holds is told; else the HTTP status says what."""
