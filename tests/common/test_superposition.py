"""Lanes: arithmetic modulo a word, read back as signed numbers."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.superposition import LANES_LAYOUT, ZERO, Lanes, add, signed, subtract, total, vector
from tests.common.strategies import lanes, moderate, signed_words

_EXTREMES = (-(2**63), -(2**63) + 1, -1, 0, 1, 2**63 - 2, 2**63 - 1)


@pytest.mark.parametrize("import_dwh", _EXTREMES)
@pytest.mark.parametrize("export_dwh", _EXTREMES)
def test_extremes_of_two_s_complement_survive(import_dwh: int, export_dwh: int) -> None:
    reading = vector(import_dwh, export_dwh)
    assert signed(reading) == (import_dwh, export_dwh, 1)
    assert LANES_LAYOUT.unpack(LANES_LAYOUT.pack(*reading)) == reading
    assert LANES_LAYOUT.pack(*reading) == import_dwh.to_bytes(8, signed=True) + export_dwh.to_bytes(8, signed=True) + (
        1
    ).to_bytes(8)


def test_the_largest_number_and_one_become_the_smallest() -> None:
    assert signed(add(vector(2**63 - 1, -1), (1, 1, 0))) == (-(2**63), 0, 1)
    assert signed(subtract(vector(-(2**63), 0), (1, 1, 1))) == (2**63 - 1, -1, 0)


@moderate
@given(signed_words, signed_words, signed_words, signed_words)
def test_signed_sum_is_the_sum_of_energies_where_it_fits(a: int, b: int, c: int, d: int) -> None:
    energies = signed(add(vector(a, b), vector(c, d)))
    for got, exact in zip(energies, (a + c, b + d, 2), strict=True):
        assert (got - exact) % 2**64 == 0
        assert got == exact or not -(2**63) <= exact < 2**63


@moderate
@given(lanes, lanes, lanes)
def test_lanes_form_a_commutative_group(a: Lanes, b: Lanes, c: Lanes) -> None:
    assert add(a, b) == add(b, a)
    assert add(add(a, b), c) == add(a, add(b, c))
    assert add(a, ZERO) == a
    assert subtract(add(a, b), b) == a
    assert add(subtract(ZERO, a), a) == ZERO


@moderate
@given(lanes, lanes)
def test_every_lane_stays_a_word(a: Lanes, b: Lanes) -> None:
    assert all(0 <= lane < 2**64 for lane in (*add(a, b), *subtract(a, b)))


@moderate
@given(st.lists(lanes, min_size=1, max_size=30))
def test_the_sum_of_many_is_repeated_addition(many: list[Lanes]) -> None:
    assert total(many) == reduce(add, many)
