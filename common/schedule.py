"""When a round begins, when its frames are due, and which day's seeds it uses. All times are Unix milliseconds.

Source: thesis section 3.3.2 (normal operation); docs/protocol.md, "Rounds".
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from common.identifiers import RoundNumber

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """The times of one network.

    A round lasts `period_ms`. Frames leave within `window_ms` of its start and are awaited `grace_ms` longer; each of
    at most `attempts_max` corrections is awaited `correction_ms`. All of it ends before the next round begins.
    """

    period_ms: int
    window_ms: int
    grace_ms: int
    correction_ms: int
    attempts_max: int

    def __post_init__(self) -> None:
        if min(self.period_ms, self.window_ms, self.correction_ms, self.attempts_max) < 1 or self.grace_ms < 0:
            raise ValueError("period, window, correction and attempts must be positive")
        needed = self.deadline(RoundNumber(0), self.attempts_max)
        if needed >= self.period_ms:
            raise ValueError(
                f"window, grace and {self.attempts_max} corrections take {needed} ms"
                f" and leave nothing of the period of {self.period_ms} ms for the FINAL"
            )

    def round_at(self, now_ms: int) -> RoundNumber:
        """The round that `now_ms` lies in."""
        return RoundNumber(now_ms // self.period_ms)

    def start(self, round_: RoundNumber) -> int:
        """The instant the round begins, which is the end of the interval whose energy it carries."""
        return round_ * self.period_ms

    def deadline(self, round_: RoundNumber, attempt: int) -> int:
        """The instant until which frames are awaited: of the first sending (attempt 0) or of a correction."""
        return self.start(round_) + self.window_ms + self.grace_ms + attempt * self.correction_ms

    @property
    def stale_ms(self) -> int:
        """How old a frame may be."""
        return self.period_ms

    @property
    def future_ms(self) -> int:
        """How far ahead of the receiver's clock a frame may be: 1 % of the period, at least 1 s and at most 9 s."""
        return min(max(self.period_ms // 100, 1_000), 9_000)

    def day(self, round_: RoundNumber) -> int:
        """The day, counted in UTC from 1970-01-01, whose seeds the round uses."""
        return self.start(round_) // DAY_MS

    def send_at(self, round_: RoundNumber, public_key: bytes) -> int:
        """The instant at which the gateway with this key sends: its own place in the first nine tenths of the window.

        The place differs by gateway, so that the broker sees no spike, and stays the same from round to round.
        """
        place = int.from_bytes(blake2b(public_key, digest_size=4, person=b"dcnet offset").digest())
        return self.start(round_) + (self.window_ms * 9 // 10) * place // 2**32
