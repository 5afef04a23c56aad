"""Bands, ranks and groups, on samples whose answer is known."""

import numpy as np
import pytest

from launcher.analysis.samples import Measured, auc, bands, group_sums, others, stronger


def test_auc_ranks_and_counts_ties_half() -> None:
    assert auc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1
    assert auc(np.array([1.0]), np.array([1.0])) == 0.5
    assert auc(np.array([0.0, 2.0]), np.array([1.0])) == 0.5


def test_the_band_of_a_constant_is_a_point() -> None:
    (band,) = bands(np.full((30, 1), 0.25), np.random.default_rng(1))
    assert (band.mean, band.low, band.high) == pytest.approx((0.25, 0.25, 0.25))


def test_the_band_of_noise_is_about_two_standard_errors_wide() -> None:
    units = np.random.default_rng(1).standard_normal((400, 1))
    (band,) = bands(units, np.random.default_rng(2))
    assert band.high - band.low == pytest.approx(4 / np.sqrt(400), rel=0.15)


def test_others_are_never_those_left_out() -> None:
    picked = others(np.random.default_rng(1), 5, (2_000,), 3, 0)
    assert set(picked.tolist()) == {1, 2, 4}


def test_group_sums_hold_all_but_one_for_each_size() -> None:
    power = np.arange(5, dtype=np.float32)[:, np.newaxis]
    sums = group_sums(power, np.array([[4, 3, 2]]), (1, 2, 4))
    assert [float(total[0, 0]) for total in sums] == [0, 4, 9]


def test_the_stronger_attack_is_chosen_for_each_size() -> None:
    first = Measured("auc_day", np.array([[0.9, 0.6]]), np.array([[0.5, 0.4]]))
    second = Measured("auc_day", np.array([[0.8, 0.7]]), np.array([[0.3, 0.2]]))
    best = stronger(first, second)
    assert best.stranger is not None
    assert (best.member.tolist(), best.stranger.tolist()) == ([[0.9, 0.7]], [[0.5, 0.2]])
