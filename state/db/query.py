"""Short forms of the statements that the store makes most often."""

from collections.abc import Sequence
from typing import LiteralString, TypeVar

from psycopg import AsyncConnection, sql
from psycopg.abc import Params
from psycopg.rows import DictRow
from pydantic import BaseModel

Connection = AsyncConnection[DictRow]
Model = TypeVar("Model", bound=BaseModel)


async def fetch_all(
    conn: Connection, query: LiteralString, params: Params | None = None, *, binary: bool = False
) -> list[DictRow]:
    """Return the rows of a query."""
    return await (await conn.execute(query, params, binary=binary)).fetchall()


async def fetch_one(
    conn: Connection, query: LiteralString, params: Params | None = None
) -> DictRow | None:
    """Return the first row of a query, or None."""
    return await (await conn.execute(query, params)).fetchone()


async def fetch_number(conn: Connection, query: LiteralString, params: Params | None = None) -> int:
    """Return the number that a query finds; 0 where it finds no row."""
    row = await fetch_one(conn, query, params)
    return int(next(iter(row.values()))) if row else 0


async def fetch_models(
    conn: Connection, model: type[Model], query: LiteralString, params: Params | None = None
) -> list[Model]:
    """Return the rows of a query as objects of `model`."""
    return [model.model_validate(row) for row in await fetch_all(conn, query, params)]


async def insert_rows(
    conn: Connection, table: LiteralString, columns: LiteralString, rows: Sequence[Sequence[object]]
) -> None:
    """Insert rows of these columns into a table."""
    names = columns.split(", ")
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join([sql.Placeholder()] * len(names)),
    )
    await conn.cursor().executemany(statement, rows)


async def update_row(
    conn: Connection, table: LiteralString, network: int, row: int, **values: object
) -> None:
    """Set columns of the row of a network that has this id."""
    columns = [sql.SQL("{} = %s").format(sql.Identifier(name)) for name in values]
    statement = sql.SQL("UPDATE {} SET {} WHERE network_id = %s AND id = %s").format(
        sql.Identifier(table), sql.SQL(", ").join(columns)
    )
    await conn.execute(statement, (*values.values(), network, row))
