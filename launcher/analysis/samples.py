"""What a metric measured: one number for each unit and size; means with bootstrap bounds.

Units are what was drawn independently (pairs, households, groups); they are what the bootstrap draws anew
(Efron and Tibshirani: An Introduction to the Bootstrap, 1993, percentile intervals).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from launcher.analysis.households import Floats, Singles

REPLICATES: Final = 1_000
BOUNDS: Final = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric over sizes.

    Attributes:
        metric: its name in tables.
        member: for a household of the group, shape (units, sizes).
        stranger: the same attack on a household of the same population that is not in the group; None where the
            question has no stranger.
    """

    metric: str
    member: Floats
    stranger: Floats | None = None


@dataclass(frozen=True, slots=True)
class Band:
    """A mean and its 95 % bootstrap bounds."""

    mean: float
    low: float
    high: float


def replicates(units: Floats, draws: np.random.Generator, count: int = REPLICATES) -> Floats:
    """Means of `count` bootstrap samples of the units, shape (count, sizes)."""
    weights = draws.multinomial(len(units), np.full(len(units), 1 / len(units)), size=count) / len(units)
    return np.asarray(weights @ units, dtype=np.float64)


def bands(units: Floats, draws: np.random.Generator) -> list[Band]:
    """The band of each size."""
    means = units.mean(axis=0)
    low, high = np.percentile(replicates(units, draws), BOUNDS, axis=0)
    return [Band(*map(float, band)) for band in zip(means, low, high, strict=True)]


def auc(positive: Floats, negative: Floats) -> Floats:
    """Chance that a positive score is above a negative one, ties counted half; scores along the last axis."""
    above = positive[..., :, np.newaxis] - negative[..., np.newaxis, :]
    return np.asarray(((above > 0) + 0.5 * (above == 0)).mean(axis=(-2, -1)), dtype=np.float64)


def stronger(first: Measured, second: Measured) -> Measured:
    """For each size the attack that does better on members; both on the same units."""
    is_second = second.member.mean(axis=0) > first.member.mean(axis=0)
    stranger = None
    if first.stranger is not None and second.stranger is not None:
        stranger = np.where(is_second, second.stranger, first.stranger)
    return Measured(first.metric, np.where(is_second, second.member, first.member), stranger)


def others(draws: np.random.Generator, count: int, shape: tuple[int, ...], *without: int) -> NDArray[np.int64]:
    """Households drawn with replacement from `count`, none of them in `without`."""
    picked = draws.integers(0, count - len(set(without)), size=shape)
    for place in sorted(set(without)):
        picked += picked >= place
    return picked


def group_sums(power_w: Singles, picked: NDArray[np.int64], sizes: Sequence[int]) -> list[Singles]:
    """Sums of the first n - 1 picked households for each size n, each of shape (groups, ...)."""
    total = np.zeros((len(picked), *power_w.shape[1:]), dtype=np.float32)
    result, done = [], 0
    for size in sizes:
        for column in range(done, size - 1):
            total += power_w[picked[:, column]]
        done = size - 1
        result.append(total.copy())
    return result
