"""What else the thesis discusses (section 2.3.2), on the same households: nothing, pseudonyms, a battery, a sum.

Readings of 15 minutes of the mixed street. A sum by a trusted third party and one by a DC-net are the same number: they
differ in who sees the single readings. Their metrics come from the experiment on network size.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from launcher.analysis import absence, covariance, edges, forecast, game, likeness
from launcher.analysis.battery import Battery, leveled
from launcher.analysis.cache import Cache
from launcher.analysis.covariance import Weights, relative
from launcher.analysis.households import COARSE_MIN, WEEK_DAYS, Extent, Floats, Sample, Singles, averaged, simulate
from launcher.analysis.options import Options, Tell, silent
from launcher.analysis.samples import Measured, bands
from launcher.analysis.tables import Results, Rows, rounded

POPULATION: Final = "mixed"
SUMS: Final = (20, 50, 100)
METRICS: Final = (
    "advantage_day",
    "advantage_habits",
    "auc_day",
    "f1",
    "relative_entropy",
    "regression",
    "information",
    "clusters",
)
_BATTERIES: Final = {"battery 5 kWh": Battery(), "battery 15 kWh": Battery(15_000.0, 5_000.0)}
_TARGETS: Final = 300
_PERCENTILES: Final = (2, 10, 25, 75, 95, 99)


def results(options: Options, curves: Rows, tell: Tell = silent) -> Results:
    """Every scheme with every metric (`baselines`)."""
    tell("baselines", 0, 1)
    parameters: dict[str, str | int | float | None] = {"population": POPULATION, "targets": _TARGETS}
    rows = Cache(options).rows("baselines", parameters, lambda: _single(options))
    tell("baselines", 1, 1)
    return {"baselines": [*rows, *_sums(curves)]}


def link(coarse_w: Singles, reference_w: Singles) -> NDArray[np.int64]:
    """For each household the trace of the last week that fits the weeks before best, of all traces.

    What is compared are a few features; how much they change from week to week is learned from other households.
    """
    before, week = (features(coarse_w[:, days]) for days in (slice(-WEEK_DAYS), slice(-WEEK_DAYS, None)))
    change = features(reference_w[:, -WEEK_DAYS:]) - features(reference_w[:, :-WEEK_DAYS])
    center = change.mean(axis=0)
    spread = np.cov(change - center, rowvar=False) + 1e-4 * np.eye(change.shape[1])
    matrix = np.linalg.inv(spread)
    expected = before + center
    distance = ((week @ matrix) * week).sum(axis=1) - 2 * (expected @ matrix) @ week.T
    return np.asarray(distance.argmin(axis=1), dtype=np.int64)


def features(power_w: Singles) -> Floats:
    """Logarithms of the mean of each hour, and of low and high percentiles: shape (households, features)."""
    hourly = power_w.reshape(*power_w.shape[:2], 24, -1).mean(axis=(1, 3))
    levels = np.percentile(power_w.reshape(len(power_w), -1), _PERCENTILES, axis=1).T
    joined = np.concatenate([hourly, levels], axis=1).astype(np.float64)
    return np.asarray(np.log(np.maximum(joined, 10.0)), dtype=np.float64)


def _single(options: Options) -> Rows:
    """The schemes under which the provider has one series for each household."""
    sample = simulate(POPULATION, Extent(), options)
    weights = covariance.learn(averaged(sample.reference_w, COARSE_MIN))
    flat = sample.coarse_w.reshape(sample.count, -1)
    linked = link(sample.coarse_w, averaged(sample.reference_w, COARSE_MIN))
    schemes = {"nothing": sample.coarse_w, "pseudonyms": sample.coarse_w}
    for name, battery in _BATTERIES.items():
        schemes[name] = leveled(flat, COARSE_MIN, battery).reshape(sample.coarse_w.shape)
    rows: Rows = []
    for scheme, seen_w in schemes.items():
        found = linked if scheme == "pseudonyms" else np.arange(sample.count)
        measured = [*_games(sample, seen_w, weights, options), *_traced(sample, seen_w[found], weights, options)]
        if scheme == "pseudonyms":
            measured.append(Measured("linked", (linked == np.arange(sample.count)).astype(np.float64)[:, np.newaxis]))
        rows += [_row(scheme, 1, one, options) for one in measured]
    return rows


def _games(sample: Sample, seen_w: Singles, weights: Weights, options: Options) -> list[Measured]:
    """The distinguishing games when one of the two households' series is seen alone."""
    seen, true = relative(seen_w), relative(sample.coarse_w)
    habit = true[:, :-WEEK_DAYS].mean(axis=1)
    day: list[float] = []
    habits: list[float] = []
    for a, b in game.draw_pairs(sample.count, sample.count // 2, options.generator("baselines", "pairs")):
        last = len(day) % WEEK_DAYS - WEEK_DAYS
        direction = weights.day @ (true[a, last] - true[b, last])
        day.append(
            _right(seen[a, last] @ direction, seen[b, last] @ direction, (true[a, last] + true[b, last]) @ direction)
        )
        direction = weights.habits[1] @ (habit[a] - habit[b])
        week_a, week_b = (seen[who, -WEEK_DAYS:].mean(axis=0) @ direction for who in (a, b))
        habits.append(_right(week_a, week_b, (habit[a] + habit[b]) @ direction))
    columns = (np.array(values, dtype=np.float64)[:, np.newaxis] for values in (day, habits))
    return [Measured(name, column) for name, column in zip(METRICS[:2], columns, strict=True)]


def _right(score_a: float, score_b: float, twice_middle: float) -> float:
    return float(np.sign(score_a - twice_middle / 2) - np.sign(score_b - twice_middle / 2)) / 2


def _traced(sample: Sample, seen_w: Singles, weights: Weights, options: Options) -> list[Measured]:
    """Absence, appliances and likeness: what `seen_w` says of the households of the same places."""
    attack = absence.Attack(weights, sizes=(1,), groups=1)
    absent = absence.measures(sample, attack, options.generator("baselines", "absence"), seen_w)
    own, seen = (power[:, -WEEK_DAYS:].reshape(sample.count, -1) for power in (sample.coarse_w, seen_w))
    targets = options.generator("baselines", "targets").permutation(sample.count)[:_TARGETS].tolist()
    events = sample.events or []
    columns = {
        "f1": [edges.f1(seen[h], events[h], COARSE_MIN) for h in targets],
        "relative_entropy": [likeness.relative_entropy(own[h], seen[h]) for h in targets],
        "regression": [likeness.regression(own[h], seen[h], COARSE_MIN) for h in targets],
        "information": [likeness.information(own[h], seen[h]) for h in targets],
        "clusters": [float(edges.clusters(seen[h])) for h in targets],
        "forecast_error": [forecast.error(np.maximum(seen_w[h, -WEEK_DAYS:], 0)) for h in targets],
    }
    measured = [Measured(name, np.array(values)[:, np.newaxis]) for name, values in columns.items()]
    return [*(replace(one, stranger=None) for one in absent if one.metric == "auc_day"), *measured]


def _row(scheme: str, size: int, one: Measured, options: Options) -> dict[str, str | int | float | None]:
    (band,) = bands(one.member, options.generator("baselines", scheme, one.metric))
    numbers = {"value": rounded(band.mean), "low": rounded(band.low), "high": rounded(band.high)}
    return {"scheme": scheme, "n": size, "metric": one.metric, **numbers}


def _sums(curves: Sequence[dict[str, str | int | float | None]]) -> Rows:
    place = {"population": POPULATION, "season": "spring", "period_min": COARSE_MIN}
    return [
        {
            "scheme": "sum",
            "n": row["n"],
            "metric": row["metric"],
            "value": row["member"],
            "low": row["member_low"],
            "high": row["member_high"],
        }
        for row in curves
        if row["n"] in SUMS
        and row["metric"] in (*METRICS, "forecast_error")
        and all(row[key] == value for key, value in place.items())
    ]
