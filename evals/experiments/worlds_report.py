"""The study of planted worlds as Markdown."""

from statistics import fmean

from scipy import stats

from evals.experiments.report import markdown_table, shown_p
from evals.experiments.worlds import Dose, Finding
from evals.statistics import smallest_difference
from state.domain import Frozen


class StudyReport(Frozen):
    """What came of every claim, and of the doses."""

    seeds: tuple[int, ...]
    users: int
    findings: tuple[Finding, ...]
    doses: tuple[Dose, ...]
    slope: tuple[float, float, float]
    """How much the gain rises with the dose, with its 95% interval."""
    slope_p: float
    calls: int
    model: str
    encoder: str

    def markdown(self) -> str:
        """Return the study as Markdown."""
        worlds = f"{len(self.seeds)} worlds of seeds {self.seeds[0]} to {self.seeds[-1]}"
        parts = [f"# Planted worlds: {worlds}, {self.users} readers each", ""]
        parts += [*markdown_table(_claims(self.findings)), ""]
        parts += ["## Dose: the more early adopters, the more there is to be told", ""]
        parts += [*markdown_table(_doses(self.doses)), ""]
        low, high = self.slope[1:]
        parts += [
            f"The gain rises by {self.slope[0]:+.3f} ({low:+.3f} to {high:+.3f}) for a dose of 1; "
            f"p {shown_p(self.slope_p)}.",
            "",
            "- worlds are the units: means over worlds, 95% t-intervals, exact sign-flip tests, "
            "corrected by Holm for all rows of the first table",
            f"- model {self.model}, encoder {self.encoder}, training seed 0; {self.calls:,} calls",
            "- a planted world checks the mechanism; it is no evidence about people",
            "",
        ]
        return "\n".join(parts)


def interval(values: tuple[float, ...] | list[float]) -> tuple[float, float, float]:
    """Return the mean over worlds with its 95% t-interval; that of a single world is its value."""
    mean = fmean(values)
    if len(values) < 2 or max(values) == min(values):
        return mean, mean, mean
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return mean, mean - float(half), mean + float(half)


def _shown(values: tuple[float, ...]) -> str:
    mean, low, high = interval(values)
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"


def _claims(findings: tuple[Finding, ...]) -> list[list[str]]:
    header = [
        "world", "measured", "RecNet", "against", "", "difference", "p", "p (Holm)",
        "smallest resolved", "expected",
    ]  # fmt: skip
    rows = []
    for f in findings:
        least = f"{smallest_difference(f.differences):.3f}" if len(f.differences) > 1 else ""
        rows.append(
            [
                f.kind, f.measured, f"{f.means[0]:.3f}", f.against, f"{f.means[1]:.3f}",
                _shown(f.differences), shown_p(f.p), shown_p(f.corrected),
                least, f.expected,
            ]
        )  # fmt: skip
    return [header, *rows]


def _doses(series: tuple[Dose, ...]) -> list[list[str]]:
    rows = []
    for entry in series:
        gain = _shown(entry.differences)
        rows.append([f"{entry.dose:.1f}", f"{entry.means[0]:.3f}", f"{entry.means[1]:.3f}", gain])
    return [["early adopters", "RecNet", "no propagation", "gain"], *rows]
