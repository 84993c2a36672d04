"""Tau: the quantile that lets the wanted number of pairs pass."""

import numpy as np
import pytest

from nodes.bootstrap import quantile_tau


@pytest.mark.parametrize(
    ("cosines", "clients", "hears_from", "tau"),
    [
        ([0.1, 0.9, 0.5, 0.3], 1, 2.0, 0.4),  # halfway between the second and the third
        ([0.1, 0.9, 0.5, 0.3], 3, 1.0, 0.2),
        ([0.1, 0.9, 0.5, 0.3], 2, 0.5, 0.7),
        ([0.1, 0.9, 0.5, 0.3], 2, 2.0, -1.0),  # as many as there are: all pass
        ([0.1, 0.9, 0.5, 0.3], 9, 2.0, -1.0),
        ([0.1, 0.9], 4, 0.1, 0.9),  # less than half a pair: none passes, for Eq. 4 asks for more
        ([], 4, 2.0, -1.0),
        ([], 0, 2.0, -1.0),
        ([0.5, 0.5, 0.5], 1, 2.0, 0.5),  # a tie: none passes
    ],
)
def test_tau_lets_as_many_pairs_pass_as_are_wanted(
    cosines: list[float], clients: int, hears_from: float, tau: float
) -> None:
    found = quantile_tau(np.asarray(cosines, dtype=np.float32), clients, hears_from)
    assert found == pytest.approx(tau, abs=2e-6)
    passing = sum(cosine > found for cosine in cosines)
    assert passing <= round(hears_from * clients)
