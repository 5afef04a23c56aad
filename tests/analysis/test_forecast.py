"""The forecast from the sum, on days whose error is known."""

import numpy as np
import pytest

from launcher.analysis import forecast


def test_the_same_day_again_and_again_is_foreseen() -> None:
    week = np.tile(np.arange(24.0), (7, 1))
    assert forecast.error(week) == 0


def test_twice_the_power_is_missed_by_half() -> None:
    week = np.full((7, 24), 100.0)
    week[5:] = 200
    assert forecast.error(week) == pytest.approx(0.5)


def test_nothing_is_foreseen_as_nothing() -> None:
    assert forecast.error(np.zeros((7, 24))) == 0


def test_large_groups_of_independent_households_are_foreseen_better() -> None:
    power = np.random.default_rng(1).gamma(0.5, 400, (200, 7, 24)).astype(np.float32)
    (error,) = forecast.measures(power, (1, 10, 100), 20, np.random.default_rng(2))
    assert error.member.mean(axis=0)[2] < error.member.mean(axis=0)[1] < error.member.mean(axis=0)[0]
