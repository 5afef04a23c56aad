"""The rule: where a curve crosses a limit, and the smallest network that follows."""

import math

import numpy as np
import pytest

from launcher.analysis import rule
from launcher.analysis.samples import Measured

SIZES = (1, 10, 100)


def test_the_crossing_lies_between_sizes_on_the_logarithm() -> None:
    assert rule.crossing(np.array([0.3, 0.2, 0.0]), SIZES, 0.1) == pytest.approx(10**1.5)


def test_a_curve_that_never_exceeds_the_limit_needs_one() -> None:
    assert rule.crossing(np.array([0.1, 0.1, 0.1]), SIZES, 0.1) == 1


def test_a_curve_that_ends_above_needs_more_than_was_computed() -> None:
    assert math.isinf(rule.crossing(np.array([0.0, 0.0, 0.2]), SIZES, 0.1))


def test_only_what_exceeds_a_stranger_counts() -> None:
    units = np.full((20, 3), 0.4)
    alike = Measured("f1", units, units)
    assert rule.smallest([alike], SIZES, 1, np.random.default_rng(1))["all"].value == 1


def test_the_whole_rule_asks_for_the_most_demanding_limit() -> None:
    habits = Measured("advantage_habits", np.tile([1.0, 0.05, 0.05], (20, 1)))
    day = Measured("advantage_day", np.tile([1.0, 1.0, 0.0], (20, 1)))
    found = rule.smallest([habits, day], SIZES, 1, np.random.default_rng(1))
    assert found["all"].value == found["advantage_day"].value > found["advantage_habits"].value


def test_bounds_hold_the_value_and_widen_with_the_spread() -> None:
    draws = np.random.default_rng(1)
    base = np.array([1.0, 0.3, 0.0])
    found = []
    for spread in (0.0, 0.3):
        units = base + spread * draws.standard_normal((50, 3))
        found.append(rule.smallest([Measured("advantage_habits", units)], SIZES, 1, draws)["all"])
    assert (found[0].low, found[0].high) == pytest.approx((found[0].value, found[0].value))
    assert found[1].low <= found[1].value <= found[1].high
    assert found[1].high > found[1].low
