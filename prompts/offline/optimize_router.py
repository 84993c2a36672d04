"""The offline answer to `optimize_router`: keep, rewrite, split or merge. Lexical."""

from collections import Counter
from collections.abc import Sequence

from prompts.merge import Named
from prompts.offline.encoder import OfflineEncoder
from prompts.offline.phrases import phrase_key, without
from prompts.offline.profile_text import read_message, write_message
from prompts.offline.suggestions import Order, read_orders
from prompts.optimize import Feedback, OptimizedRouter, OptimizeRouterFields

TWIN = 0.6
"""Jaccard overlap of phrases from which two routers say the same."""
TWIN_PHRASES = 4
SPLIT_ATTRIBUTES = 8
GROUP = 3
"""A split needs this many attributes, and this many on each side."""
LINK = 0.35
"""N-gram cosine from which two attributes belong together: about one word in common."""
GROUPED = 0.75
"""The part of the attributes that two linked groups must cover before they stand alone."""
GOOD = 0.6
"""Mean reward from which messages did well, so that one complaint alone changes nothing."""


def optimize_router(fields: OptimizeRouterFields) -> OptimizedRouter:
    """Return what becomes of the router: structure first, then wording, else nothing."""
    said = read_message(fields.router)
    if (twin := _twin(said, fields.neighbours)) is not None:
        united = write_message(said, read_message(twin.text))
        return _reply("merge", f"Says nearly the same as {twin.name}.", [united], twin.name)
    if groups := _groups(fields.attributes):
        children = [write_message(group) for group in groups]
        reason = f"Two tastes that share no words: {groups[0][0]}, {groups[1][0]}."
        return _reply("split", reason, children)
    does_well = any(float(effects.reward or 0) >= GOOD for effects in fields.effects)
    stopped = _stopped(fields.feedback, int(does_well))
    misled = [phrase for phrase in said if phrase_key(phrase) in stopped]
    kept = without(said, misled) or without(fields.attributes, misled)
    if misled and kept:
        reason = f"Misled more often than it helped: {'; '.join(misled[:5])}."
        return _reply("rewrite", reason, [write_message(kept)])
    reason = "Nothing else to say." if misled else "Nothing in the feedback asks for a change."
    return _reply("keep", reason, [])


def _reply(action: str, reason: str, profiles: list[str], partner: str = "") -> OptimizedRouter:
    return OptimizedRouter.model_validate(
        {"action": action, "reason": reason, "profiles": profiles, "partner": partner}
    )


def _twin(said: Sequence[str], neighbours: Sequence[Named]) -> Named | None:
    """Return the nearest neighbour that says nearly the same, if one does."""
    ours = set(map(phrase_key, said))
    for neighbour in neighbours:
        theirs = set(map(phrase_key, read_message(neighbour.text)))
        small = min(len(ours), len(theirs)) < TWIN_PHRASES
        if not small and len(ours & theirs) >= TWIN * len(ours | theirs):
            return neighbour
    return None


def _stopped(feedback: Sequence[Feedback], beyond: int) -> set[str]:
    """Return the phrases that more feedback wants gone than wants kept, by more than `beyond`."""
    votes = Counter[str]()
    for entry in feedback:
        orders = read_orders(entry.suggestion)
        votes.update(map(phrase_key, (*orders[Order.STOP], *orders[Order.DROP])))
        votes.subtract(map(phrase_key, orders[Order.GO_ON]))
    return {key for key, count in votes.items() if count > beyond}


def _groups(attributes: Sequence[str]) -> tuple[list[str], list[str]] | None:
    """Return two groups of attributes that are linked within and not between, if there are two.

    Attributes are linked when their n-grams are near; the two largest linked groups must cover most
    of them. What belongs to neither goes to the group it is nearer to.
    """
    if len(attributes) < SPLIT_ATTRIBUTES:
        return None
    near = OfflineEncoder().similarities(list(attributes))
    groups = _linked(near)
    if len(groups) < 2 or len(groups[1]) < GROUP:
        return None
    one, two = groups[:2]
    if len(one) + len(two) < GROUPED * len(attributes):
        return None
    for left in (place for group in groups[2:] for place in group):
        to_one = sum(near[left][place] for place in one) / len(one)
        to_two = sum(near[left][place] for place in two) / len(two)
        (one if to_one >= to_two else two).append(left)
    first, second = ([attributes[place] for place in sorted(group)] for group in (one, two))
    return first, second


def _linked(near: Sequence[Sequence[float]]) -> list[list[int]]:
    """Return the connected groups, the largest first."""
    groups: list[list[int]] = []
    free = list(range(len(near)))
    while free:
        group, seen = [free.pop(0)], 0
        while seen < len(group):
            near_by = [place for place in free if near[group[seen]][place] >= LINK]
            free = [place for place in free if place not in near_by]
            group.extend(near_by)
            seen += 1
        groups.append(group)
    return sorted(groups, key=lambda group: (-len(group), group[0]))
