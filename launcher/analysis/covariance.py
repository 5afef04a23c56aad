"""What an attacker knows about households in general: how their days vary together.

All attacks weigh the slots of a day by the inverse of the covariance of the noise, the sum of the others (Fisher's
linear discriminant): the best any weighing can do when that noise is Gaussian. Weather, season and weekday are known:
powers are taken relative to the population's mean of the day.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from launcher.analysis.households import WEEK_DAYS, Singles

SHRINKAGE: Final = 0.02
"""Share of the diagonal mixed in, against directions in which the reference happens not to vary."""
_BLOCKS: Final = 96


@dataclass(frozen=True, slots=True)
class Weights:
    """Matrices (slots, slots) that turn what the attacker expects into weights of the slots.

    Attributes:
        day: the inverse covariance of one household's powers on any day.
        within: the same around the household's own mean.
        week: the inverse covariance of the mean of seven days, over seven.
        habits: the same for an expectation that was itself averaged over four weeks: several guesses how much of the
            noise is the household's own; the attacker takes the best for each size.
    """

    day: Singles
    within: Singles
    week: Singles
    habits: tuple[Singles, ...]


def relative(power_w: Singles) -> Singles:
    """Powers less the population's mean of each slot of each day."""
    return np.asarray(power_w - power_w.mean(axis=0, keepdims=True), dtype=np.float32)


def learn(reference_w: Singles) -> Weights:
    """Estimate from powers of shape (households, days, slots), whole weeks.

    What differs between households for good changes slowly over the day: it is estimated by the quarter-hour at most.
    """
    residual = relative(reference_w)
    within, between = _parts(residual)
    return Weights(
        day=_inverse(within + between),
        within=_inverse(within),
        week=_inverse(within + WEEK_DAYS * between),
        habits=_for_habits(residual) if residual.shape[-1] <= _BLOCKS else (),
    )


def _parts(samples: Singles) -> tuple[Singles, Singles]:
    """Covariance within and between households of samples of shape (households, samples each, slots)."""
    households, count, slots = samples.shape
    mean = samples.mean(axis=1)
    deviation = (samples - mean[:, np.newaxis]).reshape(-1, slots)
    within = deviation.T @ deviation / max(households * (count - 1), 1)
    spread = np.repeat(np.eye(min(_BLOCKS, slots), dtype=np.float32), max(slots // _BLOCKS, 1), axis=0)
    to_blocks = spread.T * (spread.shape[1] / slots)
    blocks = mean @ to_blocks.T
    raw = blocks.T @ blocks / max(households - 1, 1) - to_blocks @ within @ to_blocks.T / count
    values, vectors = np.linalg.eigh((raw + raw.T) / 2)
    between = (vectors * np.clip(values, 0, None)) @ vectors.T
    return within, np.asarray(spread @ between @ spread.T, dtype=np.float32)


def _for_habits(residual: Singles) -> tuple[Singles, ...]:
    """Weights for a week of sums: noise of others and own, own only, and each slot for itself.

    An average over four weeks still has noise; the first two weigh it down (Wiener filter).
    """
    households, days, slots = residual.shape
    weeks = max(days // WEEK_DAYS, 1)
    within, between = _parts(residual.reshape(households, weeks, -1, slots).mean(axis=2))
    filtered = between @ _inverse(between + within / weeks)
    own = within * (1 + 1 / weeks)
    alone = np.diag(1 / (np.diag(within + between) + _floor(within + between)))
    return (
        np.asarray(_inverse(own + between + within) @ filtered, dtype=np.float32),
        np.asarray(_inverse(own) @ filtered, dtype=np.float32),
        alone.astype(np.float32),
    )


def _floor(covariance: Singles) -> float:
    """A variance below which a slot is not believed, W^2: a thousandth of the mean."""
    return max(float(np.diag(covariance).mean()) * 1e-3, 1e-9)


def _inverse(covariance: Singles) -> Singles:
    wide = covariance.astype(np.float64)
    shrunk = (1 - SHRINKAGE) * wide + np.diag(SHRINKAGE * np.diag(wide) + _floor(covariance))
    return np.linalg.inv(shrunk).astype(np.float32)
