"""The distinguishing game, on households for which the advantage is known."""

from math import erf, sqrt

import numpy as np
import pytest

from launcher.analysis import covariance, game
from tests.analysis.samples_of import noise

SIZES = (1, 2, 5, 20)
PLAYED = game.Game(SIZES, pairs=60, groups=32)
WEIGHTS = covariance.learn(noise(100, 28, 24, seed=9))


def draws() -> np.random.Generator:
    return np.random.default_rng(5)


def test_identical_households_cannot_be_told_apart() -> None:
    same = np.repeat(noise(1, 35, 24), 40, axis=0)
    found = [
        game.known_day(same[:, -7:], WEIGHTS, PLAYED, draws()),
        game.known_week(same[:, -7:], WEIGHTS, PLAYED, draws()),
        game.known_habits(same, WEIGHTS, PLAYED, draws()),
    ]
    assert all(np.all(one.member == 0) for one in found)


def test_a_reading_alone_is_always_recognized() -> None:
    day = game.known_day(noise(120, 7, 24), WEIGHTS, PLAYED, draws())
    assert np.all(day.member[:, 0] == 1)


def test_the_advantage_over_independent_noise_is_that_of_two_gaussians() -> None:
    slots, size = 24, 20
    day = game.known_day(noise(400, 7, slots), WEIGHTS, game.Game((size,), 200, 64), draws())
    # Half the distance of two households is sqrt(slots / 2) deviations; the noise of the others grows as sqrt(n - 1).
    expected = erf(sqrt(slots / 2) / sqrt(size - 1) / sqrt(2))
    assert day.member.mean() == pytest.approx(expected, abs=0.05)


def test_a_stranger_is_not_recognized() -> None:
    day = game.known_day(noise(120, 7, 24), WEIGHTS, PLAYED, draws())
    assert day.stranger is not None
    assert np.abs(day.stranger.mean(axis=0)).max() < 0.1


def test_more_members_hide_more_and_a_week_tells_more_than_a_day() -> None:
    power = noise(120, 7, 24)
    day, week = (play(power, WEIGHTS, PLAYED, draws()) for play in (game.known_day, game.known_week))
    assert day.member[:, 1].mean() >= day.member[:, 3].mean()
    assert week.member[:, 3].mean() > day.member[:, 3].mean()


def test_habits_that_do_not_exist_tell_nothing() -> None:
    habits = game.known_habits(noise(200, 35, 24), WEIGHTS, game.Game((2, 20), 100, 64), draws())
    assert np.abs(habits.member.mean(axis=0)).max() < 0.2


def test_habits_of_different_levels_are_recognized_alone_and_hidden_among_others() -> None:
    levels = 100 * np.random.default_rng(3).permutation(60).astype(np.float32)[:, np.newaxis, np.newaxis]
    power = noise(60, 35, 24) + levels
    weights = covariance.learn(power[:, :28])
    habits = game.known_habits(power, weights, game.Game((1, 50), 30, 32), draws()).member.mean(axis=0)
    assert habits[0] > 0.95
    assert habits[1] < 0.3


def test_the_same_draws_give_the_same_numbers() -> None:
    power = noise(60, 7, 24)
    first, second = (game.known_week(power, WEIGHTS, PLAYED, draws()) for _ in range(2))
    assert np.array_equal(first.member, second.member)
