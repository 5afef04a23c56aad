"""Dominance, on groups whose shares are known."""

import numpy as np
import pytest

from launcher.analysis import dominance
from launcher.analysis.samples import Measured

SIZES = (1, 2, 10, 15, 30)


def found(power_w: np.ndarray) -> dict[str, Measured]:
    rows = dominance.measures(power_w.astype(np.float32), SIZES, 6, np.random.default_rng(1))
    return {one.metric: one for one in rows}


def test_equal_households_share_equally() -> None:
    shares = found(np.full((40, 7, 24), 250.0))["share_max"].member
    assert shares.mean(axis=0) == pytest.approx([1 / size for size in SIZES])


def test_the_rule_fails_below_15_customers_and_holds_for_equals_above() -> None:
    groups = found(np.full((40, 7, 24), 250.0))["groups_15_15"].member
    assert groups.mean(axis=0).tolist() == [1, 1, 1, 0, 0]


def test_a_giant_is_above_half_of_every_round_of_its_group() -> None:
    power = np.full((30, 7, 24), 10.0)
    power[3] = 100_000
    measured = found(power)
    assert measured["rounds_half"].member[:, -1].mean() == 1
    assert measured["groups_15_15"].member[:, -1].mean() == 1


def test_a_round_in_which_nobody_draws_anything_tells_everything() -> None:
    assert found(np.zeros((40, 7, 24)))["share_max"].member.min() == 1
