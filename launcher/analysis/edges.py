"""Appliance detection by Hart's edges (thesis section 2.3.1, steps 1 and 2).

A rising edge whose size is that of a known appliance is claimed to be it. Scored against what truly was switched on:
precision and recall as F1. In a sum there are edges of all its households: many claims, few of them right.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from launcher.analysis.households import EVENT_W_MIN, Event, Floats, Singles

POWERS_W: Final = (1_500, 1_900, 2_000, 2_050, 2_100, 2_400, 11_000, 18_000)
"""Powers of the appliances that the attacker looks for."""
TOLERANCE: Final = 0.15
CLUSTER_MIN_W: Final = 100
_CLUSTER_GAP: Final = 0.05
_CLUSTER_SIZE: Final = 3


def f1(seen_w: Singles, events: Sequence[Event], period_min: int, powers_w: Sequence[int] = POWERS_W) -> float:
    """F1 of the claims from a series of powers against the events of one household.

    An event is found when an edge of its size lies in its interval or one beside it.
    """
    rises = np.diff(seen_w, prepend=seen_w[:1])
    claims = int(_is_known(rises, powers_w).sum())
    if not events and not claims:
        return 1.0
    slots = np.array([event.minute // period_min for event in events], dtype=np.int64)
    watts = np.array([event.watts for event in events], dtype=np.float64)
    near = np.clip(slots[:, np.newaxis] + np.arange(-1, 2), 0, len(rises) - 1)
    found = (np.abs(rises[near] - watts[:, np.newaxis]) <= TOLERANCE * watts[:, np.newaxis]).any(axis=1)
    # Two events beside one edge are one claim that is right, so no more can be found than was claimed.
    right = min(int(found.sum()), claims)
    return 2 * right / (claims + len(events))


def own_edges(series_w: Singles, period_min: int) -> list[Event]:
    """A household's strong edges in its own readings: the events to look for when nobody knows the true ones."""
    rises = np.diff(series_w, prepend=series_w[:1])
    return [Event(int(slot) * period_min, round(float(rises[slot]))) for slot in np.flatnonzero(rises >= EVENT_W_MIN)]


def clusters(series_w: Singles) -> int:
    """How many clusters the edges of a series form: sizes that lie within 5 % of the next, three at least.

    Rising and falling edges count apart, as in Hart's plot.
    """
    steps = np.diff(series_w)
    return sum(_clusters(np.sort(sizes[sizes >= CLUSTER_MIN_W])) for sizes in (steps, -steps))


def _clusters(sizes: Singles) -> int:
    if not len(sizes):
        return 0
    breaks = np.flatnonzero(np.diff(sizes) > _CLUSTER_GAP * sizes[:-1]) + 1
    lengths = np.diff(np.concatenate(([0], breaks, [len(sizes)])))
    return int((lengths >= _CLUSTER_SIZE).sum())


def _is_known(rises: Singles, powers_w: Sequence[int]) -> Floats:
    if not powers_w:
        return np.asarray(rises >= EVENT_W_MIN * (1 - TOLERANCE), dtype=np.float64)
    known = np.array(powers_w)[:, np.newaxis]
    return np.asarray((np.abs(rises - known) <= TOLERANCE * known).any(axis=0), dtype=np.float64)
