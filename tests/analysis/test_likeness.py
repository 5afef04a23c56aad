"""The metrics of the thesis, on loads whose likeness is known."""

import numpy as np
import pytest

from launcher.analysis import likeness
from launcher.analysis.households import Singles


def series(seed: int, length: int = 5_000) -> Singles:
    return np.asarray(np.random.default_rng(seed).gamma(2, 200, length), dtype=np.float32)


def test_a_copy_has_no_relative_entropy_and_another_level_much() -> None:
    own = series(1)
    assert likeness.relative_entropy(own, own) == 0
    assert likeness.relative_entropy(own, own + 3_000) > 3


def test_relative_entropy_does_not_see_the_order() -> None:
    own = series(1)
    assert likeness.relative_entropy(own, own[::-1]) == 0


def test_a_copy_is_regressed_perfectly_even_if_it_comes_later() -> None:
    own = series(1)
    assert likeness.regression(own, 3 * own + 100, 15) == pytest.approx(1)
    assert likeness.regression(own, np.roll(own, 4), 15) > 0.98


def test_independent_noise_is_not_regressed() -> None:
    assert likeness.regression(series(1), series(2), 15) < 0.01


def test_a_constant_is_not_regressed_and_tells_nothing() -> None:
    flat = np.full(5_000, 300, dtype=np.float32)
    assert likeness.regression(series(1), flat, 15) == 0
    assert likeness.information(series(1), flat) == 0


def test_changes_of_a_copy_tell_bits_and_those_of_noise_next_to_none() -> None:
    own = series(1)
    assert likeness.information(own, own) > 1.5
    assert likeness.information(own, series(2)) < 0.02


def test_the_information_of_two_classes_is_one_bit() -> None:
    up_and_down = np.tile(np.array([0, 500], dtype=np.float32), 1_000)
    assert likeness.information(up_and_down, up_and_down) == pytest.approx(1, abs=0.001)
