"""Shares of a secret: enough of them give it, fewer tell nothing."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.shares import PRIME, SHARE_BYTES, deal, recover, share_of, value_at, weights
from tests.common.strategies import field_shares, moderate


@dataclass(frozen=True, slots=True)
class Dealt:
    """Shares by point, how many are needed, and what was dealt of them."""

    shares: dict[int, int]
    needed: int
    secret: int
    corrections: tuple[int, ...]

    @property
    def points(self) -> tuple[int, ...]:
        return tuple(sorted(self.shares))

    def recovered(self, chosen: set[int]) -> int | None:
        given_ = {point: self.shares[point] for point in chosen}
        return recover(self.points, self.needed, self.corrections, given_)


@st.composite
def dealt(draw: st.DrawFn, holders_min: int = 1) -> Dealt:
    points = st.integers(1, 30) | st.integers(1, 2**32 - 1)
    shares = draw(st.dictionaries(points, field_shares, min_size=holders_min, max_size=25))
    needed = draw(st.integers(1, len(shares)))
    return Dealt(shares, needed, *deal(shares, needed))


@moderate
@given(dealt(), st.data())
def test_any_quorum_and_any_more_recover_the_secret(case: Dealt, data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.sampled_from(case.points), min_size=case.needed))
    assert case.recovered(chosen) == case.secret


@moderate
@given(dealt(), st.data())
def test_fewer_shares_recover_nothing(case: Dealt, data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.sampled_from(case.points), max_size=case.needed - 1))
    assert case.recovered(chosen) is None


@moderate
@given(dealt(), field_shares, st.data())
def test_with_one_share_too_few_every_secret_is_possible(case: Dealt, other: int, data: st.DataObject) -> None:
    """For any other secret there are other shares of the rest, with the same public corrections and the same known."""
    size = case.needed - 1
    known = data.draw(st.sets(st.sampled_from(case.points), min_size=size, max_size=size))
    raised = dict.fromkeys(case.points, 0) | dict(zip(case.points[case.needed :], case.corrections, strict=True))
    through = (0, *sorted(known))
    values = [other] + [(case.shares[point] + raised[point]) % PRIME for point in sorted(known)]
    imagined = {
        point: case.shares[point] if point in known else (value_at(through, values, point) - raised[point]) % PRIME
        for point in case.points
    }
    assert deal(imagined, case.needed) == (other, case.corrections)
    assert {point: imagined[point] for point in known} == {point: case.shares[point] for point in known}


@moderate
@given(dealt(holders_min=2), st.data())
def test_a_wrong_share_in_a_quorum_gives_another_secret(case: Dealt, data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.sampled_from(case.points), min_size=case.needed, max_size=case.needed))
    liar = data.draw(st.sampled_from(sorted(chosen)))
    wrong = case.shares | {liar: (case.shares[liar] + data.draw(st.integers(1, PRIME - 1))) % PRIME}
    given_ = {point: wrong[point] for point in chosen}
    assert recover(case.points, case.needed, case.corrections, given_) != case.secret


@moderate
@given(dealt())
def test_the_order_of_shares_does_not_matter(case: Dealt) -> None:
    backwards = dict(sorted(case.shares.items(), reverse=True))
    assert deal(backwards, case.needed) == (case.secret, case.corrections)


@moderate
@given(dealt())
def test_there_is_a_correction_for_each_holder_beyond_the_needed(case: Dealt) -> None:
    assert len(case.corrections) == len(case.shares) - case.needed
    assert all(0 <= number < PRIME for number in (case.secret, *case.corrections))


def test_known_lines_and_parabolas_come_out() -> None:
    line = {1: 13, 2: 16, 5: 25}  # 10 + 3 x
    assert deal(line, 2) == (10, (0,))
    off_line = {1: 13, 2: 16, 5: 20}
    assert deal(off_line, 2) == (10, (5,))
    assert recover((1, 2, 5), 2, (5,), {1: 13, 5: 20}) == 10
    parabola = {1: 6, 2: 11, 3: 18, 4: 27}  # 3 + 2 x + x^2
    assert deal(parabola, 3) == (3, (0,))
    assert recover((1, 2, 3, 4), 3, (0,), {2: 11, 3: 18, 4: 27}) == 3


def test_a_single_needed_share_is_the_secret_of_all() -> None:
    assert deal({4: 77, 9: 70, 300: 80}, 1) == (77, (7, PRIME - 3))
    assert recover((4, 9, 300), 1, (7, PRIME - 3), {300: 80}) == 77


def test_shares_of_nobody_in_the_list_are_not_looked_at() -> None:
    shares = {1: 13, 2: 16}
    assert recover((1, 2), 2, (), shares | {7: 5}) == 10
    assert recover((1, 2), 2, (), {1: 13, 7: 5}) is None


def test_weights_are_those_of_lagrange() -> None:
    half = pow(2, -1, PRIME)
    assert weights((1, 2), 0) == (2, PRIME - 1)
    assert weights((1, 2, 3), 0) == (3, PRIME - 3, 1)
    assert weights((1, 3), 2) == (half, half)
    assert weights((5,), 0) == (1,)


@moderate
@given(st.sets(st.integers(1, 2**32 - 1), min_size=1, max_size=25), st.integers(0, 2**32 - 1))
def test_weights_add_up_to_one_and_reproduce_powers(points: set[int], at: int) -> None:
    known = tuple(sorted(points - {at})) or (at + 1,)
    found = weights(known, at)
    for power in range(min(len(known), 4)):
        pairs = zip(found, known, strict=True)
        assert sum(weight * pow(point, power, PRIME) for weight, point in pairs) % PRIME == pow(at, power, PRIME)


@pytest.mark.parametrize(("holders", "needed"), [(0, 1), (3, 4), (3, 0), (0, 0)])
def test_fewer_shares_than_needed_cannot_be_dealt(holders: int, needed: int) -> None:
    with pytest.raises(ValueError, match=f"{needed} of {holders} shares cannot define a secret"):
        deal({point: point for point in range(1, holders + 1)}, needed)


@pytest.mark.parametrize(
    ("octets", "share"),
    [
        (bytes(16), 0),
        (b"\xff" * 16, 0),
        (b"\x7f" + b"\xff" * 15, 0),
        (b"\x7f" + b"\xff" * 14 + b"\xfe", PRIME - 1),
        (b"\x80" + bytes(14) + b"\x05", 5),
        (bytes(15) + b"\x01", 1),
    ],
)
def test_the_top_bit_of_a_share_does_not_count_and_the_prime_is_zero(octets: bytes, share: int) -> None:
    assert share_of(octets) == share


@moderate
@given(st.binary(min_size=SHARE_BYTES, max_size=SHARE_BYTES))
def test_every_share_is_in_the_field(octets: bytes) -> None:
    assert 0 <= share_of(octets) < PRIME
