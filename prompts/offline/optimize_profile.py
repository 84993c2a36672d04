"""The offline answer to `optimize_profile`: does what the feedback asks, newest first. Lexical."""

from dataclasses import replace

from prompts.offline.phrases import distinct, without
from prompts.offline.profile_text import read_profile, write_profile
from prompts.offline.suggestions import Order, read_orders
from prompts.optimize import OptimizedProfile, OptimizeProfileFields
from state.domain import ClientKind


def optimize_profile(fields: OptimizeProfileFields) -> OptimizedProfile:
    """Return the profile after the feedback; unchanged where it asks for nothing readable.

    A phrase that is added or kept stands first and leaves the list of what was only heard of. What
    is dropped leaves every list but the free text, which is the client's own word.
    """
    profile, orders = read_profile(fields.profile, fields.kind), read_orders(fields.suggestion)
    adding = [Order.ADD, Order.SAY] if fields.kind is ClientKind.USER else [Order.SAY, Order.ADD]
    added = distinct(phrase for what in adding for phrase in orders[what])
    kept = distinct(p for p in orders[Order.KEEP] if p in profile.known)
    gone = without([*orders[Order.DROP], *orders[Order.STOP]], added)
    changed = replace(
        profile,
        liked=distinct([*added, *kept, *without(profile.liked, gone)]),
        heard=without(profile.heard, [*added, *kept, *gone]),
        avoided=without(profile.avoided, added),
    )
    return OptimizedProfile(profile=write_profile(changed))
