"""Tails of distributions: as in printed tables, and bounds that lie above what they bound."""

import pytest

from launcher.tails import chi_square_tail, more_than, sub_gaussian


@pytest.mark.parametrize(
    ("value", "degrees", "tail"),
    [
        (3.841, 1, 0.05),
        (5.991, 2, 0.05),
        (7.815, 3, 0.05),
        (18.307, 10, 0.05),
        (21.026, 12, 0.05),
        (32.909, 12, 0.001),
        (293.248, 255, 0.05),
        (330.520, 255, 0.001),
    ],
)
def test_the_tail_of_chi_square_is_that_of_the_tables(value: float, degrees: int, tail: float) -> None:
    assert chi_square_tail(value, degrees) == pytest.approx(tail, rel=0.001)


@pytest.mark.parametrize("degrees", [1, 2, 255, 4_097])
def test_the_tail_of_chi_square_goes_from_one_to_zero_without_overflow(degrees: int) -> None:
    values = [0, degrees / 2, degrees, 2 * degrees + 20, 1e5, 1e9]
    tails = [chi_square_tail(value, degrees) for value in values]
    assert tails == sorted(tails, reverse=True)
    assert (tails[0], tails[-1]) == (1.0, 0.0)


def test_the_bound_for_sums_lies_above_the_normal_tail() -> None:
    assert sub_gaussian(0) == 1.0
    assert 0.0027 < sub_gaussian(3) < 0.0027 * 10
    assert sub_gaussian(-6) == sub_gaussian(6) < 1e-7


def test_the_bound_for_counts_lies_above_the_poisson_tail() -> None:
    assert more_than(0, 0.5) == 1.0
    assert more_than(1, 2.0) == 1.0
    assert 4.7e-6 < more_than(3, 0.0305) < 2e-4, "1 - exp(-m) (1 + m + m**2 / 2) is 4.6e-6"
    assert more_than(100, 30) < 1e-18
