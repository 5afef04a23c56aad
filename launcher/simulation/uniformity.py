"""Whether draws are uniform: Pearson's chi-square test over many draws of different sizes.

A draw among n members is filed under one of 13 classes by the rank of who was drawn.
"""

from dataclasses import dataclass, field
from typing import Final, Self, final

from launcher.tails import chi_square_tail

CLASSES: Final = 13

LEVEL: Final = 1e-6
"""Uniform draws fail the test with this probability; `dcnet simulate` is called often, so it is small."""


@final
@dataclass(slots=True)
class Spread:
    """How often each class was hit, and how often it would be on average if draws were uniform."""

    hits: list[int] = field(default_factory=lambda: [0] * CLASSES)
    expected: list[float] = field(default_factory=lambda: [0.0] * CLASSES)

    def add(self, rank: int, count: int) -> None:
        """One draw: among `count` members, in some order, it fell to the one at `rank` (from 0)."""
        assert 0 <= rank < count, "a draw falls to one of those among whom it was drawn"
        self.hits[rank * CLASSES // count] += 1
        for class_ in range(CLASSES):
            self.expected[class_] += (_first(class_ + 1, count) - _first(class_, count)) / count

    def merge(self, other: Self) -> None:
        """Take over what another run counted."""
        self.hits = [a + b for a, b in zip(self.hits, other.hits, strict=True)]
        self.expected = [a + b for a, b in zip(self.expected, other.expected, strict=True)]

    @property
    def draws(self) -> int:
        """How many draws were counted."""
        return sum(self.hits)

    @property
    def p_value(self) -> float:
        """How probable hits at least so uneven are if draws are uniform; 1 when there were none.

        Those of one gateway fall to different members, so they are a little more even than the test takes for granted.
        """
        if not self.draws:
            return 1.0
        uneven = sum((hit - mean) ** 2 / mean for hit, mean in zip(self.hits, self.expected, strict=True) if mean)
        return chi_square_tail(uneven, CLASSES - 1)


def _first(class_: int, count: int) -> int:
    """The lowest rank that is filed under this class or a higher one."""
    return -(-class_ * count // CLASSES)
