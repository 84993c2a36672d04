"""The handle of one network: what `RecNet.network` and `RecNet.load` return."""

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Any, Literal, cast

from nodes.bootstrap import require_same_bootstrap, require_same_settings
from nodes.step import BOOTSTRAP
from state.dataset import Split
from state.db.checkpoints import thread_of
from state.errors import InputError
from state.graphs.bootstrap import BootstrapOutput
from state.graphs.context import BootstrapContext, NetworkContext
from state.graphs.interaction import InteractionOutput
from state.graphs.recommend import RecommendInput, RecommendOutput
from state.settings import NetworkSettings
from state.store.networks import copy_network, drop_network
from workflows import bootstrap, recommend
from workflows.edits import Revision, module_change
from workflows.network_lock import network_lock
from workflows.runs import Runs
from workflows.stored_network import StoredNetwork
from workflows.training import driver
from workflows.training.driver import Fit, Progress, RetryReport, TrainingReport
from workflows.training.schedule import DEFAULT_CONCURRENCY
from workflows.training.trainer import RECNET, Trainer, TrainingGraph


class Network(StoredNetwork):
    """One network of a database: its clients, routers and all that they learned.

    A handle is only a name: it reads nothing before a method is called. Training, changes by
    hand and `drop` raise `NetworkError` while another process holds the network's lock.
    """

    def __init__(self, runs: Runs, name: str, training_graph: TrainingGraph = RECNET) -> None:
        super().__init__(runs.resources, name)
        self.training_graph = training_graph
        self._runs = runs

    async def bootstrap(self, settings: NetworkSettings | None = None) -> BootstrapOutput:
        """Make the first profiles, attributes and routers; a network that has them keeps them.

            await films.bootstrap(NetworkSettings(routers=8))

        A bootstrap that was stopped resumes. Settings that are not given are those stored with the
        network; without any, model and encoder are those of the process.

        Raises:
            NetworkError: the network was bootstrapped with other settings.
        """
        record = await self.record()
        process = self.resources.settings
        known = {"model": process.model, "encoder": process.embedding}
        if stored := record.stored_settings:
            known = stored.model_dump()
        given = settings.model_dump(exclude_unset=True) if settings else {}
        wanted = NetworkSettings.model_validate({**known, **given})
        if stored:
            require_same_settings(record, wanted)
        context = BootstrapContext(network=self.name, **wanted.model_dump())
        thread = thread_of(record.id, BOOTSTRAP)
        return cast("BootstrapOutput", await self._runs.run(bootstrap.graph, {}, thread, context))

    async def train(
        self,
        *,
        fit: Fit = "train+valid",
        concurrency: int = DEFAULT_CONCURRENCY,
        limit: int | None = None,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> TrainingReport:
        """Learn from the training records in order; those learned from before cost nothing.

            report = await films.train(limit=100)

        The network is the same for any `concurrency`. A database that goes away is waited for.

        Args:
            fit: the splits to learn from: `train`, or `train+valid`.
            concurrency: interactions that run at the same time, at most.
            limit: records to run now, at most.
            on_progress: called before the first record and after each.

        Raises:
            NetworkError: the network is not bootstrapped.
            InputError: another method has trained the network.
        """
        trainer = await self._trainer()
        return await driver.train(
            trainer, fit=fit, concurrency=concurrency, limit=limit, on_progress=on_progress
        )

    async def retry(
        self,
        identities: Sequence[str] = (),
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        started: Callable[[int], Callable[[], None]] = lambda _: lambda: None,
    ) -> RetryReport:
        """Run failed interactions again: all of them, or those named.

            report = await films.retry()

        Args:
            identities: which interactions; all that failed where none is named.
            concurrency: interactions that run at the same time, at most.
            started: called with their number; returns what is called after each.

        Raises:
            InputError: an id is unknown, or did not fail; another method trained the network.
        """
        trainer = await self._trainer()
        return await driver.retry(trainer, identities, concurrency=concurrency, started=started)

    async def interact(
        self,
        user: str,
        positive: str,
        negative: str,
        *,
        id: str | None = None,  # noqa: A002 - the caller's word for it
    ) -> InteractionOutput:
        """Learn from one live interaction: `user` took `positive` and not `negative`.

            out = await films.interact("2867", "1370", "58", id="order-17")

        The same `id` again returns the committed result and costs nothing; a run that was stopped
        resumes. Without an `id`, one is made and returned.

        Raises:
            InputError: unknown clients, or an id that is empty, reserved or another record's.
        """
        return await (await self._trainer()).interact(user, positive, negative, id)

    async def update_routers(self) -> bool:
        """Finish a router update that a stopped run left open; return whether one was finished.

        False where no window is open, or another run is working on it.
        """
        return await (await self._trainer()).update_routers()

    async def recommend(
        self, user: str, candidates: Sequence[str] = (), count: int = 10
    ) -> RecommendOutput:
        """Rank the candidates for a user, or the `count` nearest items; the network stays as it is.

            for entry in (await films.recommend("2867"))["ranking"]:
                print(entry.title, entry.reason)

        Raises:
            InputError: unknown user or item, or a candidate named twice.
        """
        record = RecommendInput(user=user, candidates=list(candidates), count=count)
        with self.resources.bound():
            out = await recommend.graph.ainvoke(record, context=NetworkContext(network=self.name))
        return cast("RecommendOutput", out)

    async def edit(
        self, module: str, text: str, *, note: str = "", base: int | None = None
    ) -> Revision:
        """Give a module another text; rules are one a line.

            await films.edit("user:2867", "Likes slow films.", note="told us so")

        Args:
            module: its name: `user:KEY`, `item:KEY`, `rules:user:KEY`, `router:NUMBER`.
            text: the new text.
            note: why, stored with the version.
            base: the version the text was made from; refuses the edit if there is a newer one.

        Raises:
            InputError: no such module, or a text or note that is empty or too long.
            ConflictError: the module has a newer version than `base`.
        """
        async with module_change(self.resources, await self.record(), module, note) as change:
            return await change.edit(text, base)

    async def rollback(self, module: str, version: int, *, note: str = "") -> Revision:
        """Give a module the text of an earlier version again, as a new version."""
        async with module_change(self.resources, await self.record(), module, note) as change:
            return await change.roll_back(version)

    async def pin(self, module: str, *, note: str = "") -> Revision:
        """Keep a module's text as it is until it is unpinned; a person may still edit it."""
        async with module_change(self.resources, await self.record(), module, note) as change:
            return await change.pin(pinned=True)

    async def unpin(self, module: str, *, note: str = "") -> Revision:
        """Let training change a pinned module again; see `pin`."""
        async with module_change(self.resources, await self.record(), module, note) as change:
            return await change.pin(pinned=False)

    async def copy(self, name: str, **changed: object) -> "Network":
        """Copy the network under another name, with some settings changed, and return the copy.

            ablation = await films.copy("no-routers", propagation="none")

        Raises:
            NetworkError: no routers yet, or the name is taken.
            InputError: a setting that the bootstrap has used.
        """
        NetworkContext(network=name)  # refuses names that no run could be given
        async with self._reading() as (conn, record):
            record.require_bootstrapped()
            settings = NetworkSettings.model_validate({**record.settings.model_dump(), **changed})
            require_same_bootstrap(record, settings)
            await copy_network(conn, record, name, settings)
        return Network(self._runs, name, self.training_graph)

    async def drop(self) -> None:
        """Delete the network with everything that is stored of it."""
        record = await self.record()
        async with network_lock(self.resources, record):
            async with self.resources.pool.connection() as conn:
                await drop_network(conn, record.id)
            self.resources.networks.pop(self.name, None)

    async def evaluate(
        self,
        split: Literal["valid", "test"] = "test",
        *,
        draws: Sequence[int] = (0, 1, 2),
        seed: int = 0,
        baselines: bool = False,
        probes: bool = False,
        on_progress: Callable[[str, int], Callable[[], None]] = lambda _name, _total: lambda: None,
    ) -> Any:  # noqa: ANN401 - `evals.evaluation.Evaluation`, which nothing here may import
        """Rank each user's held-out item among candidates, and return the tables of metrics.

            tables = (await films.evaluate("valid")).tables

        Args:
            split: `valid` for choices, or `test`.
            draws: the draws of candidates.
            seed: the seed of candidates and baselines.
            baselines: whether Pop, item-KNN and BPR rank too; TF-IDF and random order always do.
            probes: whether the leakage probes rank too.
            on_progress: given a ranker's name and number of rankings, returns a call for each.

        Raises:
            NetworkError: the network has learned from the records that are to be predicted.
            InputError: nothing to evaluate, or no evaluator is installed.
        """
        # The evaluation stands above the workflows, so it is found by its entry point.
        found = entry_points(group="recnet.evaluators", name="default")
        if not found:
            raise InputError(
                "no evaluator is installed (entry point 'recnet.evaluators'): install RecNet "
                "again, from its folder, by `make install`"
            )
        evaluate = next(iter(found)).load()
        return await evaluate(
            self,
            Split(split),
            draws=draws,
            seed=seed,
            baselines=baselines,
            probes=probes,
            on_progress=on_progress,
        )

    async def _trainer(self) -> Trainer:
        return Trainer(self._runs, await self.record(), self.training_graph)
