"""Dominance: how much of a sum is one household's.

The 15/15 rule of Illinois and California: at least 15 customers, and none with more than 15 % of the sum.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from launcher.analysis.households import Singles
from launcher.analysis.samples import Measured

RULE_CUSTOMERS: Final = 15
RULE_SHARE: Final = 0.15
_ROUNDS: Final = 200


def measures(import_w: Singles, sizes: Sequence[int], groups: int, draws: np.random.Generator) -> list[Measured]:
    """Over random groups: the largest share in a round, rounds with one above half, and failures of 15/15.

    Args:
        import_w: imported power, shape (households, days, slots).
        sizes: how many households a group has.
        groups: how many groups.
        draws: random numbers.
    """
    flat = import_w.reshape(len(import_w), -1)
    rounds = np.sort(draws.permutation(flat.shape[1])[:_ROUNDS])
    week = flat.mean(axis=1, keepdims=True)
    columns = np.array(sizes) - 1
    rows = []
    for _ in range(groups):
        order = draws.permutation(len(flat))[: max(sizes)]
        shares = _largest_shares(flat[order][:, rounds])[columns]
        whole = _largest_shares(week[order])[columns, 0]
        is_small = columns + 1 < RULE_CUSTOMERS
        rows.append(
            (
                shares.mean(axis=1),
                (shares > 0.5).mean(axis=1),
                np.where(is_small, 1.0, (shares > RULE_SHARE).mean(axis=1)),
                np.where(is_small, 1.0, whole > RULE_SHARE),
            )
        )
    table = np.array(rows)
    names = ("share_max", "rounds_half", "rounds_15_15", "groups_15_15")
    return [Measured(name, table[:, place]) for place, name in enumerate(names)]


def _largest_shares(power_w: Singles) -> Singles:
    """The largest share among the first 1, 2, ... households; a sum of nothing tells everything, and counts as 1."""
    largest = np.maximum.accumulate(power_w, axis=0)
    total = np.cumsum(power_w, axis=0, dtype=np.float64)
    return np.where(total > 0, largest / np.where(total > 0, total, 1), 1.0).astype(np.float32)
