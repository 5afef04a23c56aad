"""The distinguishing game: the attacker knows two households; one of them is in the sum; which?

It knows their readings of the very day or week that is summed, or their habits only: their mean day over four earlier
weeks. A coin decides which of the two joins n - 1 others. Advantage: how much more often than a coin the attacker is
right, 2 P(right) - 1. Source of the game: Buescher et al., "Two is not enough", PoPETs 2017.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from launcher.analysis.covariance import Weights, relative
from launcher.analysis.households import WEEK_DAYS, Floats, Singles
from launcher.analysis.samples import Measured, others

_BATCH: Final = 50


@dataclass(frozen=True, slots=True)
class Game:
    """What is played: sizes, so many disjoint pairs, each with so many groups of others."""

    sizes: Sequence[int]
    pairs: int
    groups: int


def draw_pairs(count: int, pairs: int, draws: np.random.Generator) -> NDArray[np.int64]:
    """Disjoint pairs of households, shape (pairs, 2)."""
    order = draws.permutation(count)
    pairs = min(pairs, count // 2)
    return order[: 2 * pairs].reshape(pairs, 2)


def known_day(fine_w: Singles, weights: Weights, game: Game, draws: np.random.Generator) -> Measured:
    """The attacker has both households' readings of the day that is summed."""
    residual = relative(fine_w)
    pairs = draw_pairs(len(fine_w), game.pairs, draws)
    day = np.arange(len(pairs)) % fine_w.shape[1]
    member, stranger = [], []
    for a, b, d in zip(*pairs.T, day, strict=True):
        direction = weights.day @ (residual[a, d] - residual[b, d])
        scores = (residual[:, d] @ direction).astype(np.float64)
        row = _play(scores, (scores[a] + scores[b]) / 2, (a, b), game, draws)
        member.append(row[0])
        stranger.append(row[1])
    return Measured("advantage_day", np.array(member), np.array(stranger))


def known_week(fine_w: Singles, weights: Weights, game: Game, draws: np.random.Generator) -> Measured:
    """The attacker has both households' readings of the week that is summed, day by day."""
    residual = relative(fine_w)
    flat = residual.reshape(len(residual), -1)
    pairs = draw_pairs(len(fine_w), game.pairs, draws)
    rows = []
    for begin in range(0, len(pairs), _BATCH):
        batch = pairs[begin : begin + _BATCH]
        difference = residual[batch[:, 0]] - residual[batch[:, 1]]
        mean = difference.mean(axis=1, keepdims=True)
        directions = (difference - mean) @ weights.within + mean @ weights.week
        table = (flat @ directions.reshape(len(batch), -1).T).astype(np.float64)
        for (a, b), scores in zip(batch.tolist(), table.T, strict=True):
            rows.append(_play(scores, (scores[a] + scores[b]) / 2, (a, b), game, draws))
    played = np.array(rows)
    return Measured("advantage_week", played[:, 0], played[:, 1])


def known_habits(coarse_w: Singles, weights: Weights, game: Game, draws: np.random.Generator) -> Measured:
    """The attacker has both households' mean day of the weeks before, and sees a week of sums."""
    residual = relative(coarse_w)
    habit = residual[:, :-WEEK_DAYS].mean(axis=1)
    week = residual[:, -WEEK_DAYS:].sum(axis=1)
    rows = []
    for a, b in draw_pairs(len(coarse_w), game.pairs, draws):
        for matrix in weights.habits:
            direction = matrix @ (habit[a] - habit[b])
            scores = (week @ direction).astype(np.float64)
            middle = WEEK_DAYS * float((habit[a] + habit[b]) @ direction) / 2
            rows.append(_play(scores, middle, (a, b), game, draws))
    table = np.array(rows).reshape(-1, len(weights.habits), 2, len(game.sizes))
    best = table[:, :, 0].mean(axis=0).argmax(axis=0)
    columns = np.arange(len(game.sizes))
    return Measured("advantage_habits", table[:, best, 0, columns], table[:, best, 1, columns])


def _play(
    scores: Floats, middle: float, pair: tuple[int, int], game: Game, draws: np.random.Generator
) -> tuple[Floats, Floats]:
    """Advantage for each size with one of the pair in the sum, and with neither of them (another in their place).

    `scores` are everybody's; from a sum's score above `middle` on, the attacker says the first of the pair.
    """
    (a, b), largest = pair, max(game.sizes)
    picked = others(draws, len(scores), (game.groups, largest), *pair)
    # The others are drawn from everybody but the pair: their mean is what the attacker expects of each.
    expected = np.delete(scores, pair).mean()
    sums = np.concatenate([np.zeros((game.groups, 1)), np.cumsum(scores[picked] - expected, axis=1)], axis=1)
    places = np.array(game.sizes)
    noise = sums[:, places - 1]
    # Sign 0 is an attacker that tosses a coin: identical households cannot be told apart.
    advantage = (np.sign(scores[a] + noise - middle) - np.sign(scores[b] + noise - middle)).mean(axis=0) / 2
    coin = draws.integers(0, 2, size=(game.groups, 1)) * 2 - 1
    blind = (coin * np.sign(sums[:, places] - middle)).mean(axis=0)
    return advantage, blind
