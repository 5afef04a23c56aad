"""Absence: an empty house shows in its own readings, a stranger says nothing, and no change is a guess."""

import numpy as np
import pytest

from launcher.analysis import absence, covariance
from tests.analysis.samples_of import noise, sample

WEIGHTS = covariance.learn(noise(60, 28, 24, seed=9))


def away_first_week(households: int) -> np.ndarray:
    is_away = np.zeros((households, 5), dtype=np.bool_)
    is_away[:, 0] = True
    return is_away


def test_an_empty_house_is_seen_in_its_own_readings() -> None:
    power = noise(30, 35, 24) + np.linspace(0, 1_000, 24, dtype=np.float32)
    power[:, :7] = 100
    found = absence.measures(
        sample(power, power, away_first_week(30)), absence.Attack(WEIGHTS, (1,), 4), np.random.default_rng(1)
    )
    assert [one.metric for one in found] == ["auc_day", "auc_week"]
    assert all(one.member.mean() == 1 for one in found)


def test_absence_that_changes_nothing_is_a_guess() -> None:
    power = np.full((30, 35, 24), 200, dtype=np.float32)
    found = absence.measures(
        sample(power, power, away_first_week(30)), absence.Attack(WEIGHTS, (1, 10), 4), np.random.default_rng(1)
    )
    assert all(np.all(one.member == 0.5) for one in found)


def test_a_stranger_in_the_sum_says_nothing_about_absence() -> None:
    power = noise(100, 35, 24)
    is_away = np.zeros((100, 5), dtype=np.bool_)
    for household in range(100):
        week = household % 5
        is_away[household, week] = True
        power[household, 7 * week : 7 * week + 7] -= 150
    found = absence.measures(sample(power, power, is_away), absence.Attack(WEIGHTS, (5,), 8), np.random.default_rng(1))
    day = found[0]
    assert day.stranger is not None
    assert day.stranger.mean() == pytest.approx(0.5, abs=0.05)
    assert day.member.mean() > 0.75


def test_without_absence_there_is_nothing_to_measure() -> None:
    power = noise(20, 35, 24)
    assert absence.measures(sample(power, power), absence.Attack(WEIGHTS, (1,), 4), np.random.default_rng(1)) == []
