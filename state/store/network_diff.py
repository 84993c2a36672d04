"""Where two networks differ: their canonical dumps, compared row by row."""

from typing import Literal

from pydantic import JsonValue

from state.db.pool import Connection
from state.db.query import fetch_all
from state.domain import Frozen, Module, ModuleKind
from state.store.digest import DUMP, Row, hash_dump, one_moment, read_rows
from state.store.module_names import Names, client_name, module_name, name_clients
from state.store.networks import NetworkRecord

SHOWN = 3
"""Rows kept of each table; the others are counted."""

_SETTLED = {"status", "rejected_because", "applied_to", "applied_version"}
"""Columns of a router's gradient that a later router update writes."""


class Change(Frozen):
    """A value that differs; `name` is the column or the setting."""

    name: str
    first: JsonValue
    second: JsonValue


class RowDifference(Frozen):
    """A row that differs, or that only one of the networks has."""

    name: str
    only_in: Literal["first", "second"] | None
    columns: tuple[Change, ...]


class TableDifferences(Frozen):
    """How many rows of a table differ, and the first of them by their keys."""

    table: str
    only_first: int
    only_second: int
    differ: int
    rows: tuple[RowDifference, ...]


class NetworkStep(Frozen):
    """A step in the life of a network; `bootstrap` has no id."""

    kind: Literal["bootstrap", "interaction", "router update"]
    id: str = ""


class Differences(Frozen):
    """Two networks compared as they were at one moment."""

    networks: tuple[str, str]
    digests: tuple[str, str]
    first_difference: NetworkStep | None
    """The earliest step whose rows differ; None where only what the networks hold now does."""
    tables: tuple[TableDifferences, ...]
    """The tables that differ, in the order of the dump."""
    settings: tuple[Change, ...]
    """Settings that differ; they are no part of the digest."""

    @property
    def same(self) -> bool:
        """Whether both networks have the same digest."""
        return self.digests[0] == self.digests[1]


async def compare_networks(
    conn: Connection, first: NetworkRecord, second: NetworkRecord
) -> Differences:
    """Return whether two networks are the same, and where they differ; reads both into memory."""
    tables: list[TableDifferences] = []
    steps: set[NetworkStep] = set()
    async with one_moment(conn):
        digests = await hash_dump(conn, first.id), await hash_dump(conn, second.id)
        names = await name_clients(conn, first.id), await name_clients(conn, second.id)
        for table in DUMP if digests[0] != digests[1] else ():
            rows, others = await _read(conn, first.id, table), await _read(conn, second.id, table)
            keys = sorted(rows.keys() | others.keys())
            pairs = [(rows.get(key), others.get(key)) for key in keys]
            if pairs := [(row, other) for row, other in pairs if row != other]:
                tables.append(_summarize(table, pairs, names))
                steps |= {step for pair in pairs if (step := _step(table, *pair)) is not None}
        order = {**await _order(conn, second.id), **await _order(conn, first.id)}
    return Differences(
        networks=(first.name, second.name),
        digests=digests,
        first_difference=min(steps, key=lambda step: (order.get(step, -1), step.id), default=None),
        tables=tuple(tables),
        settings=_changes(_settings(first), _settings(second)),
    )


async def _read(
    conn: Connection, network: int, table: str
) -> dict[tuple[tuple[bool, object], ...], Row]:
    """Return the rows of a table by their keys; a key that is null comes last, as in the dump."""
    return {
        tuple((row[key] is None, row[key]) for key in DUMP[table].keys): row
        async for row in read_rows(conn, network, table)
    }


def _summarize(
    table: str, pairs: list[tuple[Row | None, Row | None]], names: tuple[Names, Names]
) -> TableDifferences:
    return TableDifferences(
        table=table,
        only_first=sum(other is None for _, other in pairs),
        only_second=sum(row is None for row, _ in pairs),
        differ=sum(bool(row and other) for row, other in pairs),
        rows=tuple(
            RowDifference(
                name=_name(table, row, names[0]) if row else _name(table, other or {}, names[1]),
                only_in=None if row and other else "first" if row else "second",
                columns=_changes(row, other) if row and other else (),
            )
            for row, other in pairs[:SHOWN]
        ),
    )


def _name(table: str, row: Row, clients: Names) -> str:
    """Return the keys of a row, clients and modules by name: `i:1 · user:ann · 4`."""
    words = {key: str(row[key]) for key in DUMP[table].keys if row[key] is not None}
    if "module" in words:
        module = Module(kind=row["module"], owner=int(words.pop("owner")))
        words["module"] = module_name(module, clients)
    key = "id" if table == "clients" else "client_id"
    if key in words:
        words[key] = client_name(clients[row[key]])
    return " · ".join(words.values())


def _step(table: str, row: Row | None, other: Row | None) -> NetworkStep | None:
    """Return the step that wrote a row, where that is known."""
    one = row or other or {}
    router_gradient = table == "gradients" and one["module"] == ModuleKind.ROUTER
    if router_gradient and row and other and {c.name for c in _changes(row, other)} <= _SETTLED:
        return None  # the router update that settled it differs too
    interaction = one["id"] if table == "interactions" else one.get("interaction_id")
    if interaction is not None:
        return NetworkStep(kind="interaction", id=interaction)
    window = one["id"] if table == "windows" else one.get("window_id")
    if window is not None:
        return NetworkStep(kind="router update", id=str(window))
    first_text = table == "module_versions" and one["version"] == 1
    return NetworkStep(kind="bootstrap") if first_text or table == "clients" else None


async def _order(conn: Connection, network: int) -> dict[NetworkStep, float]:
    """Return the place of each step; a router update is right after the record that claimed it."""
    query = """SELECT 'interaction' AS kind, id, created_at AS at
        FROM interactions WHERE network_id = %s
        UNION ALL
        SELECT 'router update', id::text, claimed_at FROM windows WHERE network_id = %s
        ORDER BY at, kind, id"""
    rows = await fetch_all(conn, query, (network, network))
    return {NetworkStep(kind=row["kind"], id=row["id"]): place for place, row in enumerate(rows)}


def _changes(first: Row, second: Row) -> tuple[Change, ...]:
    return tuple(
        Change(name=name, first=first.get(name), second=second.get(name))
        for name in {**first, **second}
        if first.get(name) != second.get(name)
    )


def _settings(network: NetworkRecord) -> Row:
    settings = network.stored_settings.model_dump(mode="json") if network.stored_settings else {}
    return {**settings, "tau_user": network.tau_user, "tau_item": network.tau_item}
