"""Jobs: one network that is learned and read, what came of it, and where that is kept."""

import hashlib
import json
import os
from pathlib import Path

from pydantic import ValidationError

from evals.candidates import SHOWN, Negatives
from evals.paper.design import Variant
from evals.ranking import RankingResult
from state.dataset import Dataset, Split
from state.domain import Frozen


class Job(Frozen):
    """One variant with one training seed, to be learned and read."""

    base: str
    """The founded network it is a copy of; its name tells data set, models, prompts and seed."""
    variant: Variant
    seed: int
    """Of training; also keys the candidates."""
    split: Split
    draws: int
    records: int | None
    """Learn from so many records at most; None for all."""
    negatives: tuple[Negatives, ...] = SHOWN

    @property
    def network(self) -> str:
        """The network's name; variants of equal settings are one network."""
        settings = json.dumps(self.variant.settings, sort_keys=True)
        short = hashlib.sha256(settings.encode()).hexdigest()[:8]
        first = "" if self.records is None else f" first {self.records}"
        return f"{self.base}/{self.split}/{self.variant.learner}-{short}{first}"


class Cost(Frozen):
    """What learning a network took."""

    records: int
    failed: int
    reward: float | None
    """Share of records that were predicted right before they were learned."""
    calls: int
    """Requests that were sent."""
    kept: int
    """Replies that were kept from before, and paid for by another network."""
    founding: int
    """Calls and kept replies of the bootstrap, where the way of learning uses what it made."""
    tokens: int
    updates: int
    seconds: float | None
    """Wall time; None where the run was stopped in between, or a network was there already."""
    at_once: int
    """Networks that were learned at once on the machine, at the most."""

    @classmethod
    def nothing(cls, at_once: int) -> "Cost":
        """Return the cost of a network that nobody trained."""
        return cls(
            records=0, failed=0, reward=None, calls=0, kept=0, founding=0, tokens=0, updates=0,
            seconds=None, at_once=at_once,
        )  # fmt: skip


class Result(Frozen):
    """What came of one job."""

    job: Job
    digest: str
    cost: Cost
    rewards: dict[str, int | None]
    """Prequential: by record, in their order, whether it was predicted right before it was learned;
    None where it failed."""
    readings: tuple[RankingResult, ...]
    ranking_calls: int
    ranking_kept: int
    ranking_tokens: int
    missing: int
    """Candidates that replies left out; with the dropped and failed ones, how clean the rest is."""
    dropped: int
    failed: int
    program: str
    """The version, and the commit, of the code that made it."""


def fingerprint(dataset: Dataset) -> str:
    """Return what tells this data set from another one of the same name."""
    return hashlib.sha256(dataset.model_dump_json().encode()).hexdigest()[:8]


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
        readings = tuple(r.model_copy(update={"method": job.variant.name}) for r in found.readings)
        return found.model_copy(update={"job": job, "readings": readings})

    def keep(self, result: Result) -> None:
        """Write a result."""
        write_whole(self.path(result.job), result.model_dump_json(indent=1))


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is never there in part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(text, "utf-8")
    beside.replace(path)
