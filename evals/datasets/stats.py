"""What a data set is like in figures: a paper's Table 1, and how many targets are unseen."""

import re
from collections import Counter
from statistics import fmean

from rich.table import Table

from evals.datasets.splits import history, seen_items, targets
from state.dataset import Dataset, Split
from state.domain import Frozen

_WORD = re.compile(r"\w+")


class Unseen(Frozen):
    """The targets of a split that no event before it is about."""

    targets: int
    unseen: int

    @property
    def share(self) -> float:
        """The share of unseen targets; 0 where there is no target."""
        return self.unseen / self.targets if self.targets else 0.0


class DatasetStats(Frozen):
    """A data set in figures."""

    dataset: str
    users: int
    items: int
    """Of the catalogue."""
    taken: int
    """Items that anyone took."""
    interactions: int
    sparsity: float
    """Share of pairs of user and item of the catalogue without an interaction."""
    mean_length: float
    """Mean events of a user."""
    shortest: int
    longest: int
    splits: dict[Split, int]
    """Events by the part they play."""
    unseen: dict[Split, Unseen]
    """Targets that are new to the data: with uniform negatives that alone may give them away."""
    title_words: float
    """Mean words of a title."""
    category_words: float
    """Mean words of a category."""
    without_category: int
    """Items."""

    def rows(self) -> list[tuple[str, str]]:
        """Return the figures as a person reads them."""
        return [
            ("users", f"{self.users:,}"),
            ("items", f"{self.items:,} ({self.taken:,} of them taken)"),
            ("interactions", f"{self.interactions:,}"),
            ("sparsity", f"{self.sparsity:.2%}"),
            ("events a user", f"{self.mean_length:.2f} ({self.shortest} to {self.longest})"),
            ("events by split", ", ".join(f"{n:,} {split}" for split, n in self.splits.items())),
            *(
                (
                    f"{split} items in no event before",
                    f"{u.unseen} of {u.targets} ({u.share:.0%})",
                )
                for split, u in self.unseen.items()
            ),
            ("words a title", f"{self.title_words:.1f}"),
            ("words a category", f"{self.category_words:.1f} ({self.without_category:,} without)"),
        ]

    def rich(self) -> Table:
        """Return the figures as a table for a terminal."""
        table = Table(title=self.dataset, box=None, title_justify="left", show_header=False)
        for row in self.rows():
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """Return the figures as a table in Markdown."""
        name = self.dataset.replace("|", "\\|")
        lines = [f"| | {name} |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in self.rows())]
        return "\n".join(lines)


def dataset_stats(dataset: Dataset) -> DatasetStats:
    """Return the figures of a data set with at least one event."""
    lengths = Counter(event.user for event in dataset.events)
    splits = Counter(event.split for event in dataset.events)
    pairs = len(lengths) * len(dataset.items)
    return DatasetStats(
        dataset=dataset.name,
        users=len(lengths),
        items=len(dataset.items),
        taken=len({event.item for event in dataset.events}),
        interactions=len(dataset.events),
        sparsity=1 - len(dataset.events) / pairs,
        mean_length=fmean(lengths.values()),
        shortest=min(lengths.values()),
        longest=max(lengths.values()),
        splits={split: splits[split] for split in Split},
        unseen={split: _unseen(dataset, split) for split in (Split.VALID, Split.TEST)},
        title_words=_words([item.title for item in dataset.items]),
        category_words=_words([item.category for item in dataset.items]),
        without_category=sum(not item.category for item in dataset.items),
    )


def _unseen(dataset: Dataset, split: Split) -> Unseen:
    seen = seen_items(history(dataset, split))
    held_out = targets(dataset, split)
    return Unseen(targets=len(held_out), unseen=sum(event.item not in seen for event in held_out))


def _words(texts: list[str]) -> float:
    return fmean(len(_WORD.findall(text)) for text in texts)
