"""Which part of a person's prose is about likes and which about dislikes, by cue words alone."""

import re

_CUE = re.compile(
    r"""(?P<quoted>"[^"\n]*"|“[^”\n]*”)
    |(?P<end>[.!?]\s|\n)
    |(?P<against>\b(?:avoid(?:s|ed|ing)?|dislik(?:es|ed|ing|e)|hat(?:es|ed|e)|reject(?:s|ed)?|tired\s+of
        |no(?:\s+longer)?|never|not|cannot|can't|don['’]t|doesn['’]t|didn['’]t)\b
        (?:\s+(?:really|much|very|to|any|longer|like|enjoy|want|love|care\s+for|interested\s+in))*)
    |(?P<towards>\b(?:but|enjoy(?:s|ed)?|lik(?:es|ed)|lov(?:es|ed|e)|prefer(?:s|red)?|favou?rs?)\b)
    """,
    re.IGNORECASE | re.VERBOSE,
)


def liked_part(prose: str) -> str:
    """Return the prose without what it says is disliked."""
    return _part(prose, against=False)


def avoided_part(prose: str) -> str:
    """Return only what the prose says is disliked."""
    return _part(prose, against=True)


def _part(prose: str, *, against: bool) -> str:
    """Return the stretches of one stance.

    A cue holds until the next one or the end of its sentence; titles in quotes hold no cues, for
    `"Never Mind"` dislikes nothing.
    """
    stretches: list[str] = []
    start, negative = 0, False
    for cue in _CUE.finditer(prose):
        if cue.group("quoted"):
            continue
        if negative == against:
            stretches.append(prose[start : cue.start()])
        start, negative = cue.end(), cue.group("against") is not None
    if negative == against:
        stretches.append(prose[start:])
    return "; ".join(stretch.strip() for stretch in stretches if stretch.strip())
