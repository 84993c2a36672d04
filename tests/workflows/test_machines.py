"""One network on every machine: the order in which a processor sums numbers decides nothing."""

import os
import subprocess
import sys

import pytest

from nodes.resources import Resources

OLD = {
    "OPENBLAS_CORETYPE": "Prescott",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
}
"""The sums of numpy, SciPy and the C library as on a processor of 2004 with one core."""


@pytest.mark.slow
def test_another_processor_learns_the_same_network(resources: Resources) -> None:
    here = learn(resources.url, {})
    assert len(here) == 64
    assert learn(resources.url, OLD) == here


def learn(url: str, processor: dict[str, str]) -> str:
    """Return the digest that a process of its own comes to."""
    command = [sys.executable, "-m", "tests.support.learn_and_digest"]
    env = {**os.environ, "RECNET_DATABASE_URL": url, **processor}
    return subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - ours
