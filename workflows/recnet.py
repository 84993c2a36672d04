"""RecNet from Python: an open database with its networks.

async with RecNet.open() as app:
    films = app.network("films")
    print(await films.recommend("2867"))
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from nodes.resources import Resources, open_resources
from state.dataset import Dataset
from state.db.checkpoints import checkpointer, list_threads
from state.domain import Frozen
from state.graphs.context import NetworkContext
from state.settings import Settings, load_settings
from state.store.clients import add_clients
from state.store.events import add_events
from state.store.networks import create_network, list_networks
from workflows.network import Network
from workflows.runs import Runs
from workflows.training.trainer import RECNET, TrainingGraph


class CheckpointCleanup(Frozen):
    """Counts of threads, one for each run of RecNet's own that had checkpoints."""

    deleted: int
    kept: int
    """Of runs that were stopped and can be resumed, and of records that failed."""


class RecNet:
    """An open database, with the models that its networks ask.

    Several may be open in one process; each works with its own database and models.
    """

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.runs = Runs(resources)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings | None = None, *, command: str = "python", cache: bool = False
    ) -> AsyncIterator[Self]:
        """Open the database, the models and the encoder for the time of the block.

            async with RecNet.open() as app:
                print(await app.networks())

        Args:
            settings: those of the environment where none are given.
            command: the name under which usage is stored.
            cache: whether replies are cached where the settings leave that open.

        Raises:
            RecNetError: a variable has a wrong value, or the database cannot be used.
            CallError: a model, the encoder or an edited template cannot be used.
        """
        async with open_resources(
            settings or load_settings(), command=command, cache=cache
        ) as resources:
            yield cls(resources)

    def network(self, name: str, training_graph: TrainingGraph = RECNET) -> Network:
        """Return the handle of a network; its methods raise `NetworkError` if it does not exist.

            films = app.network("films")

        `training_graph` is what the network learns by, where it is not RecNet.
        """
        return Network(self.runs, name, training_graph)

    async def networks(self) -> list[Network]:
        """Return the networks of the database by name."""
        async with self.resources.pool.connection() as conn:
            return [self.network(record.name) for record in await list_networks(conn)]

    async def load(self, name: str, dataset: Dataset) -> Network:
        """Store a data set's catalogue, users and events as a new network.

            films = await app.load("films", dataset)

        Raises:
            NetworkError: the name is taken.
        """
        NetworkContext(network=name)  # refuses names that no run could be given
        async with self.resources.pool.connection() as conn, conn.transaction():
            network = await create_network(conn, name, dataset.name, dataset.domain)
            ids = await add_clients(conn, network, dataset)
            await add_events(conn, network, dataset, ids)
        return self.network(name)

    async def delete_finished_checkpoints(self) -> CheckpointCleanup:
        """Delete the checkpoints that finished runs left behind, as those of a killed process do.

        Runs that can be resumed keep theirs; other runs may go on at the same time.
        """
        pool = self.resources.pool
        async with pool.connection() as conn:
            threads = await list_threads(conn)
        await checkpointer(pool).aprune(threads.finished, strategy="delete")
        return CheckpointCleanup(deleted=len(threads.finished), kept=threads.unfinished)
