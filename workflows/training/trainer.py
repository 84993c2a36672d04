"""A trainer: runs single records of a network, and finishes its router updates."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from nodes.lifecycle import new_id, refuse_reserved_id
from nodes.resources import Resources
from nodes.step import require_usable, window_step
from nodes.window_lease import is_lease_free
from state.db.checkpoints import thread_of, thread_prefix
from state.domain import KEY_LENGTH, clean_line
from state.errors import InputError
from state.graphs.context import NetworkContext
from state.graphs.interaction import InteractionInput, InteractionOutput
from state.store.networks import NetworkRecord
from state.store.versions import Author, read_authors
from state.store.windows import Window, open_window
from workflows import interaction, router_update
from workflows.runs import Graph, Runs


@dataclass(frozen=True, slots=True)
class TrainingGraph:
    """The graph that a network learns from one record by; a baseline brings its own."""

    graph: Graph
    """Takes `InteractionInput` and returns `InteractionOutput`."""
    context: Callable[[str], NetworkContext]
    """Returns the context of a run, given the network's name."""
    other_authors: frozenset[Author]
    """Authors of texts that only another trainer writes: a network that holds some is refused."""


RECNET = TrainingGraph(
    graph=interaction.graph,
    context=lambda name: NetworkContext(network=name),
    other_authors=frozenset({"reflection"}),
)


@dataclass(frozen=True, slots=True)
class Trainer:
    """A training graph on one network."""

    runs: Runs
    network: NetworkRecord
    method: TrainingGraph = RECNET

    @property
    def resources(self) -> Resources:
        """The open database and models."""
        return self.runs.resources

    @property
    def context(self) -> NetworkContext:
        """The context of a run of the training graph."""
        return self.method.context(self.network.name)

    async def require_trainable(self) -> None:
        """Refuse a network without routers, with another encoder, or trained by another method."""
        require_usable(self.network, self.resources)
        async with self.resources.pool.connection() as conn:
            others = await read_authors(conn, self.network.id) & self.method.other_authors
        if others:
            raise InputError(
                f"another method has trained network '{self.network.name}' (it holds texts by "
                f"{', '.join(sorted(others))}): copy a network that was only bootstrapped"
            )

    async def interact(
        self, user: str, positive: str, negative: str, identity: str | None = None
    ) -> InteractionOutput:
        """Run one record on its thread; see `workflows.network.Network.interact`."""
        # Cleaned before the run begins: a checkpoint cannot hold a NUL byte.
        identity = new_id() if identity is None else clean_line(identity, KEY_LENGTH)
        if not identity:
            raise InputError("the interaction's id is empty: give one, or leave it out")
        refuse_reserved_id(identity)
        record = InteractionInput(
            user=clean_line(user, KEY_LENGTH),
            positive=clean_line(positive, KEY_LENGTH),
            negative=clean_line(negative, KEY_LENGTH),
            interaction=identity,
        )
        thread = thread_of(self.network.id, identity)
        out = await self.runs.run(self.method.graph, record, thread, self.context)
        return cast("InteractionOutput", out)

    async def update_routers(self) -> bool:
        """Finish the claimed window that a run left open; see `Network.update_routers`."""
        async with self.resources.pool.connection() as conn:
            window = await open_window(conn, self.network.id)
            if window is None or not await is_lease_free(conn, self.network.id, window):
                return False
        own = thread_of(self.network.id, window_step(window.id))
        if window.thread_id != own and window.thread_id.startswith(thread_prefix(self.network.id)):
            # The interaction whose commit claimed the window; nothing happens if it is finished.
            await self.runs.resume(self.method.graph, window.thread_id, self.context)
        if await self._is_open(window):
            # If another run had the window last, the state of this thread is outdated.
            await self.runs.run(
                router_update.graph,
                {"window": window.id},
                own,
                NetworkContext(network=self.network.name),
                restart=window.thread_id != own,
            )
        return not await self._is_open(window)

    async def _is_open(self, window: Window) -> bool:
        async with self.resources.pool.connection() as conn:
            found = await open_window(conn, self.network.id)
        return found is not None and found.id == window.id
