"""Any table of events: CSV, TSV, JSON, JSON Lines or Parquet, with titles in it or beside it."""

from evals.datasets.assembly import FileReader, Found
from evals.datasets.files import Source, endings
from evals.datasets.reader import DataError, ReadOptions
from evals.datasets.tables import ENDINGS, Role, open_table, open_tables


class TableReader(FileReader):
    """Reads one file of events, and a file of items where `ReadOptions.items` names it.

    In a folder, the events are the only table with users, and the items the only other one with
    titles. Columns are recognised by their names, unless the options name them.
    """

    name = "table"
    accepts = f"a file of events, {', '.join(ENDINGS)}, also .gz and .zst"

    def find(self, source: Source, options: ReadOptions) -> Found | None:
        """Return the table of events, and that of items if a folder has one."""
        paths = source.ending(*ENDINGS)
        if len(paths) == 1:
            return Found(endings(paths[0].name)[0], open_table(paths[0], options.encoding))
        tables, _ = open_tables(paths, options.encoding)
        events = [table for table in tables if table.find(Role.USER, ReadOptions())]
        items = [t for t in tables if t not in events and t.find(Role.TITLE, ReadOptions())]
        if not events:
            return None
        if len(events) > 1 or len(items) > 1:
            names = ", ".join(table.file for table in tables)
            raise DataError(
                f"{source.name}: not clear which of {names} has the events; give its path, "
                "and --items FILE for the catalogue"
            )
        return Found(endings(events[0].file)[0], events[0], items[0] if items else None)
