"""The offline answers to the prompts of peer messages: shared words of two profiles. Lexical."""

from collections.abc import Sequence

from prompts.offline.phrases import distinct, phrase_key, stems
from prompts.offline.profile_text import NOTHING_KNOWN, read_profile, write_message
from prompts.peer_messages import (
    AddressClients,
    AddressClientsFields,
    Candidate,
    ChooseRecipients,
    ChooseRecipientsFields,
    WriteMessage,
    WriteMessageFields,
)
from state.domain import ClientKind

NAMED = 12
NAMED_AT_ONCE = 4
"""Tastes that a message names, where its recipients are in view and where they are not."""


def choose(fields: ChooseRecipientsFields) -> ChooseRecipients:
    """Return the candidates whose tastes share most words with the profile's own."""
    likes = _likes(fields.kind, fields.profile)
    scored = sorted(
        ((_shared(likes, candidate), candidate) for candidate in fields.candidates),
        # By their texts where they share as much: their order and names say nothing.
        key=lambda entry: (-entry[0], entry[1].profile, entry[1].name),
    )
    chosen = [candidate.name for shared, candidate in scored if shared > 0][: fields.most]
    reason = f"They share: {'; '.join(likes[:3])}." if chosen else "They share no taste."
    return ChooseRecipients(reason=reason, recipients=chosen)


def write(fields: WriteMessageFields) -> WriteMessage:
    """Return the profile's own tastes, those first that some recipient does not know."""
    likes = _likes(fields.kind, fields.profile)
    known = [{phrase_key(p) for p in _likes(r.kind, r.profile)} for r in fields.recipients]
    news = [p for p in likes if not all(phrase_key(p) in theirs for theirs in known)]
    named = distinct([*news, *likes])[:NAMED]
    return WriteMessage(message=write_message(named) if named else NOTHING_KNOWN)


def address(fields: AddressClientsFields) -> AddressClients:
    """Return the recipients and the newest tastes, whether or not the recipients know them."""
    names, likes = choose(fields).recipients, _likes(fields.kind, fields.profile)
    if not (names and likes):
        return AddressClients(message="", recipients=[])
    return AddressClients(message=write_message(likes[:NAMED_AT_ONCE]), recipients=names)


def _likes(kind: ClientKind, profile: str) -> tuple[str, ...]:
    """Return the tastes that a profile lists; its prose, such as a title, where it lists none."""
    read = read_profile(profile, kind)
    return distinct([*read.about, *read.liked]) or read.likes


def _shared(likes: Sequence[str], candidate: Candidate) -> int:
    """Return how many words both profiles like, without those that the candidate avoids."""
    theirs = read_profile(candidate.profile, candidate.kind)
    wanted = {part for p in _likes(candidate.kind, candidate.profile) for part in stems(p)}
    unwanted = {part for phrase in theirs.dislikes for part in stems(phrase)}
    return len({part for phrase in likes for part in stems(phrase)} & (wanted - unwanted))
