"""Seeded draws of the faults of replies."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass

from tests.support.model_server.faults import Fault
from tests.support.model_server.settings import ModelServerSettings


@dataclass(slots=True)
class _History:
    asked: int = 0
    in_a_row: int = 0


class Draws:
    """Draws the faults of replies; remembers the earlier replies to each call."""

    def __init__(self) -> None:
        self._calls: defaultdict[bytes, _History] = defaultdict(_History)

    def draw(
        self, call: bytes, kinds: frozenset[Fault], settings: ModelServerSettings
    ) -> Fault | None:
        """Return the fault of the next reply to `call`, one of `kinds`, or None for a sound one.

        It depends on the seed, the call and the earlier replies to the same call; never on others.
        """
        history = self._calls[call]
        drawn = hashlib.sha256(f"{settings.seed}:{history.asked}:".encode() + call).digest()
        history.asked += 1
        faulty = int.from_bytes(drawn[:8]) < settings.faults * 2**64
        among = sorted(kinds & settings.kinds)
        enough = settings.in_a_row is not None and history.in_a_row >= settings.in_a_row
        if not faulty or not among or enough:
            history.in_a_row = 0
            return None
        history.in_a_row += 1
        return among[int.from_bytes(drawn[8:16]) % len(among)]
