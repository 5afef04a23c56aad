"""Is a household that the attacker knows away? Asked of the sums of one day, and of a whole week.

The attacker knows the household's mean day at home and what it draws when nobody is there. It scores a day by how much
of the difference is missing in the sum: once weighted for Gaussian noise, once for lognormal, which is the better
guess in small groups; reports take the stronger. AUC: the chance that a day (week) of absence ranks above one at home,
of the same group; 0.5 is a coin. Fine periods say nothing more: whoever has them adds them up to quarter-hours first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from launcher.analysis.covariance import Weights
from launcher.analysis.households import WEEK_DAYS, Floats, Sample, Singles
from launcher.analysis.samples import Measured, auc, group_sums, others

HOUSEHOLDS_MIN: Final = 5
"""So many must have been away and at home: a mean of fewer has no bounds worth the name."""
_STANDBY_PERCENTILE: Final = 10
_FLOOR_W: Final = 10.0


@dataclass(frozen=True, slots=True)
class Attack:
    """How absence is asked for: with what knowledge of other households, at which sizes, in how many groups of each."""

    weights: Weights
    sizes: Sequence[int]
    groups: int


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A household, a week in which it was away and one in which it was not, and its groups: (groups, members)."""

    household: int
    weeks: list[int]
    picked: NDArray[np.int64]


def measures(
    sample: Sample, attack: Attack, draws: np.random.Generator, seen_w: Singles | None = None
) -> list[Measured]:
    """AUC by day and by week, for members and strangers; nothing when hardly any household was ever away.

    `seen_w` is what is seen of each household instead of `sample.coarse_w`.
    """
    power = _by_week(sample.coarse_w if seen_w is None else seen_w)
    rows = []
    for household in range(sample.count):
        away, home = np.flatnonzero(sample.is_away[household]), np.flatnonzero(~sample.is_away[household])
        if len(away) and len(home) >= 2:
            weeks = [int(draws.choice(away)), int(draws.choice(home))]
            picked = others(draws, sample.count, (attack.groups, max(attack.sizes)), household)
            rows.append(_attacked(sample, power, attack, _Drawn(household, weeks, picked)))
    return _stronger(np.array(rows)) if len(rows) >= HOUSEHOLDS_MIN else []


def _attacked(sample: Sample, power: Singles, attack: Attack, drawn: _Drawn) -> Floats:
    """AUC of shape (sizes, member or stranger, attacker, day or week)."""
    household, weeks, picked = drawn.household, drawn.weeks, drawn.picked
    own = power[household, weeks]
    # The others are drawn from everybody but this household: their mean is what the attacker expects of each.
    mean = (power[:, weeks].sum(axis=0) - own) / (sample.count - 1)
    home = np.setdiff1d(np.flatnonzero(~sample.is_away[household]), weeks)
    habit, empty = _presence(sample, household, home)
    direction = attack.weights.within @ (empty - habit)
    sums = group_sums(power[:, weeks], picked, attack.sizes)
    scores = []
    for place, size in enumerate(attack.sizes):
        expected = (size - 1) * mean
        ratio = _log(expected + empty) - _log(expected + habit)
        for joined in (own, power[picked[:, size - 1]][:, weeks]):
            seen = sums[place] + joined
            gaussian = (seen - expected - mean) @ direction
            lognormal = ((_log(seen) - _log(expected + habit)) * ratio).sum(axis=-1)
            scores.append([_ranked(gaussian), _ranked(lognormal)])
    return np.array(scores).reshape(len(attack.sizes), 2, 2, 2)


def _stronger(table: Floats) -> list[Measured]:
    """The table is (households, sizes, member or stranger, attacker, day or week)."""
    best = table[:, :, 0].mean(axis=0).argmax(axis=1)
    result = []
    for place, metric in enumerate(("auc_day", "auc_week")):
        chosen = best[:, place]
        columns = np.arange(table.shape[1])
        member, stranger = (table[:, columns, who, chosen, place] for who in (0, 1))
        result.append(Measured(metric, member, stranger))
    return result


def _presence(sample: Sample, household: int, weeks: NDArray[np.int64]) -> tuple[Singles, Singles]:
    """The household's mean power by slot when somebody is there, and when nobody is."""
    days = (weeks[:, np.newaxis] * WEEK_DAYS + np.arange(WEEK_DAYS)).ravel()
    load, net = sample.load_w[household, days], sample.coarse_w[household, days]
    empty = net.mean(axis=0) - load.mean(axis=0) + np.percentile(load, _STANDBY_PERCENTILE).astype(np.float32)
    return net.mean(axis=0), empty


def _ranked(scores: Singles) -> tuple[float, float]:
    """AUC by day and by week of scores of shape (groups, away or home, days)."""
    wide = scores.astype(np.float64)
    week = wide.mean(axis=2, keepdims=True)
    return float(auc(wide[:, 0], wide[:, 1]).mean()), float(auc(week[:, 0], week[:, 1]).mean())


def _by_week(power_w: Singles) -> Singles:
    return power_w.reshape(len(power_w), -1, WEEK_DAYS, power_w.shape[-1])


def _log(power_w: Singles) -> Singles:
    return np.log(np.maximum(power_w, _FLOOR_W))
