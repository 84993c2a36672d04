"""Networks: one world of clients and routers each, many in a database."""

from psycopg import sql
from psycopg.types.json import Jsonb

from state.db.checkpoints import forget_threads
from state.db.pool import Connection
from state.db.query import fetch_models, fetch_one
from state.domain import ClientKind, Frozen
from state.errors import NetworkError
from state.settings import NetworkSettings
from state.store.digest import one_moment
from state.store.windows import write_plan

_NETWORKS = (
    "SELECT id, name, dataset, domain, settings AS stored_settings, tau_user, tau_item "
    "FROM networks WHERE name = %(name)s OR %(name)s::text IS NULL ORDER BY name"
)

# In the order in which foreign keys allow them to be copied. Usage stays behind: it was paid once.
_TABLES = (
    "clients", "client_vectors", "buffers", "events", "module_versions", "attributes", "routers",
    "router_vectors", "messages", "pending_clients", "planned_records", "windows", "interactions",
    "filter_decisions", "gradients",
)  # fmt: skip


class NetworkRecord(Frozen):
    """A network and what shapes it."""

    id: int
    name: str
    dataset: str
    domain: str
    stored_settings: NetworkSettings | None
    """None until the bootstrap has begun."""
    tau_user: float | None
    tau_item: float | None

    @property
    def settings(self) -> NetworkSettings:
        """The settings, fixed at the bootstrap; a NetworkError before that has begun."""
        if self.stored_settings is None:
            raise NetworkError(
                f"network '{self.name}' has no routers yet: "
                f"run `recnet bootstrap --network {self.name}`"
            )
        return self.stored_settings

    def require_bootstrapped(self) -> None:
        """Raise a NetworkError where the bootstrap has not begun, or was stopped on the way."""
        for kind in ClientKind:
            self.tau(kind)

    def tau(self, kind: ClientKind) -> float:
        """Return the threshold of Eq. 4; a NetworkError where the network has no routers yet."""
        tau = self.tau_user if kind is ClientKind.USER else self.tau_item
        if tau is None:
            _ = self.settings  # says so where the bootstrap has not even begun
            raise NetworkError(
                f"the bootstrap of network '{self.name}' was stopped: run `recnet bootstrap "
                f"--network {self.name}` again with the same settings, it goes on where it was"
            )
        return tau


async def create_network(conn: Connection, name: str, dataset: str, domain: str) -> int:
    """Add an empty network and return its id; a NetworkError where the name is taken."""
    query = (
        "INSERT INTO networks (name, dataset, domain) VALUES (%s, %s, %s) "
        "ON CONFLICT (name) DO NOTHING RETURNING id"
    )
    if (row := await fetch_one(conn, query, (name, dataset, domain))) is None:
        raise NetworkError(
            f"network '{name}' exists: choose another name, or `recnet drop --network {name}` first"
        )
    return int(row["id"])


async def find_network(conn: Connection, name: str) -> NetworkRecord:
    """Return the network of that name; a NetworkError where there is none lists the others."""
    if found := await fetch_models(conn, NetworkRecord, _NETWORKS, {"name": name}):
        return found[0]
    names = ", ".join(network.name for network in await list_networks(conn)) or "none yet"
    raise NetworkError(f"no network '{name}'; there are: {names}")


async def lock_network(conn: Connection, network: int) -> None:
    """Make every other commit in this network wait until the transaction ends.

    Taken first in every commit, so commits are one after another: no lost update, no deadlock. It
    is held for the few milliseconds of the commit, never over a model call. A NetworkError says
    that the network was dropped.
    """
    query = "SELECT 1 FROM networks WHERE id = %s FOR NO KEY UPDATE"
    if await fetch_one(conn, query, (network,)) is None:
        raise NetworkError("the network was dropped in the meantime; nothing was written")


async def list_networks(conn: Connection) -> list[NetworkRecord]:
    """Return all networks by name."""
    return await fetch_models(conn, NetworkRecord, _NETWORKS, {"name": None})


async def write_settings(conn: Connection, network: int, settings: NetworkSettings) -> None:
    """Store what shapes a network."""
    stored = Jsonb(settings.model_dump(mode="json"))
    await conn.execute("UPDATE networks SET settings = %s WHERE id = %s", (stored, network))


async def write_tau(conn: Connection, network: int, user: float, item: float) -> None:
    """Store the thresholds of Eq. 4 by kind of client."""
    await conn.execute(
        "UPDATE networks SET tau_user = %s, tau_item = %s WHERE id = %s", (user, item, network)
    )


async def drop_network(conn: Connection, network: int) -> None:
    """Delete a network with all that is kept of it, checkpoints included."""
    async with conn.transaction():
        await forget_threads(conn, network)
        await conn.execute("DELETE FROM networks WHERE id = %s", (network,))


async def copy_network(
    conn: Connection, source: NetworkRecord, name: str, settings: NetworkSettings
) -> int:
    """Copy a network under another name and other settings, and return the copy's id.

    Ablations start from one bootstrap so; its calls are paid once. A NetworkError says that the
    name is taken.
    """
    async with one_moment(conn):
        copy = await create_network(conn, name, source.dataset, source.domain)
        await write_settings(conn, copy, settings)
        if source.tau_user is not None and source.tau_item is not None:
            await write_tau(conn, copy, source.tau_user, source.tau_item)
        for table in map(sql.Identifier, _TABLES):
            cursor = await conn.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(table))
            names = [column.name for column in cursor.description or ()]
            names.remove("network_id")
            columns = sql.SQL(", ").join(map(sql.Identifier, names))
            statement = sql.SQL(
                "INSERT INTO {table} (network_id, {columns}) "
                "SELECT %s, {columns} FROM {table} WHERE network_id = %s"
            ).format(table=table, columns=columns)
            await conn.execute(statement, (copy, source.id))
        if settings.update_size != source.settings.update_size:
            await write_plan(conn, copy, [])  # its windows are cut anew
    return copy
