"""Attacks on a week of sums as a series: appliance detection, likeness, information; for members and strangers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from launcher.analysis import edges, likeness
from launcher.analysis.households import Event, Sample, Singles, averaged
from launcher.analysis.samples import Measured, group_sums, others

METRICS: Final = ("f1", "relative_entropy", "regression", "information")


@dataclass(frozen=True, slots=True)
class ToFind:
    """Events of a household, the period in minutes, and the powers that an edge detector takes for appliances."""

    events: Sequence[Event]
    period_min: int
    powers_w: Sequence[int]


def measures(
    sample: Sample, period_min: int, sizes: Sequence[int], targets: int, draws: np.random.Generator
) -> list[Measured]:
    """All metrics for so many households, each in one group for each size, and a stranger beside each."""
    flat = averaged(sample.fine_w, period_min // sample.fine_min).reshape(sample.count, -1)
    members: list[list[tuple[float, ...]]] = []
    strangers: list[list[tuple[float, ...]]] = []
    clusters = []
    targets = min(targets, sample.count // 2)
    for target, stranger in draws.permutation(sample.count)[: 2 * targets].reshape(-1, 2).tolist():
        picked = others(draws, sample.count, (1, max(sizes)), target, stranger)
        seen = [flat[target] + rest[0] for rest in group_sums(flat, picked, sizes)]
        for found, household in ((members, target), (strangers, stranger)):
            to_find = known(sample, flat[household], household, period_min)
            pairs = zip(seen, sizes, strict=True)
            found.append([compare(flat[household], total, n, to_find) for total, n in pairs])
        clusters.append([float(edges.clusters(total)) for total in seen])
    member, stranger_table = np.array(members), np.array(strangers)
    result = [Measured(name, member[..., i], stranger_table[..., i]) for i, name in enumerate(METRICS)]
    return [*result, Measured("clusters", np.array(clusters))]


def compare(own_w: Singles, seen_w: Singles, size: int, to_find: ToFind) -> tuple[float, ...]:
    """The metrics of `METRICS` for one household and what is seen of a sum over `size`."""
    return (
        edges.f1(seen_w, to_find.events, to_find.period_min, to_find.powers_w),
        likeness.relative_entropy(own_w, seen_w / size),
        likeness.regression(own_w, seen_w, to_find.period_min),
        likeness.information(own_w, seen_w),
    )


def known(sample: Sample, own_w: Singles, household: int, period_min: int) -> ToFind:
    """What an edge detector looks for; without true events, the household's own edges."""
    if sample.events is None:
        return ToFind(edges.own_edges(own_w, period_min), period_min, ())
    return ToFind(sample.events[household], period_min, edges.POWERS_W)
