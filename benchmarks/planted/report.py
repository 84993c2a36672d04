"""The study of planted worlds as Markdown."""

from benchmarks.planted.verdicts import LEVEL, MARGIN, Finding
from evals.paper.provenance import caution
from evals.statistics import smallest_difference
from evals.tables import format_p, markdown_table
from state.domain import Frozen

Spread = tuple[float, float, float]
"""A mean over worlds, with its 95% t-interval."""


class Dose(Frozen):
    """The gain over no propagation at one dose, world by world."""

    dose: float
    means: tuple[float, float]
    """NDCG@10 of the followers, with and without propagation."""
    gain: Spread
    differences: tuple[float, ...]
    accuracy: Spread
    """The gain in accuracy over all records."""


class StudyReport(Frozen):
    """The results of every claim and every dose."""

    seeds: tuple[int, ...]
    users: int
    draws: int
    findings: tuple[Finding, ...]
    doses: tuple[Dose, ...]
    records: int
    failed: int
    calls: int
    tokens: int
    model: str
    encoder: str

    def markdown(self) -> str:
        """Return the study as Markdown."""
        worlds = f"{len(self.seeds)} worlds of seeds {self.seeds[0]} to {self.seeds[-1]}"
        parts = [f"# Planted worlds: {worlds}, {self.users} readers each", ""]
        parts += [*markdown_table(_claims(self.findings)), ""]
        parts += ["## Dose: the more early adopters, the more there is to propagate", ""]
        parts += [*markdown_table(_doses(self.doses)), ""]
        parts += [f"- {line}" for line in self._notes()]
        return "\n".join([*parts, ""])

    def _notes(self) -> list[str]:
        return [
            "accuracy: the share of records that were predicted right before they were learned, "
            "on identical records and negatives; NDCG@10: of the test, matched negatives, "
            f"{self.draws} draws",
            "worlds are the units: means over worlds, 95% t-intervals; smallest resolved: the "
            "smallest true difference that so many worlds show with 80% power in a single "
            "comparison",
            "`more` is shown by an exact sign-flip test, `no difference` and `no less` by t-tests "
            f"against a margin of {MARGIN}; p-values corrected by Holm for all rows; "
            "contradicted: so is the interval, for as many rows, and all of it lies where the "
            "claim is false",
            *self._too_few(),
            "followers: readers who are early adopters at no dose; what they read is the same at "
            "every dose",
            f"model {self.model}, encoder {self.encoder}, training seed 0; {self.records:,} "
            f"records, {self.failed} failed; {self.calls:,} calls were sent and {self.tokens:,} "
            "tokens used in training",
            *caution(self.model),
            "a planted world checks the mechanism; it is no evidence about people",
        ]

    def _too_few(self) -> list[str]:
        """Warn where so few worlds can show no claim of more."""
        least = 2 / 2 ** len(self.seeds)
        if least * len(self.findings) <= LEVEL:
            return []
        return [
            f"a sign-flip test over {len(self.seeds)} worlds cannot bring p below {least:.3g}, nor "
            f"so many rows below {min(1, least * len(self.findings)):.3g} when corrected: no "
            "`more` can be shown here"
        ]


def _claims(findings: tuple[Finding, ...]) -> list[list[str]]:
    header = [
        "world", "measured", "RecNet", "against", "", "difference", "worlds", "p", "p (Holm)",
        "smallest resolved", "expected", "verdict",
    ]  # fmt: skip
    rows = []
    for f in findings:
        own, other = ("", "") if f.means is None else (f"{mean:.3f}" for mean in f.means)
        varied = len(set(f.differences)) > 1
        least = f"{smallest_difference(f.differences):.3f}" if varied else "–"
        rows.append(
            [
                f.kind, f.measured, own, f.against, other, _shown(f.interval),
                str(len(f.differences)), format_p(f.p), format_p(f.corrected), least,
                f.expected, f.verdict,
            ]
        )  # fmt: skip
    return [header, *rows]


def _doses(series: tuple[Dose, ...]) -> list[list[str]]:
    header = [
        "early adopters", "RecNet", "no propagation", "gain in NDCG@10 of followers",
        "gain in accuracy, all records",
    ]  # fmt: skip
    rows = [
        [
            f"{entry.dose:.0%}", *(f"{mean:.3f}" for mean in entry.means), _shown(entry.gain),
            _shown(entry.accuracy),
        ]
        for entry in series
    ]  # fmt: skip
    return [header, *rows]


def _shown(spread: Spread) -> str:
    mean, low, high = spread
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
