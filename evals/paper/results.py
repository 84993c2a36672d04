"""Results of trained networks, stored one file each and shared between tables."""

import hashlib
import json
import os
from pathlib import Path

from pydantic import ValidationError

from evals.paper.design import Variant
from evals.paper.provenance import short_hash
from evals.ranking import RankingResult
from state.dataset import Split
from state.domain import Frozen


class Job(Frozen):
    """One variant with one training seed, to be trained and ranked with."""

    base: str
    """The bootstrapped network to copy; its name tells data set, models, prompts and seed."""
    variant: Variant
    seed: int
    """Of training and of the candidates."""
    split: Split
    draws: int
    records: int | None
    """Train on at most this many records; None for all."""

    @property
    def network(self) -> str:
        """The network's name; variants with equal settings share one network."""
        settings = short_hash([json.dumps(self.variant.settings, sort_keys=True)])
        first = "" if self.records is None else f" first {self.records}"
        return f"{self.base}/{self.split}/{self.variant.trainer}-{settings}{first}"


class Cost(Frozen):
    """What it took to train a network and to rank with it; calls are sent or cached."""

    records: int = 0
    failed: int = 0
    reward: float | None = None
    """Share of records that were predicted right before they were learned."""
    bootstrap_calls: int = 0
    """0 where the trainer uses nothing that the bootstrap made by calls."""
    calls: int = 0
    """Requests sent while training, router updates included."""
    cached: int = 0
    """Replies from the cache while training: another network paid for them."""
    tokens: int = 0
    """Of training."""
    updates: int = 0
    """Router updates that took calls."""
    seconds: float | None = None
    """Wall time of training; None where it was stopped in between, or done before."""
    concurrency: int = 1
    """Networks trained at the same time, at most."""
    ranking_calls: int = 0
    missing: int = 0
    """Candidates that rankings left out."""
    dropped: int = 0
    """Unknown or repeated names in rankings."""
    failed_rankings: int = 0
    """Rankings without a usable reply."""

    @property
    def asked(self) -> int:
        """Calls of training, sent or cached."""
        return self.calls + self.cached


class Result(Frozen):
    """What came of one job."""

    job: Job
    digest: str
    """The trained network's."""
    cost: Cost
    rewards: dict[str, int | None]
    """By record, in order, whether it was predicted right before it was learned; None: failed."""
    rankings: tuple[RankingResult, ...]
    program: str
    """The version of the program that made it."""


class Results:
    """Results on disk: one file a job, written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, job: Job) -> Path:
        """Return where a job's result is."""
        asked = hashlib.sha256(job.model_dump_json(exclude={"variant": {"name"}}).encode())
        return self.folder / "networks" / f"{asked.hexdigest()[:16]}.json"

    def find(self, job: Job) -> Result | None:
        """Return the result of a job, None where there is none that can be read."""
        try:
            found = Result.model_validate_json(self.path(job).read_text("utf-8"))
        except (FileNotFoundError, ValidationError):
            return None
        # Two tables may give one network different names.
        rankings = tuple(r.model_copy(update={"ranker": job.variant.name}) for r in found.rankings)
        return found.model_copy(update={"job": job, "rankings": rankings})

    def keep(self, result: Result) -> None:
        """Write a result."""
        write_whole(self.path(result.job), result.model_dump_json(indent=1))


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is never there in part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(text, "utf-8")
    partial.replace(path)
