"""Vectors as numpy arrays and as the database hands them out, and how near they are."""

import numpy as np
import pgvector
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""One unit vector (d,), or rows of them (n, d)."""


def as_array(stored: pgvector.Vector) -> Vector:
    """Return a stored vector as an array."""
    return np.asarray(stored.to_numpy(), dtype=np.float32)


def cosines(rows: NDArray[np.floating], vector: NDArray[np.floating]) -> Vector:
    """Return the cosines (n,) of unit rows (n, d) with a unit vector (d,).

    Summed in double precision and then rounded: processors sum in different orders, and in single
    precision the last bits would decide between vectors that are equally near.
    """
    exact = np.asarray(rows, dtype=np.float64) @ np.asarray(vector, dtype=np.float64)
    return np.asarray(exact, dtype=np.float32)
