"""How fast to try again, and how often to say so."""

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Jittered exponential back-off: thousands of clients must not return to a restarted broker at one instant.

    The n-th wait is drawn evenly from [u/5, u] with u = first_s * 2**n, at most `max_s`.
    """

    first_s: float
    max_s: float
    source: random.Random = field(default_factory=random.SystemRandom)
    _failures: int = 0

    def next_wait_s(self) -> float:
        """The wait before the next attempt; each call counts as one more failure."""
        upper_s = min(self.max_s, self.first_s * 2 ** min(self._failures, 32))
        self._failures += 1
        return self.source.uniform(upper_s / 5, upper_s)

    def reset(self) -> None:
        """The last attempt was good: begin with short waits again."""
        self._failures = 0


@dataclass(slots=True)
class OncePerMinute:
    """Lets one line of each kind through in `interval_s` and counts those it holds back."""

    interval_s: float = 60
    _said: dict[str, float] = field(default_factory=dict)
    _held: dict[str, int] = field(default_factory=dict)

    def allows(self, kind: str, now_s: float) -> bool:
        """Whether a line of this kind may be written now."""
        said_s = self._said.get(kind)
        if said_s is not None and now_s - said_s < self.interval_s:
            self._held[kind] = self._held.get(kind, 0) + 1
            return False
        self._said[kind] = now_s
        return True

    def held_back(self, kind: str) -> int:
        """How many of this kind were held back since the last call."""
        return self._held.pop(kind, 0)
