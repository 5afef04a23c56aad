"""CPU time of this process, which a busy neighbor disturbs less than wall time."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

US: Final = 1e6
"""Microseconds in a second."""


@dataclass(slots=True)
class Laps:
    """CPU seconds of what was done several times; each lap divided by how many things it did."""

    seconds: list[float] = field(default_factory=list)

    @property
    def least_us(self) -> float:
        """The quickest lap: what the work needs when nothing disturbs it."""
        return min(self.seconds) * US

    @property
    def median_us(self) -> float:
        """The middle lap."""
        return statistics.median(self.seconds) * US

    def add(self, others: "Laps") -> None:
        """Take in laps of the same work at another moment."""
        self.seconds += others.seconds

    @contextmanager
    def lap(self, things: int = 1) -> Iterator[None]:
        """Measure what happens inside, which does `things` things of the same kind."""
        before = time.process_time()
        yield
        self.seconds.append((time.process_time() - before) / things)


def repeated(work: Callable[[], object], times: int, laps: int = 40) -> Laps:
    """Laps of calling `work` `times` times in a row."""
    found = Laps()
    for _ in range(laps):
        with found.lap(times):
            for _ in range(times):
                work()
    return found


def over(work: Callable[[], object], things: int, laps: int = 10) -> Laps:
    """Laps of one call that does `things` things."""
    found = Laps()
    for _ in range(laps):
        with found.lap(things):
            work()
    return found


def differences(moments: Sequence[float]) -> Laps:
    """Laps between moments at which somebody else looked at its own CPU time."""
    return Laps([after - before for before, after in pairwise(moments)])
