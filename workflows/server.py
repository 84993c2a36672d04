"""For the Agent Server: it opens the resources and keeps its checkpoints in the same database.

`langgraph.json` names `app` and `checkpointer`. Only the server imports this module: Starlette is
installed with it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from starlette.applications import Starlette

from nodes.resources import open_resources, serve
from state.db import checkpoints
from state.db.embedded import database_url
from state.db.pool import open_pool
from state.settings import load_settings

_SAVER_CONNECTIONS = 2


@asynccontextmanager
async def checkpointer() -> AsyncIterator[AsyncPostgresSaver]:
    """Bind the server's checkpoints to the database of the networks.

    The server opens this before the lifespan and closes it after, so it has a pool of its own.
    """
    settings = await asyncio.to_thread(load_settings)
    url = await asyncio.to_thread(database_url, settings)
    async with open_pool(url, _SAVER_CONNECTIONS) as pool:
        yield checkpoints.checkpointer(pool)


@asynccontextmanager
async def _lifespan(_: Starlette) -> AsyncIterator[None]:
    settings = await asyncio.to_thread(load_settings)
    async with open_resources(settings, command="server") as held:
        with serve(held):
            yield


app = Starlette(lifespan=_lifespan)
