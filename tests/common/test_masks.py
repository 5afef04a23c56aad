"""Seeds, their ratchet, and masks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import NetworkId, RoundNumber
from common.masks import Seed
from common.secret import Secret
from tests.common.strategies import moderate, networks, rounds, seeds

_days = st.integers(0, 30)


@moderate
@given(seeds, _days, _days)
def test_ratchet_by_two_steps_is_ratchet_by_their_sum(seed: Seed, first: int, second: int) -> None:
    assert seed.on(seed.day + first).on(seed.day + first + second) == seed.on(seed.day + first + second)


@moderate
@given(seeds, _days)
def test_every_day_has_a_seed_of_its_own(seed: Seed, days: int) -> None:
    later = [seed.on(seed.day + day).secret.reveal() for day in range(days + 1)]
    assert len(set(later)) == days + 1
    assert {len(value) for value in later} == {32}


@moderate
@given(seeds, st.integers(1, 100))
def test_a_day_before_the_seed_is_gone(seed: Seed, back: int) -> None:
    with pytest.raises(ValueError, match=f"the oldest kept is of day {seed.day}") as caught:
        seed.on(seed.day - back)
    assert seed.secret.reveal().hex() not in str(caught.value)


@moderate
@given(seeds, networks, rounds)
def test_a_mask_is_drawn_again_the_same(seed: Seed, network: NetworkId, round_: RoundNumber) -> None:
    mask = seed.mask(network, round_)
    assert mask == Seed(seed.day, Secret(seed.secret.reveal())).mask(network, round_)
    assert all(0 <= lane < 2**64 for lane in mask)


def test_no_two_masks_or_lanes_are_alike() -> None:
    start = Seed(20_000, Secret(bytes(range(32))))
    drawn = [
        lane
        for day in range(4)
        for network in range(4)
        for round_ in range(64)
        for lane in start.on(start.day + day).mask(NetworkId(network), RoundNumber(round_))
    ]
    assert len(set(drawn)) == len(drawn) == 4 * 4 * 64 * 3


def test_bits_of_masks_are_as_often_one_as_zero() -> None:
    seed = Seed(0, Secret(bytes(32)))
    ones = sum(lane.bit_count() for round_ in range(500) for lane in seed.mask(NetworkId(1), RoundNumber(round_)))
    assert abs(ones - 500 * 96) < 800  # more than five standard deviations of 155
