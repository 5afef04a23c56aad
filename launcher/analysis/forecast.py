"""What the sum is good for: how well the next workdays follow from the last ones.

A forecast is the mean of the three workdays before, at the same time of day; its error the mean distance as a share of
the mean import. Households differ from day to day, so that small groups are hard to foresee; large ones only
differ by what all of them do.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from launcher.analysis.households import Floats, Singles
from launcher.analysis.samples import Measured

_LEARN_DAYS: Final = (0, 1, 4)
_TEST_DAYS: Final = (5, 6)
"""Simulated weeks begin on a Thursday: Thursday, Friday, Monday; Tuesday, Wednesday."""


def measures(import_w: Singles, sizes: Sequence[int], groups: int, draws: np.random.Generator) -> list[Measured]:
    """The error over random groups; powers of shape (households, 7, slots)."""
    rows = []
    for _ in range(groups):
        order = draws.permutation(len(import_w))
        total = np.zeros(import_w.shape[1:])
        done, row = 0, []
        for size in sizes:
            total = total + import_w[order[done:size]].sum(axis=0)
            done = size
            row.append(error(total))
        rows.append(row)
    return [Measured("forecast_error", np.array(rows))]


def error(total_w: Floats | Singles) -> float:
    """The error of the forecast for one group's sum of shape (7, slots); 0 when nothing is imported."""
    forecast = total_w[list(_LEARN_DAYS)].mean(axis=0)
    actual = total_w[list(_TEST_DAYS)]
    mean = float(np.abs(actual).sum())
    return float(np.abs(actual - forecast).sum()) / mean if mean else 0.0
