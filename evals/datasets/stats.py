"""A data set in numbers: what the paper's Table 1 has, and how many targets are unseen."""

import re
from collections import Counter
from statistics import fmean

from rich.table import Table

from evals.datasets.splits import history, seen_items, targets
from state.dataset import Dataset, Split
from state.domain import Frozen

_WORD = re.compile(r"\w+")


class Unseen(Frozen):
    """How many targets of a split are items without an earlier event."""

    targets: int
    unseen: int

    @property
    def share(self) -> float:
        """The share of unseen targets; 0 where there is no target."""
        return self.unseen / self.targets if self.targets else 0.0


class DatasetStats(Frozen):
    """A data set in numbers."""

    dataset: str
    users: int
    items: int
    """Of the catalogue."""
    taken: int
    """Items with an event."""
    interactions: int
    sparsity: float
    """Share of pairs of a user and an item that have no interaction."""
    mean_length: float
    """Mean events per user."""
    shortest: int
    longest: int
    splits: dict[Split, int]
    """Events in each split."""
    unseen: dict[Split, Unseen]
    """New items among the targets: with sampled negatives, being new can give a target away."""
    title_words: float
    category_words: float
    """Mean words per title, and per category."""
    without_category: int
    """Items without a category."""

    def rows(self) -> list[tuple[str, str]]:
        """Return the numbers with their labels."""
        return [
            ("users", f"{self.users:,}"),
            ("items", f"{self.items:,} ({self.taken:,} with events)"),
            ("interactions", f"{self.interactions:,}"),
            ("sparsity", f"{self.sparsity:.2%}"),
            ("events per user", f"{self.mean_length:.2f} ({self.shortest} to {self.longest})"),
            ("events by split", ", ".join(f"{n:,} {split}" for split, n in self.splits.items())),
            *(
                (f"new items in {split}", f"{u.unseen} of {u.targets} ({u.share:.0%})")
                for split, u in self.unseen.items()
            ),
            ("words per title", f"{self.title_words:.1f}"),
            (
                "words per category",
                f"{self.category_words:.1f} ({self.without_category:,} without)",
            ),
        ]

    def rich(self) -> Table:
        """Return a table for a terminal."""
        table = Table(title=self.dataset, box=None, title_justify="left", show_header=False)
        for row in self.rows():
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """Return a table in Markdown."""
        name = self.dataset.replace("|", "\\|")
        lines = [f"| | {name} |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in self.rows())]
        return "\n".join(lines)


def dataset_stats(dataset: Dataset) -> DatasetStats:
    """Return the numbers of a data set with at least one event."""
    lengths = Counter(event.user for event in dataset.events)
    unseen = {}
    for split in (Split.VALID, Split.TEST):
        seen, held_out = seen_items(history(dataset, split)), targets(dataset, split)
        new = sum(event.item not in seen for event in held_out)
        unseen[split] = Unseen(targets=len(held_out), unseen=new)
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
        unseen=unseen,
        title_words=_words([item.title for item in dataset.items]),
        category_words=_words([item.category for item in dataset.items]),
        without_category=sum(not item.category for item in dataset.items),
    )


def _words(texts: list[str]) -> float:
    return fmean(len(_WORD.findall(text)) for text in texts)
