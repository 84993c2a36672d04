"""The training benchmark in words: Markdown for the screen and for the documentation."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.runs import BATCH, InStages, TrainingRun
from benchmarks.storage import Stored
from benchmarks.training import TrainingResults

NAME = "training"
"""What the files of the benchmark are called."""

_WALL = (
    "*at once*: the limit of interactions under way, and of calls. *calls*: all that were made, "
    "those of the router updates included.",
    "*floor*: the longest chain of calls that wait for each other, or all calls over the limit, "
    "whichever is larger. *with barriers*: the same for each window and each router update, summed "
    "as they follow each other. Calls alone: nothing is read, computed or stored.",
    "*one by one*: all calls, one after another.",
    f"*batches of {BATCH}*: how AgentCF works, as a lower bound: the same number of calls again, "
    f"{BATCH} records at once, each stage (merge, predict, gradient, rewrite, at last the router "
    "updates) waiting for its slowest, and nothing read or stored. Records of one batch that share "
    "a client do not wait for each other there: updates are lost, it is another network.",
    "*sound batches*: the same, but a batch ends before a record that shares a client with it, and "
    "with its window: the same network. In brackets, for both, the calls alone: at "
    "the lowest latency they were really made.",
    "Each run gave, digest by digest, the network of one record after another.",
)
_OWN = (
    "The model answers at once, and nothing is subtracted: it is the time of the program, the "
    "database and the offline model, and over HTTP also of the test server on the same machine. "
    "An interaction bears its share of the router updates.",
)
_STORED = (
    "For each interaction with its share of the router updates, one after another. Bytes are those "
    "of the files, indexes included.",
)


def markdown(results: TrainingResults) -> str:
    """Return all tables with what their words mean."""
    parts = [
        "# Training at a fixed latency",
        f"Data set {results.dataset}. Every call of the model takes the same time: a test server "
        "waits so long, and answers over HTTP with the offline model. The encoder is the offline "
        f"one, no reply is kept, and all seeds are 0. {results.machine}.",
    ]
    for latency in sorted({run.latency for run in results.runs}):
        runs = [run for run in results.runs if run.latency == latency]
        parts += [f"## A call takes {latency:g} s", _wall(runs)]
    if results.runs:
        parts += [
            f"![calls a second over concurrency]({NAME}.svg)",
            _notes((*_WALL, *_again(results.runs))),
        ]
    parts += ["## The program's own time", _own(results.own)]
    parts += [_notes((*_OWN, *_again(results.own)))]
    parts += ["## What is stored", _stored(results.stored), _notes(_STORED)]
    return "\n\n".join(parts) + "\n"


def write(results: TrainingResults, folder: Path) -> list[Path]:
    """Write the benchmark as Markdown, JSON and a figure, and return the files."""
    from benchmarks.plot import plot  # noqa: PLC0415 - an extra

    text, data, figure = (folder / f"{NAME}.{kind}" for kind in ("md", "json", "svg"))
    text.write_text(markdown(results), encoding="utf-8")
    data.write_text(results.model_dump_json(indent=2) + "\n", encoding="utf-8")
    plot(results.runs, figure)
    return [text, data, figure]


def _wall(runs: Iterable[TrainingRun]) -> str:
    header = (
        "update_size", "at once", "records", "updates", "calls", "seconds", "floor", "× floor",
        "with barriers", "× that", "one by one", f"batches of {BATCH}", "sound batches",
    )  # fmt: skip
    return _table(
        header,
        [
            (
                run.update_size, run.concurrency, run.records, run.updates, run.calls,
                f"{run.seconds:.1f}", f"{run.floor:.1f}", f"{run.seconds / run.floor:.2f}",
                f"{run.floor_with_barriers:.1f}", f"{run.seconds / run.floor_with_barriers:.2f}",
                f"{run.in_series:.1f}", _staged(run.batched), _staged(run.sound),
            )
            for run in runs
        ],
    )  # fmt: skip


def _again(runs: Iterable[TrainingRun]) -> Iterator[str]:
    for run in runs:
        for fault, times in run.faults.items():
            yield f"{run}: {times} requests were made again ({fault})."


def _staged(stages: InStages) -> str:
    if stages.seconds is None:
        return f"({stages.least:.1f})"
    return f"{stages.seconds:.1f} ({stages.least:.1f})"


def _own(runs: Iterable[TrainingRun]) -> str:
    header = (
        "update_size",
        "model",
        "at once",
        "records",
        "updates",
        "calls",
        "seconds",
        "ms an interaction",
    )
    return _table(
        header,
        [
            (
                run.update_size, run.model, run.concurrency, run.records, run.updates, run.calls,
                f"{run.seconds:.1f}", f"{1000 * run.seconds / run.records:.0f}",
            )
            for run in runs
        ],
    )  # fmt: skip


def _stored(stored: Iterable[Stored]) -> str:
    header = ("update_size", "records", "rows", "kB", "rows of checkpoints", "kB of checkpoints")
    return _table(
        header,
        [
            (
                of.update_size,
                of.records,
                *(
                    f"{amount / of.records:.1f}"
                    for held in (of.tables, of.checkpoints)
                    for amount in (held.rows, held.bytes / 1000)
                ),
            )
            for of in stored
        ],
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---:"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _notes(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
