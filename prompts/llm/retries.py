"""Retries: which failures of an endpoint are transient, how often and when a request is repeated.

Providers' libraries use several HTTP libraries, and importing them takes seconds, so their errors
are recognised by the names of their classes. Bad replies are asked again in `client.py`.
"""

import logging
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from langchain_core.exceptions import ModelError as ProviderError
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from state.domain import Fault

_log = logging.getLogger(__name__)

LONGEST_WAIT = 60.0
"""Seconds; no pause between two requests is longer, whatever the endpoint asks for."""
NO_CREDIT = "insufficient_quota"

_BUSY = frozenset({408, 409, 425, 429})
_NOT_IMPLEMENTED = 501
_UNREACHABLE = frozenset({"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "gaierror"})
_NO_ADDRESS = frozenset({"UnsupportedProtocol", "InvalidURL"})
_TIMEOUTS = frozenset({"TimeoutException", "TimeoutError", "APITimeoutError"})
_LOST = frozenset({"TransportError", "TimeoutError", "ConnectionError", "APIConnectionError"})
_FAILURES = frozenset({"OpenAIError", "HTTPError", "TimeoutError", "ConnectionError"})


def is_failure(error: BaseException) -> bool:
    """Return whether `error` came from an endpoint; anything else is a bug and must show as one."""
    known = isinstance(error, ProviderError) or _FAILURES & class_names(error)
    return bool(known) or status_of(error) is not None


def fault_of(error: BaseException) -> Fault | None:
    """Return the kind of a transient failure, None for one that lasts.

    `unreachable`: nothing took the connection, as the address is wrong or nobody is there.
    """
    chain = _names_in_chain(error)
    if code_of(error) == NO_CREDIT or _NO_ADDRESS & chain:
        return None
    if (status := status_of(error)) is not None:
        if status in _BUSY:
            return "busy"
        return "server_error" if status >= 500 and status != _NOT_IMPLEMENTED else None
    names = class_names(error)
    if not (error.is_retryable if isinstance(error, ProviderError) else _LOST & names):
        return None
    if _UNREACHABLE & chain:
        return "unreachable"
    return "timeout" if _TIMEOUTS & names else "dropped"


def retry_policy(name: str, attempts: int, wait: float) -> AsyncRetrying:
    """Return the one policy of retries: transient failures, at most `attempts` requests in all.

    The first pause of `wait` seconds doubles, with up to `wait` of jitter, unless the endpoint asks
    for more (`Retry-After`). The last failure is raised as it is. The log names the endpoint.
    """
    backoff = wait_exponential_jitter(multiplier=wait, max=LONGEST_WAIT, jitter=wait)

    def pause(state: RetryCallState) -> float:
        return max(backoff(state), min(_retry_after(_raised(state)), LONGEST_WAIT))

    def log(state: RetryCallState) -> None:
        error = _raised(state)
        fault = fault_of(error) if error else None
        level = logging.WARNING if fault == "unreachable" else logging.INFO
        _log.log(level, "%s: %s; trying again in %.1f s", name, fault, state.upcoming_sleep)

    return AsyncRetrying(
        stop=stop_after_attempt(attempts),
        wait=pause,
        retry=retry_if_exception(lambda error: fault_of(error) is not None),
        before_sleep=log,
        reraise=True,
    )


def class_names(error: BaseException) -> set[str]:
    """Return the names of an error's class and of all its bases."""
    return {kind.__name__ for kind in type(error).__mro__}


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status behind an error of any provider's library."""
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int):
            return status
    return None


def code_of(error: BaseException) -> object:
    """Return the provider's own code for an error, such as `insufficient_quota`."""
    return getattr(error, "code", None)


def _names_in_chain(error: BaseException | None) -> set[str]:
    """Return the class names of an error and of its causes: the libraries wrap each other's."""
    names: set[str] = set()
    while error is not None:
        names |= class_names(error)
        error = error.__cause__
    return names


def _retry_after(error: BaseException | None) -> float:
    """Return the seconds of a `Retry-After` header, which may be a date."""
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
