"""The smallest network, by a stated rule: from which size on no attack gets further than a limit.

The limits are conventions; those of "recommended" were chosen before the attacks were run. Between two sizes a metric
is taken as a straight line over the logarithm of the size. The bootstrap draws the units of every metric anew and
applies the whole rule each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from launcher.analysis.households import Floats
from launcher.analysis.samples import BOUNDS, REPLICATES, Measured, replicates


@dataclass(frozen=True, slots=True)
class Criterion:
    """A metric must not be above a limit; when `is_gap`, by how much a member's exceeds a stranger's."""

    metric: str
    limit: float
    is_gap: bool
    words: str


CRITERIA: Final = (
    Criterion("advantage_habits", 0.10, False, "advantage of who knows habits and sees a week of sums"),
    Criterion("advantage_day", 0.50, False, "advantage of who knows the readings of the day that is summed"),
    Criterion("auc_day", 0.10, True, "AUC of absence for a day, over a stranger's"),
    Criterion("f1", 0.05, True, "F1 of appliances found, over a stranger's"),
    Criterion("groups_15_15", 0.05, False, "share of groups with fewer than 15 or one household above 15 % of a week"),
)
LEVELS: Final = {"recommended": 1.0, "minimum": 2.0, "strict": 0.5}
"""What every limit is multiplied by: the minimum is half as strict; the strict one shows what a limit costs."""


@dataclass(frozen=True, slots=True)
class Smallest:
    """The smallest size and its 95 % bounds; infinite beyond the largest size that was computed."""

    value: float
    low: float
    high: float


def smallest(
    measured: Sequence[Measured], sizes: Sequence[int], factor: float, draws: np.random.Generator
) -> dict[str, Smallest]:
    """The smallest size for each criterion's metric, and for the whole rule under the name `all`."""
    by_name = {one.metric: one for one in measured}
    found: dict[str, tuple[float, Floats]] = {}
    for criterion in CRITERIA:
        if (one := by_name.get(criterion.metric)) is not None:
            units = one.member - one.stranger if criterion.is_gap and one.stranger is not None else one.member
            limit = criterion.limit * factor
            curves = replicates(units, draws, REPLICATES)
            found[criterion.metric] = (crossing(units.mean(axis=0), sizes, limit), _crossings(curves, sizes, limit))
    whole = np.max([many for _, many in found.values()], axis=0)
    found["all"] = (max(value for value, _ in found.values()), whole)
    return {name: _bounded(value, many) for name, (value, many) in found.items()}


def crossing(curve: Floats, sizes: Sequence[int], limit: float) -> float:
    """The size from which on the curve stays at or below the limit; infinite when it ends above."""
    above = np.flatnonzero(curve > limit)
    if not len(above):
        return float(sizes[0])
    last = int(above[-1])
    if last == len(sizes) - 1:
        return float("inf")
    share = (curve[last] - limit) / (curve[last] - curve[last + 1])
    return float(np.exp(np.log(sizes[last]) + share * (np.log(sizes[last + 1]) - np.log(sizes[last]))))


def _crossings(curves: Floats, sizes: Sequence[int], limit: float) -> Floats:
    return np.array([crossing(curve, sizes, limit) for curve in curves])


def _bounded(value: float, many: Floats) -> Smallest:
    # Percentiles by order, not interpolated: some of them may be infinite.
    low, high = np.percentile(many, BOUNDS, method="nearest")
    return Smallest(value, float(low), float(high))
