"""Data sets: the `DatasetReader` protocol, one file a format, and the registry of readers.

To add a format: write `evals/datasets/<format>.py` with a class that has the members of
`reader.DatasetReader`, and add an instance to `registry.READERS`. `recnet load`, `recnet dataset
stats` and the paper's tables then read it. Every reader makes the same `state.dataset.Dataset`;
`splits.py` has what assigns events to splits, `stats.py` describes a data set in numbers.
"""

from evals.datasets.reader import ReadOptions
from evals.datasets.registry import SAMPLE, read_dataset

__all__ = ["SAMPLE", "ReadOptions", "read_dataset"]
