"""Closed forms of the key graph, on cases with a known answer."""

from math import comb

import pytest

from launcher.analysis.graph_risk import (
    Shape,
    binomial_tail,
    cliff,
    hypergeometric,
    hypergeometric_tail,
    isolation,
    split,
    staying,
    surrounded,
    wilson,
)


def test_hypergeometric_probabilities_add_up_to_one() -> None:
    assert sum(hypergeometric(7, 40, 12, hits) for hits in range(13)) == pytest.approx(1)


def test_tail_of_zero_is_certain() -> None:
    assert hypergeometric_tail(3, 50, 6, 0) == 1
    assert binomial_tail(30, 0.05, 0) == pytest.approx(1)


def test_tail_of_all_drawn_is_one_way_to_draw_them() -> None:
    assert hypergeometric_tail(10, 99, 6, 6) == pytest.approx(comb(10, 6) / comb(99, 6))


def test_fewer_colluders_than_needed_never_surround() -> None:
    assert surrounded(Shape(100, 24, colluders=9), 6, 10) == 0


def test_nobody_is_surrounded_when_all_are_honest() -> None:
    assert surrounded(Shape(1_000, 24), 6, 1) == 0


def test_ten_of_thirty_at_five_percent_are_about_one_in_a_million() -> None:
    in_a_thousand = surrounded(Shape(1_000, 24, colluders=50), 6, 10)
    without_end = binomial_tail(30, 0.05, 10)
    assert 0.3e-6 < in_a_thousand < without_end < 1.5e-6


def test_six_of_six_at_ten_percent_are_about_one_in_a_million() -> None:
    assert surrounded(Shape(1_000, 6, colluders=100), 0, 6) == pytest.approx(1e-6, rel=0.2)


def test_replacements_raise_the_risk() -> None:
    shape = Shape(1_000, 24, colluders=100)
    assert surrounded(shape, 0, 10) < surrounded(shape, 3, 10) < surrounded(shape, 6, 10)


def test_member_of_a_mesh_is_alone_when_all_other_honest_ones_are_absent() -> None:
    assert isolation(Shape(10, 6, colluders=4), 0.3) == pytest.approx(0.3**5)


def test_mesh_never_falls_apart() -> None:
    assert split(Shape(25, 3, colluders=10), 0.5) == 0


def test_nobody_is_isolated_when_all_are_honest_and_there() -> None:
    assert isolation(Shape(100, 3), 0.0) == 0
    assert split(Shape(100, 3), 0.0) == 0


def test_without_draws_everybody_is_isolated() -> None:
    assert isolation(Shape(100, 0), 0.0) == 1
    assert split(Shape(100, 0), 0.0) == pytest.approx(1)


def test_more_draws_isolate_less() -> None:
    risks = [isolation(Shape(100, draws, colluders=20), 0.2) for draws in (3, 6, 12, 24)]
    assert risks == sorted(risks, reverse=True)


def test_mean_degree_counts_a_mutual_draw_once() -> None:
    assert Shape(10, 6).degree == 9
    assert Shape(1_000, 6).degree == pytest.approx(12, abs=0.05)


def test_wilson_band_of_no_hits_begins_at_zero_and_ends_above() -> None:
    band = wilson(0, 1_000)
    assert band.low == band.share == 0
    assert band.high == pytest.approx(3.84 / 1_003.84, rel=0.01)


def test_wilson_band_of_half_is_symmetric() -> None:
    band = wilson(50, 100)
    assert band.high - 0.5 == pytest.approx(0.5 - band.low)
    assert band.low == pytest.approx(0.404, abs=0.001)


def test_everybody_stays_when_nobody_is_absent() -> None:
    assert staying(24, 17, 0.0) == 1


def test_nobody_stays_when_all_of_the_drawn_are_needed() -> None:
    assert staying(24, 24, 0.05) < 1e-6
    assert cliff(24, 24) < 0.01


def test_everybody_stays_when_nobody_is_needed() -> None:
    assert staying(6, 0, 0.9) == pytest.approx(1)


def test_below_the_cliff_nearly_all_stay_and_above_it_nobody() -> None:
    edge = cliff(24, 17)
    assert edge == pytest.approx(0.136, abs=0.002)
    assert staying(24, 17, edge - 0.01) > 0.97
    assert staying(24, 17, edge + 0.01) < 1e-3


def test_cliff_lies_below_the_share_that_one_member_bears() -> None:
    assert all(cliff(drawn, drawn - silent) < silent / drawn for drawn, silent in [(12, 3), (18, 5), (24, 7)])
