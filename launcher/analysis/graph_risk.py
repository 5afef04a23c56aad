"""What can be said of a random key graph without simulating it: tails of drawing, isolated members, confidence bands.

A provider that works with some of the members takes their masks off, so that only the honest members who are there hide
each other: as far as their part of the key graph hangs together. Source: docs/protocol.md, "Draw", "Key graph";
Erdős and Rényi, "On the evolution of random graphs" (1960), for the isolated members that decide about connectivity.
"""

from dataclasses import dataclass
from math import comb, expm1, sqrt
from typing import Final

from common.roster import MESH_MAX

Z_95: Final = 1.959964
"""Half the width, in standard deviations, of a band that holds 95 % of a normal distribution."""


_STEPS_MAX: Final = 2_000
_STEP_MIN: Final = 1e-10
_COLLAPSED: Final = 0.1
"""Hardly anybody is left; between this and nearly all there is nothing in between that lasts."""


@dataclass(frozen=True, slots=True)
class Band:
    """A measured share with its confidence band."""

    share: float
    low: float
    high: float


def wilson(hits: float, trials: float, z: float = Z_95) -> Band:
    """The score interval of a share, which stays in [0, 1] and says something even of no hits at all.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
    """
    assert trials > 0, "nothing was tried"
    share, spread = hits / trials, z * z / trials
    center = (share + spread / 2) / (1 + spread)
    half = sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
    return Band(
        share, 0.0 if hits == 0 else max(center - half, 0.0), 1.0 if hits == trials else min(center + half, 1.0)
    )


@dataclass(frozen=True, slots=True)
class Shape:
    """A key graph as the protocol makes it: each of `members` draws `draws` others, up to 25 members everybody all."""

    members: int
    draws: int
    colluders: int = 0

    def __post_init__(self) -> None:
        assert self.members >= 2, "a key graph needs two"
        assert 0 <= self.colluders < self.members, "one at least is honest"

    @property
    def is_mesh(self) -> bool:
        """Whether everybody is everybody's neighbor."""
        return self.members <= MESH_MAX

    @property
    def drawn(self) -> int:
        """How many each member draws."""
        return self.others if self.is_mesh else min(self.draws, self.others)

    @property
    def others(self) -> int:
        """Among how many each member draws."""
        return self.members - 1

    @property
    def honest(self) -> int:
        """Members that do not work with the provider."""
        return self.members - self.colluders

    @property
    def degree(self) -> float:
        """The mean number of neighbors: those drawn, and those that drew, pairs that drew each other counted once."""
        return self.drawn * (2 - self.drawn / self.others)


def hypergeometric(marked: int, total: int, drawn: int, hits: int) -> float:
    """The probability of exactly so many marked ones among `drawn` of `total`, each drawn at most once."""
    if hits < 0 or drawn - hits < 0:
        return 0.0
    return comb(marked, hits) * comb(total - marked, drawn - hits) / comb(total, drawn)


def hypergeometric_tail(marked: int, total: int, drawn: int, least: int) -> float:
    """The probability of at least so many marked ones among `drawn` of `total`, each drawn at most once."""
    ways = sum(comb(marked, hits) * comb(total - marked, drawn - hits) for hits in range(max(least, 0), drawn + 1))
    return ways / comb(total, drawn)


def binomial_tail(trials: int, probability: float, least: int) -> float:
    """The probability of at least so many hits: the limit of the hypergeometric tail in a network without end."""
    miss = 1 - probability
    return sum(
        comb(trials, hits) * probability**hits * miss ** (trials - hits) for hits in range(max(least, 0), trials + 1)
    )


def isolation(shape: Shape, loss: float) -> float:
    """The probability that an honest member who is there has no honest neighbor who is there. Exact.

    Whom it drew are colluders or absent, and of the other honest members, who are as many as are left, each one is
    absent or did not draw it.

    Args:
        shape: the key graph; its colluders are among the others, and always there.
        loss: the probability that an honest member is absent, independent of all others.
    """
    silent, total = 1 - (1 - loss) * shape.drawn / shape.others, 0.0
    for bad in range(shape.drawn + 1):
        good = shape.drawn - bad
        chance = hypergeometric(shape.colluders, shape.others, shape.drawn, bad)
        if chance > 0:
            total += chance * loss**good * silent ** (shape.honest - 1 - good)
    return total


def split(shape: Shape, loss: float) -> float:
    """About the probability that the honest members who are there fall into several parts.

    In a random graph of some density, the first parts to fall off are single members, and their number is about Poisson
    distributed. A graph in which everybody draws at least three has hardly any other small parts; with fewer draws, or
    most members absent, the true value is somewhat higher.
    """
    return -expm1(-shape.honest * (1 - loss) * isolation(shape, loss)) if not shape.is_mesh else 0.0


def surrounded(shape: Shape, replacements: int, least: int) -> float:
    """At most the probability that at least `least` of those that one honest member draws work with the provider.

    The provider may keep honest neighbors away so that the member gives up `replacements` of its slots, and chooses
    after it has seen each draw: the union of all that it can reach is among drawn + replacements draws.
    """
    return hypergeometric_tail(shape.colluders, shape.others, min(shape.drawn + replacements, shape.others), least)


def any_of(chance: float, members: int) -> float:
    """At most the probability that it happens to any of so many members: the union bound."""
    return min(chance * members, 1.0)


def staying(drawn: int, needed: int, loss: float) -> float:
    """Which share of those who are there is left when whoever has too few of its drawn must stay out as well.

    Each who stays out is missing to those who drew it, until nothing changes: the largest solution of
    left = there * P(at least `needed` of `drawn` are left), for a network without end. Source: bootstrap percolation,
    Chalupa, Leath and Reich, "Bootstrap percolation on a Bethe lattice" (1979).
    """
    left = there = 1 - loss
    for _ in range(_STEPS_MAX):
        before, left = left, there * binomial_tail(drawn, left, needed)
        if before - left < _STEP_MIN:
            break
    return left / there


def cliff(drawn: int, needed: int) -> float:
    """The share of members whose absence stops all others: one more makes one more stay out, and so on to the last."""
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        if staying(drawn, needed, middle) > _COLLAPSED:
            low = middle
        else:
            high = middle
    return low
