"""Markdown pages as tests read them: their code blocks, headings and links."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT

PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))

_BLOCK = re.compile(
    r"^(?P<skip><!-- not run: [^\n]+ -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced code block."""

    language: str
    text: str
    skipped: bool
    """Whether a comment above it says why it is not run."""


def blocks(page: Path) -> list[Block]:
    """Return the code blocks of a page in order."""
    return [
        Block(m["language"], m["text"], m["skip"] is not None)
        for m in _BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]


def links(page: Path) -> list[str]:
    """Return the targets of a page's links."""
    return [m["target"] for m in _LINK.finditer(_CODE.sub("", page.read_text(encoding="utf-8")))]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = (m["title"] for m in _HEADING.finditer(_CODE.sub("", page.read_text("utf-8"))))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
