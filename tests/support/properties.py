"""How a property is tested: on a thousand examples, the same ones each time."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

T = TypeVar("T", bound=Callable[..., object])

_THOUSAND = settings(
    max_examples=1_000,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def thousand(test: T) -> T:
    """Let a `@given` test run on a thousand examples, among the long tests."""
    marked: T = pytest.mark.long(_THOUSAND(test))
    return marked
