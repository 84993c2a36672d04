"""The façade: RecNet from Python.

async with open_recnet() as recnet:
    await recnet.interact("cds", user="2867", positive="1370", negative="58")
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, cast

from nodes.bootstrap import require_same_bootstrap, require_same_settings
from nodes.lifecycle import mint_identity, refuse_own_steps
from nodes.resources import Resources, open_resources
from nodes.step import BOOTSTRAP, require_usable, window_step
from nodes.window_lease import is_free
from state.dataset import Dataset
from state.db.checkpoints import thread_of, thread_prefix
from state.domain import KEY_LENGTH, clean_line
from state.errors import InputError
from state.graphs.bootstrap import BootstrapOutput
from state.graphs.context import BootstrapContext, NetworkContext
from state.graphs.interaction import InteractionInput, InteractionOutput
from state.graphs.recommend import RecommendInput, RecommendOutput
from state.settings import NetworkSettings, Settings
from state.store.clients import add_clients
from state.store.digest import digest_network
from state.store.events import add_events
from state.store.networks import (
    NetworkRecord,
    copy_network,
    create_network,
    drop_network,
    find_network,
)
from state.store.versions import Author, read_authors
from state.store.windows import Window, open_window
from workflows import bootstrap, interaction, recommend, router_update
from workflows.network_lock import only_trainer
from workflows.runs import Graph, Runs


class RecNet:
    """The workflows over open resources; each method is one graph run.

    A baseline that learns otherwise from the same records has another `learner`, the `context` that
    it runs in, and the `foreign` texts that it would not go on from.
    """

    learner: ClassVar[Graph] = interaction.graph
    foreign: ClassVar[frozenset[Author]] = frozenset({"reflection"})
    """What makes versions where another learner learned."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.runs = Runs(resources)

    def context(self, name: str) -> NetworkContext:
        """Return the context in which a network learns from one record."""
        return NetworkContext(network=name)

    async def network(self, name: str) -> NetworkRecord:
        """Return a network by name.

        Raises:
            NetworkError: there is none of that name.
        """
        async with self.resources.pool.connection() as conn:
            return await find_network(conn, name)

    async def trainable(self, name: str) -> NetworkRecord:
        """Return a network that this can learn on.

        Raises:
            NetworkError: none of that name, no routers, or another encoder.
            InputError: another learner has learned on it.
        """
        network = await self.network(name)
        require_usable(network, self.resources)
        async with self.resources.pool.connection() as conn:
            foreign = await read_authors(conn, network.id) & self.foreign
        if foreign:
            raise InputError(
                f"another method has trained network '{name}' (it holds texts by "
                f"{', '.join(sorted(foreign))}): copy a network that was only bootstrapped"
            )
        return network

    async def load(self, name: str, dataset: Dataset) -> NetworkRecord:
        """Store a data set's catalogue, users and events as a new network.

        Raises:
            NetworkError: the name is taken.
        """
        NetworkContext(network=name)  # refuses names that no run could be given
        async with self.resources.pool.connection() as conn, conn.transaction():
            network = await create_network(conn, name, dataset.name, dataset.domain)
            ids = await add_clients(conn, network, dataset)
            await add_events(conn, network, dataset, ids)
            return await find_network(conn, name)

    async def copy(self, source: str, name: str, changed: Mapping[str, object]) -> NetworkRecord:
        """Copy a network under another name, with some settings changed from then on.

        Ablations start from one bootstrap so, whose calls are paid once.

        Raises:
            NetworkError: unknown source, one without routers, or a name that is taken.
            InputError: a setting that the bootstrap has used.
        """
        NetworkContext(network=name)
        network = await self.network(source)
        network.require_bootstrapped()
        network_settings = NetworkSettings.model_validate(
            {**network.settings.model_dump(), **changed}
        )
        require_same_bootstrap(network, network_settings)
        async with self.resources.pool.connection() as conn:
            await copy_network(conn, network, name, network_settings)
            return await find_network(conn, name)

    async def drop(self, name: str) -> None:
        """Delete a network with all that is kept of it.

        Raises:
            NetworkError: there is none of that name, or it is being trained.
        """
        network = await self.network(name)
        async with only_trainer(self.resources, network):
            async with self.resources.pool.connection() as conn:
                await drop_network(conn, network.id)
            self.resources.networks.pop(name, None)

    async def digest(self, name: str) -> str:
        """Return the digest of a network: the same one means the same network.

        Raises:
            NetworkError: there is none of that name.
        """
        network = await self.network(name)
        async with self.resources.pool.connection() as conn:
            return await digest_network(conn, network.id)

    async def bootstrap(self, name: str, network_settings: NetworkSettings) -> BootstrapOutput:
        """Found the routers of a loaded network; one that was bootstrapped so already is kept.

        A bootstrap that was stopped goes on where it was.

        Raises:
            NetworkError: unknown network, or bootstrapped with other settings.
        """
        network = await self.network(name)
        if network.stored_settings is not None:
            require_same_settings(network, network_settings)
        context = BootstrapContext(network=name, **network_settings.model_dump())
        out = await self.runs.run(bootstrap.graph, {}, thread_of(network.id, BOOTSTRAP), context)
        return cast("BootstrapOutput", out)

    async def interact(
        self,
        name: str,
        *,
        user: str,
        positive: str,
        negative: str,
        interaction_id: str | None = None,
    ) -> InteractionOutput:
        """Run one record: `user` took `positive` and not `negative`.

        The same `interaction_id` again returns what was committed and costs nothing; a run that was
        stopped goes on where it was. Without an id one is minted and returned.

        Raises:
            InputError: unknown clients, or an id that is empty, a step's or another record's.
        """
        # Cleaned before the run begins: a checkpoint cannot hold a NUL byte.
        identity = mint_identity() if interaction_id is None else _clean(interaction_id)
        if not identity:
            raise InputError("the interaction's identity is empty: give it one, or none at all")
        refuse_own_steps(identity)
        record = InteractionInput(
            user=_clean(user),
            positive=_clean(positive),
            negative=_clean(negative),
            interaction=identity,
        )
        thread = thread_of((await self.network(name)).id, identity)
        out = await self.runs.run(self.learner, record, thread, self.context(name))
        return cast("InteractionOutput", out)

    async def update_routers(self, name: str) -> bool:
        """Finish the claimed window that a run left open: that run goes on, or another does it.

        Returns:
            False where no window is open, or somebody is at it.
        """
        network = await self.network(name)
        async with self.resources.pool.connection() as conn, conn.transaction():
            window = await open_window(conn, network.id)
            if window is None or not await is_free(conn, self.resources, network.id, window):
                return False
        await self._go_on(network, window)
        if await self._is_open(network, window):
            own = _update_thread(network, window)
            # Was another run at it last, then what this thread had gathered before is outdated.
            await self.runs.run(
                router_update.graph,
                {"window": window.id},
                own,
                NetworkContext(network=name),
                afresh=window.thread_id != own,
            )
        return not await self._is_open(network, window)

    async def recommend(
        self, name: str, user: str, candidates: Sequence[str] = (), count: int = 10
    ) -> RecommendOutput:
        """Rank candidates for a user, or the nearest items; nothing of the network changes.

        Raises:
            InputError: unknown user or item, or a candidate named twice.
        """
        record = RecommendInput(user=user, candidates=list(candidates), count=count)
        with self.resources.bound():
            out = await recommend.graph.ainvoke(record, context=NetworkContext(network=name))
        return cast("RecommendOutput", out)

    async def _go_on(self, network: NetworkRecord, window: Window) -> None:
        """Let the interaction that was at a window go on where it was; one that ended stays so."""
        runner = window.thread_id
        own = _update_thread(network, window)
        if runner != own and runner.startswith(thread_prefix(network.id)):
            await self.runs.go_on(self.learner, runner, self.context(network.name))

    async def _is_open(self, network: NetworkRecord, window: Window) -> bool:
        async with self.resources.pool.connection() as conn:
            found = await open_window(conn, network.id)
        return found is not None and found.id == window.id


@asynccontextmanager
async def open_recnet(
    settings: Settings | None = None, *, command: str = "python", cache: bool = False
) -> AsyncIterator[RecNet]:
    """Open the database, the models and the encoder for the time of the block.

    `command` names the run in usage; `cache` says whether replies are kept and taken again where
    the settings leave that open.

    Raises:
        RecNetError: the database cannot be used.
        CallError: a model or the encoder cannot be used.
    """
    async with open_resources(settings or Settings(), command=command, cache=cache) as resources:
        yield RecNet(resources)


def _clean(key: str) -> str:
    return clean_line(key, KEY_LENGTH)


def _update_thread(network: NetworkRecord, window: Window) -> str:
    return thread_of(network.id, window_step(window.id))
