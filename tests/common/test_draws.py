"""Draws follow from a commitment, are opened to one neighbor, are uniform, and nothing else is taken for one."""

from collections import Counter
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.draws import (
    COUNTER_MAX,
    VALUE_BYTES,
    VALUES,
    DrawValues,
    Opening,
    counter_limit,
    drawn_leaf,
    require_drawn,
)
from common.merkle import is_in
from common.refusal import Refusal, RefusedError
from common.roster import RosterRoot
from launcher.tails import chi_square_tail
from tests.common.strategies import moderate, openings
from tests.vectors.members import GATEWAY, NEIGHBOR, REGION

ROOT: Final = bytes(range(32))
LEAVES: Final = 1_000
MINE: Final = DrawValues(GATEWAY, REGION)
OTHERS: Final = DrawValues(NEIGHBOR, REGION)


def _is_drawn(
    opening: Opening, index: int, draw_root: bytes = MINE.root, root: bytes = ROOT, limit: int = COUNTER_MAX
) -> bool:
    try:
        require_drawn(opening, draw_root, index, root, LEAVES, limit)
    except RefusedError as refused:
        assert refused.reason is Refusal.BAD_DRAW
        return False
    return True


def test_the_commitment_follows_from_identity_and_region_alone() -> None:
    assert MINE.root == DrawValues(GATEWAY, REGION).root
    assert len({MINE.root, OTHERS.root, DrawValues(GATEWAY, "south").root}) == 3


def test_every_value_is_committed_to_and_differs() -> None:
    opened = [MINE.open(slot, 0) for slot in range(VALUES)]
    assert len({opening.value for opening in opened}) == VALUES
    assert {len(opening.value) for opening in opened} == {VALUE_BYTES}
    for opening in opened:
        assert is_in(opening.value, opening.slot, VALUES, opening.path, MINE.root)


@pytest.mark.parametrize("slot", [0, 1, 511, 512, VALUES - 1])
@pytest.mark.parametrize("counter", [0, 1, 300, COUNTER_MAX])
def test_what_was_drawn_is_proven_by_its_opening_to_the_drawn_leaf_alone(slot: int, counter: int) -> None:
    opening = Opening.decode(MINE.open(slot, counter).encode())
    index = MINE.drawn(slot, counter, ROOT, LEAVES)
    assert _is_drawn(opening, index)
    for other in (0, index - 1, index + 1, LEAVES - 1):
        assert _is_drawn(opening, other) is (other == index)


def test_an_opening_that_was_changed_proves_nothing() -> None:
    opening = MINE.open(17, 2)
    index = MINE.drawn(17, 2, ROOT, LEAVES)
    other = MINE.open(18, 2)
    path = opening.path
    for wrong in (
        replace(opening, slot=18),
        replace(opening, slot=17 + VALUES),
        replace(opening, counter=3),
        replace(opening, value=other.value),
        replace(opening, value=bytes([opening.value[0] ^ 1]) + opening.value[1:]),
        replace(opening, path=other.path),
        replace(opening, path=path[1:]),
        replace(opening, path=(*path, path[-1])),
        replace(opening, path=(path[1], path[0], *path[2:])),
        OTHERS.open(17, 2),
    ):
        assert not _is_drawn(wrong, index)
    assert not _is_drawn(opening, index, draw_root=OTHERS.root)
    assert not _is_drawn(opening, index, root=bytes(32))
    assert _is_drawn(opening, index)


def test_a_counter_above_the_limit_is_refused() -> None:
    index = MINE.drawn(3, 40, ROOT, LEAVES)
    assert _is_drawn(MINE.open(3, 40), index, limit=40)
    assert not _is_drawn(MINE.open(3, 40), index, limit=39)


def test_another_root_or_size_of_the_roster_is_another_draw() -> None:
    value = MINE.open(0, 0).value
    draws = {drawn_leaf(value, 0, bytes([root]) * 32, 10**6) for root in range(20)}
    draws |= {drawn_leaf(value, 0, ROOT, 10**6 + leaves) for leaves in range(20)}
    assert len(draws) == 40


