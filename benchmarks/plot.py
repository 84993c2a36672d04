"""The training benchmark as a figure: calls a second, as measured and at the floor."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.runs import BATCH, TrainingRun

_LINES: Mapping[str, tuple[str, Callable[[TrainingRun], float]]] = {
    "measured": ("o-", lambda run: run.seconds),
    "floor with barriers": ("--", lambda run: run.floor_with_barriers),
    f"batches of {BATCH}": (":", lambda run: run.batched.least),
}
"""How each way of making the calls is drawn, and the seconds that it takes."""


def plot(runs: Sequence[TrainingRun], file: Path) -> None:
    """Draw calls a second over concurrency: a panel for each latency, a colour for each size."""
    latencies = sorted({run.latency for run in runs})
    if not latencies:
        return
    figure = Figure(figsize=(2 + 5 * len(latencies), 5), layout="constrained")
    panels = figure.subplots(1, len(latencies), squeeze=False)[0]
    for latency, panel in zip(latencies, panels, strict=True):
        panel.set_title(f"a call takes {latency:g} s")
        _draw(panel, [run for run in runs if run.latency == latency])
    panels[0].set_ylabel("calls a second")
    lines, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        lines, labels, title="update_size", loc="outside lower center", ncols=3, fontsize="small"
    )
    # The same figures give the same file.
    with mpl.rc_context({"svg.hashsalt": "recnet"}):
        figure.savefig(file, metadata={"Date": None})


def _draw(panel: Axes, runs: Sequence[TrainingRun]) -> None:
    for number, size in enumerate(sorted({run.update_size for run in runs})):
        of_size = sorted((r for r in runs if r.update_size == size), key=lambda r: r.concurrency)
        at_once = [run.concurrency for run in of_size]
        for name, (style, seconds) in _LINES.items():
            rates = [run.calls / seconds(run) for run in of_size]
            label = f"{size}, {name}"
            panel.plot(at_once, rates, style, color=f"C{number}", label=label)
    ticks = sorted({run.concurrency for run in runs})
    panel.set_xscale("log", base=2)
    panel.set_yscale("log")
    panel.set_xticks(ticks, labels=[str(tick) for tick in ticks])
    panel.set_xlabel("interactions and calls at once")
    panel.grid(visible=True, alpha=0.3)
