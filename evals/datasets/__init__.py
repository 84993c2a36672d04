"""Data sets: the `DatasetReader` protocol, one file a format, and the registry of readers.

To add a format of files: write `evals/datasets/<format>.py` with a subclass of
`assembly.FileReader` whose `find` returns the tables of events and of items (`tables.delimited`,
`tables.json_objects`), and add an instance to `registry.READERS`. `recnet load`, `recnet dataset
stats` and the paper's tables then read it. `assembly.assemble` does the rest: it collects the
events (`events.py`), cleans titles (`text.py`), takes what the options ask for (`choices.py`) and
splits (`splits.py`). `stats.py` describes a data set in numbers. A format that has no files, as
planted worlds, has the members of `reader.DatasetReader` itself.
"""

from evals.datasets.reader import ReadOptions
from evals.datasets.registry import SAMPLE, read_dataset

__all__ = ["SAMPLE", "ReadOptions", "read_dataset"]