@moderate
@given(openings)
def test_an_opening_is_read_as_it_was_written(opening: Opening) -> None:
    octets = opening.encode()
    assert len(octets) == 356
    assert Opening.decode(octets) == opening


@moderate
@given(st.binary(max_size=400) | st.binary(min_size=356, max_size=356))
def test_arbitrary_bytes_are_read_or_refused_and_prove_nothing(octets: bytes) -> None:
    try:
        opening = Opening.decode(octets)
    except RefusedError as refused:
        assert refused.reason is Refusal.BAD_DRAW
        assert len(octets) != 356
    else:
        assert opening.encode() == octets
        assert not _is_drawn(opening, 0)


@pytest.mark.parametrize(
    ("leaves", "live", "slots", "limit"),
    [
        (26, 26, 6, 41),
        (30, 29, 6, 41),
        (100, 100, 8, 34),
        (1_000, 500, 8, 65),
        (1_000, 9, 8, 32_000),
        (1_000, 8, 8, 32_000),
        (1_000, 0, 6, 32_000),
        (200_000, 9, 8, COUNTER_MAX),
        (1, 1, 0, 32),
        (0, 0, 0, 0),
    ],
)
def test_the_limit_is_32_times_what_a_draw_needs_on_average(leaves: int, live: int, slots: int, limit: int) -> None:
    assert counter_limit(leaves, live, slots) == limit


@pytest.mark.parametrize(("leaves", "live"), [(26, 26), (26, 13), (400, 60)])
def test_no_honest_draw_needs_a_counter_above_the_limit(leaves: int, live: int) -> None:
    slots = RosterRoot(1, leaves, live, ROOT).slots(6)
    limit = counter_limit(leaves, live, slots)
    drawn = [_draw_all(MINE, bytes([root]) * 32, leaves, live, slots) for root in range(40)]
    assert all(counter <= limit // 2 for counters in drawn for counter in counters)
    assert any(counter for counters in drawn for counter in counters)


def _draw_all(values: DrawValues, root: bytes, leaves: int, live: int, slots: int) -> list[int]:
    """The counters of all slots of leaf 0, when the leaves from `live` on have ended."""
    taken, counters = {0}, []
    for slot in range(slots):
        counter = 0
        while (index := values.drawn(slot, counter, root, leaves)) in taken or index >= live:
            counter += 1
        taken.add(index)
        counters.append(counter)
    return counters


@pytest.mark.parametrize("leaves", [27, 101, 999])
def test_draws_are_uniform_over_the_leaves(leaves: int) -> None:
    hits = Counter(
        MINE.drawn(slot, counter, bytes([root]) * 32, leaves)
        for slot in range(VALUES)
        for counter in range(2)
        for root in range(10)
    )
    assert _p_value(hits, leaves) > 0.001


@pytest.mark.parametrize("leaves", [27, 101])
def test_counters_of_one_slot_and_slots_of_one_root_are_uniform(leaves: int) -> None:
    counters = Counter(MINE.drawn(5, counter, ROOT, leaves) for counter in range(20_000))
    gateways = Counter(drawn_leaf(bytes([a, b]) * 16, 0, ROOT, leaves) for a in range(256) for b in range(80))
    assert _p_value(counters, leaves) > 0.001
    assert _p_value(gateways, leaves) > 0.001


def test_the_test_of_uniformity_finds_one_draw_in_fifty_that_is_steered() -> None:
    draws = [MINE.drawn(5, counter, ROOT, 27) for counter in range(20_000)]
    steered = Counter(0 if number % 50 == 0 else index for number, index in enumerate(draws))
    assert _p_value(steered, 27) < 0.001


def _p_value(hits: Counter[int], leaves: int) -> float:
    """How probable hits so uneven are if every leaf, of an odd number, is hit alike."""
    mean = hits.total() / leaves
    return chi_square_tail(sum((hits[index] - mean) ** 2 / mean for index in range(leaves)), leaves - 1)


def test_draw_values_show_nothing_of_themselves() -> None:
    opening = MINE.open(4, 0)
    for shown in (repr(MINE), str(MINE), repr(opening)):
        assert opening.value.hex() not in shown
        assert repr(opening.value)[2:-1] not in shown
