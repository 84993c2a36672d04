"""Data sets in RecBole's atomic files.

An atomic file is separated text whose first line names its columns as `name:type`
(https://recbole.io/docs/user_guide/data/atomic_files.html). Two forms are read. Plain: `X.inter`
with one event a line. Split: `X.train.inter`, `X.valid.inter` and `X.test.inter` with a user's
history and the item that followed (AgentCF's samples). The catalogue is `X.item`, or the only
`.item` file. Columns besides those of `tables.Role` are ignored: totals, reviews and also-bought
lists are from after the event.
"""

import re
from dataclasses import replace

from evals.datasets.assembly import FileReader, Found
from evals.datasets.events import Events
from evals.datasets.files import Place, Source
from evals.datasets.histories import read_histories
from evals.datasets.reader import DataError, Extent, ReadOptions
from evals.datasets.splits import SplitStrategy
from evals.datasets.tables import DataTable, delimited
from state.dataset import Split

_PARTS = (Split.TRAIN, Split.VALID, Split.TEST)


class RecBoleReader(FileReader):
    """Reads a folder with one data set in atomic files, or the `.inter` file that a path names.

    Items without events stay in the catalogue if it is named as the events are.
    """

    name = "recbole"
    accepts = "X.inter, or X.train.inter, X.valid.inter and X.test.inter, with X.item"

    def find(self, source: Source, options: ReadOptions) -> Found | None:
        """Return the events and the catalogue; None where there is no .inter or .item file."""
        if not source.ending(".inter") and (source.chosen or not source.ending(".item")):
            return None
        stem = _stem(source)
        item = None if options.items else _catalogue(source, stem)
        parts = {part: f"{stem}.{part}.inter" for part in _PARTS}
        missing = [file for file in parts.values() if file not in source.files]
        plain = source.files.get(f"{stem}.inter")
        if plain and len(missing) < len(parts):
            raise DataError(
                f"{source.name}: both {plain.name} and split .inter files; keep one form"
            )
        if plain is None and missing:
            raise DataError(f"{source.name}: neither {stem}.inter nor {', '.join(missing)}")
        if plain is None and options.split is SplitStrategy.TIME:
            raise DataError(
                f"{source.name}: histories split over files have no times; a split in time needs "
                f"{stem}.inter with a column such as timestamp:float"
            )
        events: DataTable | Events
        if plain:
            events = _atomic(plain, options)
        else:
            tables = {part: _atomic(source.files[name], options) for part, name in parts.items()}
            events = read_histories(tables)
        same = item is not None and item.name == f"{stem}.item"
        return Found(
            name=stem,
            events=events,
            items=_atomic(item, options) if item else None,
            catalogue=Extent.WHOLE if same else Extent.USED,
        )


def _atomic(path: Place, options: ReadOptions) -> DataTable:
    """Return an atomic file as a table whose columns are named without their types."""
    table = delimited(path, quoting=False, encoding=options.encoding)
    names = tuple(column.partition(":")[0] for column in table.columns)
    written = dict(zip(reversed(names), reversed(table.columns), strict=True))
    return replace(
        table, columns=names, select=lambda wanted: table.select([written[n] for n in wanted])
    )


def _stem(source: Source) -> str:
    """Return what the names of the `.inter` files begin with."""
    names = [path.name.removesuffix(".inter") for path in source.ending(".inter")]
    stems = list(dict.fromkeys(re.sub(r"\.(train|valid|test)$", "", name) for name in names))
    if len(stems) > 1:
        raise DataError(
            f"{source.name}: several data sets, {', '.join(stems)}; give the path of an .inter file"
        )
    return stems[0] if stems else source.ending(".item")[0].name.removesuffix(".item")


def _catalogue(source: Source, stem: str) -> Place:
    """Return the `.item` file that belongs to `stem`: of that name, or the only one."""
    every = replace(source, chosen=None).ending(".item")
    own = [path for path in every if path.name == f"{stem}.item"]
    begun = [path for path in every if stem.startswith(path.name.removesuffix(".item"))]
    for fitting in (own, begun, every):
        if len(fitting) == 1:
            return fitting[0]
    names = ", ".join(path.name for path in every) or "none"
    raise DataError(f"{source.name}: exactly one .item file is needed, found {names}")
