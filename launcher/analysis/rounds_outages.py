"""Who is without a connection when: each gateway for itself, or a whole street that loses its power.

Outages begin and end at any moment, as the two states of a Markov chain in continuous time. Source: Gilbert, "Capacity
of a burst-noise channel" (1960), which has two such states.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import exp
from typing import Final, final

from launcher.simulation.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Pattern:
    """How outages come: `together` neighbors in feeder order at once, for `rounds_mean` periods on average."""

    name: str
    together: int
    rounds_mean: float

    def units(self, members: int) -> int:
        """How many of them fail independently of each other."""
        return -(-members // self.together)


INDEPENDENT: Final = Pattern("independent", 1, 1.0)
BURSTS: Final = Pattern("bursts", 10, 4.0)
"""Ten houses along one cable, dark for an hour at a period of 15 minutes."""

PATTERNS: Final = {pattern.name: pattern for pattern in (INDEPENDENT, BURSTS)}


@dataclass(frozen=True, slots=True)
class Outages:
    """A pattern and the share of time (0 to below 1) that each gateway is without a connection."""

    pattern: Pattern
    loss: float

    @property
    def on_rounds_mean(self) -> float:
        """How long a unit is connected between two outages, in periods, when it has any."""
        return self.pattern.rounds_mean * (1 - self.loss) / self.loss

    def lost_within(self, periods: float) -> float:
        """The probability that who is connected now is not after so many periods."""
        return self.loss * (1 - exp(-periods / (self.pattern.rounds_mean * (1 - self.loss))))

    def ends_within(self, periods: float) -> float:
        """The probability that who is connected now is cut off within so many periods, even if only for a while."""
        return 1 - exp(-periods / self.on_rounds_mean) if self.loss else 0.0


@final
class Weather:
    """Lets outages happen to numbered gateways, from the moment of its making on in their steady state."""

    def __init__(
        self, outages: Outages, timeline: Timeline, period_ms: int, rng: random.Random, act: Callable[[int, bool], None]
    ) -> None:
        """`act` is told a gateway's number and whether it has a connection from now on."""
        self._outages: Final = outages
        self._timeline: Final = timeline
        self._period_ms: Final = period_ms
        self._rng: Final = rng
        self._act: Final = act

    def begin(self, members: int) -> None:
        """Cut some off at once, and let it go on for ever."""
        if not self._outages.loss:
            return
        together = self._outages.pattern.together
        for first in range(0, members, together):
            street = range(first, min(first + together, members))
            if self._rng.random() < self._outages.loss:
                self._cut(street)
            else:
                self._wait(self._outages.on_rounds_mean, partial(self._cut, street))

    def _cut(self, street: range) -> None:
        for number in street:
            self._act(number, False)
        self._wait(self._outages.pattern.rounds_mean, lambda: self._mend(street))

    def _mend(self, street: range) -> None:
        for number in street:
            self._act(number, True)
        self._wait(self._outages.on_rounds_mean, lambda: self._cut(street))

    def _wait(self, rounds_mean: float, then: Callable[[], None]) -> None:
        """Exponentially distributed, which is what having no memory means."""
        self._timeline.after(int(self._rng.expovariate(1 / (rounds_mean * self._period_ms))) + 1, then)
