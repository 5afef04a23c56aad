"""Seeds, their ratchet, and masks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import NetworkId, RoundNumber
from common.masks import Seed
from common.secret import Secret
from common.shares import PRIME
from tests.common.strategies import moderate, networks, rounds, seeds, views

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


@moderate
@given(seeds, networks, rounds, views)
def test_both_ends_draw_the_same_pad(seed: Seed, network: NetworkId, round_: RoundNumber, view: bytes) -> None:
    other_end = Seed(seed.day, Secret(seed.secret.reveal()))
    pad = seed.pad(network, round_, view)
    assert pad == other_end.pad(network, round_, view)
    assert all(0 <= lane < 2**64 for lane in pad.mask)
    assert all(0 <= share < PRIME for share in (pad.low, pad.high))


def test_pads_differ_by_network_round_view_day_and_seed_and_so_do_all_their_parts() -> None:
    start = Seed(20_000, Secret(bytes(range(32))))
    drawn = [
        part
        for seed in (start, start.on(20_001), Seed(20_000, Secret(bytes(32))))
        for network in (1, 2, 2**32 - 1)
        for round_ in (0, 1, 2**64 - 1)
        for view in (bytes(8), b"\x01" + bytes(7), b"\xff" * 8)
        for pad in [seed.pad(NetworkId(network), RoundNumber(round_), view)]
        for part in (*pad.mask, pad.low, pad.high)
    ]
    assert len(set(drawn)) == len(drawn) == 3 * 3 * 3 * 3 * 5


@moderate
@given(seeds, networks, rounds, views)
def test_no_part_of_a_pad_is_in_the_mask_of_suite_basic(
    seed: Seed, network: NetworkId, round_: RoundNumber, view: bytes
) -> None:
    pad = seed.pad(network, round_, view)
    assert set(pad.mask).isdisjoint(seed.mask(network, round_))


def test_bits_of_shares_are_as_often_one_as_zero() -> None:
    seed, network = Seed(0, Secret(bytes(32))), NetworkId(1)
    drawn = [seed.pad(network, RoundNumber(round_), bytes(8)) for round_ in range(500)]
    ones = sum(share.bit_count() for pad in drawn for share in (pad.low, pad.high))
    assert abs(ones - 1000 * 127 / 2) < 900  # five standard deviations of 178
