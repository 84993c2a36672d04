"""What differs between two networks: their canonical dumps side by side, table by table."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Literal

from pydantic import JsonValue

from state.db.pool import Connection
from state.domain import Frozen, Module
from state.store.diff_history import Step, read_history
from state.store.digest import DUMP, Row, hash_dump, one_moment, read_rows
from state.store.interactions import find_interaction
from state.store.module_names import Names, client_name, module_name, name_clients
from state.store.networks import NetworkRecord

SHOWN = 3
"""Places that are kept of each table; the others are counted."""

Side = Literal["first", "second"]
_NAMES = {
    "clients": "{kind}:{key}",
    "client_vectors": "{client}",
    "module_versions": "{module} version {version}",
    "attributes": "attribute {id}",
    "routers": "router:{id}",
    "messages": "message {id}",
    "buffers": "{client}",
    "interactions": "{id}",
    "filter_decisions": "{step} · {client} · message {message_id}",
    "gradients": "{interaction_id} · {module}",
    "pending_clients": "{client}",
    "windows": "router update {id}",
}
"""What a row of each table is about, as a person would say it."""


class Change(Frozen):
    """One value that is another in each of two networks."""

    name: str
    """The column, or the setting."""
    first: JsonValue
    second: JsonValue


class Place(Frozen):
    """One row that is not the same in both networks."""

    name: str
    """What the row is about: `user:KEY`, `rules:item:KEY version 2`, an interaction's identity."""
    only_in: Side | None
    columns: tuple[Change, ...]
    """What differs where both networks have the row."""


class TableDifferences(Frozen):
    """How many rows of a table differ, and the first of them."""

    table: str
    only_first: int
    only_second: int
    differ: int
    places: tuple[Place, ...]


class Differences(Frozen):
    """Two networks beside each other, as they were at one moment."""

    networks: tuple[str, str]
    digests: tuple[str, str]
    first_difference: Step | None
    """The first step that differs; None where the networks are the same, or differ in no step."""
    traced: tuple[str, ...]
    """The networks in which that step can be traced, if it is an interaction."""
    tables: tuple[TableDifferences, ...]
    """The tables that differ, in the order of the dump."""
    settings: tuple[Change, ...]
    """What shapes the networks and differs; it is no part of the digest."""

    @property
    def same(self) -> bool:
        """Whether both networks have one digest."""
        return self.digests[0] == self.digests[1]


async def compare_networks(
    conn: Connection, first: NetworkRecord, second: NetworkRecord
) -> Differences:
    """Compare two networks: digests, the first step that differs, rows and settings."""
    tables: list[TableDifferences] = []
    first_difference = None
    async with one_moment(conn):
        digests = (await hash_dump(conn, first.id), await hash_dump(conn, second.id))
        if digests[0] != digests[1]:
            tables, first_difference = await _compare_dumps(conn, first.id, second.id)
    return Differences(
        networks=(first.name, second.name),
        digests=digests,
        first_difference=first_difference,
        traced=tuple(
            [n.name for n in (first, second) if await _holds(conn, n.id, first_difference)]
        ),
        tables=tuple(tables),
        settings=_changes(_settings(first), _settings(second)),
    )


async def _holds(conn: Connection, network: int, step: Step | None) -> bool:
    if step is None or step.kind != "interaction":
        return False
    return await find_interaction(conn, network, step.id) is not None


async def _compare_dumps(
    conn: Connection, first: int, second: int
) -> tuple[list[TableDifferences], Step | None]:
    history = await read_history(conn, first, second)
    names = await name_clients(conn, first), await name_clients(conn, second)
    tables = []
    for table in DUMP:
        counts: Counter[Side | None] = Counter()
        places: list[Place] = []
        async for row, other in _differing(conn, first, second, table):
            place = _place(table, row, other, names)
            counts[place.only_in] += 1
            places += [place][: SHOWN - len(places)]
            history.note(table, row, other)
        if places:
            tables.append(
                TableDifferences(
                    table=table, only_first=counts["first"], only_second=counts["second"],
                    differ=counts[None], places=tuple(places),
                )
            )  # fmt: skip
    return tables, history.first_difference()


async def _differing(
    conn: Connection, first: int, second: int, table: str
) -> AsyncIterator[tuple[Row | None, Row | None]]:
    """Yield the rows that differ; both networks' are read once, in the order of their keys."""

    def place(row: Row) -> list[tuple[bool, object]]:
        # A missing key stands last, as it does in the dump.
        return [(row[column] is None, row[column]) for column in DUMP[table].keys]

    rows, others = read_rows(conn, first, table), read_rows(conn, second, table)
    row, other = await anext(rows, None), await anext(others, None)
    while row is not None or other is not None:
        key = None if row is None else place(row)
        its = None if other is None else place(other)
        if its is None or (key is not None and key < its):
            yield row, None
            row = await anext(rows, None)
        elif key is None or its < key:
            yield None, other
            other = await anext(others, None)
        else:
            if row != other:
                yield row, other
            row, other = await anext(rows, None), await anext(others, None)


def _place(table: str, row: Row | None, other: Row | None, names: tuple[Names, Names]) -> Place:
    if row is not None:
        only: Side | None = "first" if other is None else None
        columns = () if other is None else _changes(row, other)
        return Place(name=_name(table, row, names[0]), only_in=only, columns=columns)
    return Place(name=_name(table, other or {}, names[1]), only_in="second", columns=())


def _name(table: str, row: Row, clients: Names) -> str:
    words = dict(row)
    if table == "filter_decisions":
        words["step"] = row["interaction_id"] or f"router update {row['window_id']}"
    if "client_id" in row:
        words["client"] = client_name(clients[row["client_id"]])
    if "module" in row:
        words["module"] = module_name(Module(kind=row["module"], owner=row["owner"]), clients)
    return _NAMES[table].format_map(words)


def _changes(first: Row, second: Row) -> tuple[Change, ...]:
    return tuple(
        Change(name=name, first=first.get(name), second=second.get(name))
        for name in {**first, **second}
        if first.get(name) != second.get(name)
    )


def _settings(network: NetworkRecord) -> Row:
    settings = network.stored_settings.model_dump(mode="json") if network.stored_settings else {}
    return {**settings, "tau_user": network.tau_user, "tau_item": network.tau_item}
