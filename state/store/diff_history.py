"""The first step that differs in two networks: bootstrap, interaction, router update, edit."""

from bisect import bisect
from collections.abc import Iterator, Mapping
from math import inf
from typing import Literal

from state.db.pool import Connection
from state.domain import Frozen, Module, ModuleKind
from state.store.digest import Row
from state.store.module_names import Names, module_name, name_clients

_LOADED = {"kind", "key", "title", "category"}
"""Columns of a client that nothing writes after it was loaded."""
_SETTLED = {"status", "rejected_because", "applied_to", "applied_version"}
"""Columns of a router's gradient that the next router update writes."""
_GROWN = {"attributes", "client_vectors"}
"""Tables that the bootstrap writes, and after it router updates alone."""


class Step(Frozen):
    """One step in the life of a network."""

    kind: Literal["bootstrap", "interaction", "router update", "revision"]
    """`bootstrap` is all that was there before the first interaction: clients, first texts; a
    `revision` is a version made by hand."""
    id: str = ""
    """The interaction's identity, the update's number, or module and version of a revision; empty
    for the bootstrap."""


BOOTSTRAP = Step(kind="bootstrap")


class History:
    """The steps of two networks in the order in which they were settled, and those that differ.

    A step has its earlier place of the two networks, so that a step never stands before one that it
    depends on. A router update stands right behind the interaction whose commit claimed its window.
    """

    def __init__(self, order: Mapping[Step, float], names: Names) -> None:
        self._names = names
        self._order = {BOOTSTRAP: -1.0, **order}
        updates = [step for step in order if step.kind == "router update"]
        self._updates = sorted(updates, key=self._place)
        self._differ: set[Step] = set()
        self._grown = False

    def note(self, table: str, first: Row | None, second: Row | None) -> None:
        """Take up that a row of the dump differs, or is in one network only (None elsewhere)."""
        self._differ.update(self._steps(table, first, second))
        self._grown |= table in _GROWN

    def first_difference(self) -> Step | None:
        """Return the first step that differs.

        None where none does: then only what the networks hold now is different, such as a buffer or
        a pending set, and no step is kept that made it so.
        """
        found = set(self._differ)
        if self._grown and all(step.kind != "router update" for step in found):
            found.add(BOOTSTRAP)
        return min(found, key=lambda step: (self._place(step), step.id), default=None)

    def _place(self, step: Step) -> float:
        return self._order.get(step, inf)

    def _steps(self, table: str, first: Row | None, second: Row | None) -> Iterator[Step]:
        """Yield the steps that wrote what differs; what is kept without its step yields none."""
        rows = [row for row in (first, second) if row is not None]
        row, other = rows[0], rows[-1]
        changed = {column for column in row if row[column] != other[column]}
        match table:
            case "clients" if len(rows) == 1 or changed & _LOADED:
                yield BOOTSTRAP
            case "interactions":
                yield _interaction(row["id"])
            case "gradients" if row["module"] == ModuleKind.ROUTER and set() < changed <= _SETTLED:
                yield self._next_update(_interaction(row["interaction_id"]))
            case "filter_decisions":
                yield from (self._author(verdict) for verdict in rows)
            case "gradients":
                yield _interaction(row["interaction_id"])
            case "module_versions":
                yield from (self._author(version) for version in rows)
            case "messages":
                yield from (_update(message["window_id"]) for message in rows)
            case "windows":
                yield _update(row["id"])

    def _author(self, version: Row) -> Step:
        """Return the step that wrote a version or a verdict."""
        if version["interaction_id"] is not None:
            return _interaction(version["interaction_id"])
        if version["window_id"] is not None:
            return _update(version["window_id"])
        return BOOTSTRAP if version["version"] == 1 else _revision(version, self._names)

    def _next_update(self, interaction: Step) -> Step:
        """Return the update that settled the router gradients of an interaction."""
        later = self._updates[bisect(self._updates, self._place(interaction), key=self._place) :]
        return later[0] if later else interaction


async def read_history(conn: Connection, first: int, second: int) -> History:
    """Return the history of two networks."""
    names = {**await name_clients(conn, first), **await name_clients(conn, second)}
    order: dict[Step, float] = {}
    for network in (first, second):
        cursor = await conn.execute(
            'SELECT id FROM interactions WHERE network_id = %s ORDER BY created_at, id COLLATE "C"',
            (network,),
        )
        steps = {_interaction(row["id"]): float(n) for n, row in enumerate(await cursor.fetchall())}
        async for row in await conn.execute(_UPDATES, (network,)):
            steps[_update(row["id"])] = row["settled"] - 0.5
        async for row in await conn.execute(_REVISIONS, (network,)):
            steps[_revision(row, names)] = row["settled"] - 0.25
        order |= {step: min(at, order.get(step, inf)) for step, at in steps.items()}
    return History(order, names)


_UPDATES = """
    SELECT w.id, (SELECT count(*)::float8 FROM interactions i
                  WHERE i.network_id = w.network_id AND i.created_at <= w.claimed_at) AS settled
    FROM windows w WHERE w.network_id = %s
"""
"""Router updates, with how many interactions had been settled before."""
_REVISIONS = """
    SELECT v.module, v.owner, v.version,
           (SELECT count(*)::float8 FROM interactions i
            WHERE i.network_id = v.network_id AND i.created_at <= v.created_at) AS settled
    FROM module_versions v
    WHERE v.network_id = %s AND v.version > 1
      AND v.interaction_id IS NULL AND v.window_id IS NULL
"""
"""Versions made by hand, with how many interactions had been settled before."""


def _interaction(identity: str) -> Step:
    return Step(kind="interaction", id=identity)


def _update(window: int) -> Step:
    return Step(kind="router update", id=str(window))


def _revision(version: Row, names: Names) -> Step:
    module = Module(kind=version["module"], owner=version["owner"])
    return Step(kind="revision", id=f"{module_name(module, names)} version {version['version']}")
