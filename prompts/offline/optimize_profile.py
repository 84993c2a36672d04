"""The offline answer to `optimize_profile`: does what the feedback asks, newest first. Lexical."""

from dataclasses import replace

from prompts.offline.phrases import distinct, without
from prompts.offline.profile_text import (
    AVOIDED_HELD,
    HEARD_HELD,
    LIKED_HELD,
    Profile,
    read_profile,
    write_profile,
)
from prompts.offline.suggestions import Order, read_orders
from prompts.optimize_profile import OptimizedProfile, OptimizeProfileFields
from state.domain import ClientKind


def optimize_profile(fields: OptimizeProfileFields) -> OptimizedProfile:
    """Return the profile after the feedback; unchanged where it asks for nothing readable."""
    profile = read_profile(fields.profile, fields.kind)
    changed = _follow(profile, read_orders(fields.suggestion))
    return OptimizedProfile(profile=write_profile(changed))


def _follow(profile: Profile, orders: dict[Order, tuple[str, ...]]) -> Profile:
    """Return the profile with phrases added, dropped and moved.

    A phrase that is added or kept stands first and leaves the list of what was only heard of: an
    interaction has confirmed it. What is dropped leaves every list but the free text, which is the
    client's own word.
    """
    adding = Order.ADD if profile.kind is ClientKind.USER else Order.SAY
    added = distinct([*orders.get(adding, ()), *orders.get(_other(adding), ())])
    kept = distinct(p for p in orders.get(Order.KEEP, ()) if p in profile.known)
    avoided = without(orders.get(Order.AVOID, ()), added)
    gone = without([*orders.get(Order.DROP, ()), *orders.get(Order.STOP, ()), *avoided], added)
    return replace(
        profile,
        liked=distinct([*added, *kept, *without(profile.liked, gone)])[:LIKED_HELD],
        heard=without(profile.heard, [*added, *kept, *gone])[:HEARD_HELD],
        avoided=distinct([*avoided, *without(profile.avoided, added)])[:AVOIDED_HELD],
    )


def _other(adding: Order) -> Order:
    return Order.SAY if adding is Order.ADD else Order.ADD
