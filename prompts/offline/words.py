"""Words of a text: which carry meaning, and their light stems. Lexical, no domain dictionary."""

import re
from functools import lru_cache

TOKEN = re.compile(r"[^\W_]+(?:['’&-][^\W_]+)*")
"""A word, with inner apostrophes, hyphens and ampersands: `r&b`, `album-oriented`, `today's`."""

_STOPWORDS = """
a about above across after again against all almost also although always am among an and another
any anyone anything are around as at away back be became because become been before being below
beside between beyond both but by came can cannot come could did do does doing done down during
each either else enough ever every everyone everything few for from further gave get gets getting
give given go goes going gone got had has have having he her here hers herself him himself his how
however i if in indeed instead into is it its itself just last latter least less let like likes
liked liking lot lots made make makes making many may me might mine more moreover most mostly much
must my myself near neither never next no nobody none nor not nothing now of off often on once one
ones only onto or other others otherwise our ours ourselves out over own per perhaps please put
quite rather really same say says see seem seems seen several shall she should since so some
someone something sometimes somewhat still such take taken takes taking than that the their theirs
them themselves then there thereby therefore these they thing things this those though through
throughout thus to together too took toward towards under until unless up upon us used using
usually very via was we well went were what whatever when whenever where whether which while who
whoever whole whom whose why will with within without would yes yet you your yours yourself don't
doesn't didn't isn't aren't wasn't won't can't i'm i've it's he's she's they're you're
"""
STOPWORDS = frozenset(_STOPWORDS.split())
"""English words that carry no taste."""

_FILLER = """
all-time anthology best bonus classics collection collections collector's complete definitive
deluxe disc discs edition editions essential expanded first greatest hits import limited no
original part pt reissue remaster remastered second set third tracks ultimate various version
versions vol volume volumes avoid avoids dislike dislikes enjoy enjoyed enjoying enjoys fan fans
favor favors favorite favorites favour favours favourite favourites find finds follow follows fond
hate hates interest interested interests kind kinds love loved loves loving person people prefer
preference preferences preferred prefers profile recent recently recommend sort sorts strong
strongly taste tastes user users want wants community communities lately especially particularly
message messages item items good great nice
"""
FILLER = frozenset(_FILLER.split())
"""Words that fill titles and profiles without naming a taste."""


def tokens(text: str) -> list[str]:
    """Return the words of a lower-cased text."""
    return TOKEN.findall(text)


def is_content(word: str) -> bool:
    """Return whether a lower-case word can carry a taste."""
    return word not in STOPWORDS and word not in FILLER


@lru_cache(maxsize=32_768)
def stem(word: str) -> str:
    """Return `word` without a possessive or plural ending; nothing else is cut."""
    word = word.replace("’", "'").removesuffix("'s").removesuffix("'")
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ses", "xes", "zes", "ches", "shes")):
        return word[:-2]
    return word[:-1]
