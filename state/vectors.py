"""Vectors as numpy arrays and as the database hands them out."""

import numpy as np
import pgvector
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""One unit vector (d,), or rows of them (n, d)."""


def as_array(stored: pgvector.Vector) -> Vector:
    """Return a stored vector as an array."""
    return np.asarray(stored.to_numpy(), dtype=np.float32)
