"""Rosters are read as written, list the leaves of their root in a mesh, and continue each other or do not."""

import contextlib
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import ClientId, RoundNumber
from common.merkle import Tree
from common.refusal import Refusal, RefusedError
from common.roster import LEAF_BYTES, LEAVES_PER_PART, MESH_MAX, Leaf, LeafPart, Roster, RosterRoot
from tests.common.strategies import leaves, moderate, paths, rosters
from tests.vectors.members import FIRST, GROWN, LEAVES, MESH, SAME, TREE, part_of, roster_root

LEAF: Final = LEAVES[2]


def _expect_bad_data(data: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        Roster.decode(data)
    assert caught.value.reason is Refusal.BAD_DATA


def _of(count: int, leaves_: tuple[Leaf, ...] = LEAVES, growth: tuple[bytes, ...] = ()) -> Roster:
    """A roster of the first `count` leaves."""
    root = Tree(leaf.encode() for leaf in leaves_[:count]).root()
    listed = leaves_[:count] if count <= MESH_MAX else ()
    return replace(FIRST, at=RosterRoot(2, count, count, root), growth=growth, listed=listed)


@moderate
@given(leaves)
def test_a_leaf_is_read_as_it_was_written(leaf: Leaf) -> None:
    octets = leaf.encode()
    assert len(octets) == LEAF_BYTES == 72
    assert Leaf.decode(octets) == leaf
    assert leaf.index == leaf.client - 1


@pytest.mark.parametrize("octets", [b"", bytes(71), bytes(72), bytes(73), b"\x01" * 71, b"\x01" * 73], ids=len)
def test_a_leaf_of_another_length_or_of_client_0_is_refused(octets: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        Leaf.decode(octets)
    assert caught.value.reason is Refusal.BAD_DATA


@moderate
@given(st.integers(0, 2**25 - 1), st.integers(1, LEAVES_PER_PART - 1))
def test_a_part_of_the_leaves_is_read_as_it_was_written(part: int, count: int) -> None:
    told = LeafPart(part, part_of(part, count))
    data = told.encode()
    assert len(data) == 4 + LEAF_BYTES * count
    assert LeafPart.decode(data) == told


@pytest.mark.parametrize("count", [1, 30, LEAVES_PER_PART])
def test_every_truncation_and_extension_of_a_part_is_another_part_or_refused(count: int) -> None:
    told = LeafPart(3, part_of(3, count))
    data = told.encode()
    for length in range(len(data)):
        _expect_no_part(data[:length], is_good=length > 4 and (length - 4) % LEAF_BYTES == 0)
    _expect_no_part(data + b"\x00")
    _expect_no_part(data + told.leaves[0].encode())


def _expect_no_part(data: bytes, *, is_good: bool = False) -> None:
    if is_good:
        assert LeafPart.decode(data).encode() == data
        return
    with pytest.raises(RefusedError) as caught:
        LeafPart.decode(data)
    assert caught.value.reason is Refusal.BAD_DATA


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (0, ()),
        (0, part_of(0, LEAVES_PER_PART + 1)),
        (0, LEAVES[1:]),
        (0, (LEAVES[1], LEAVES[0])),
        (0, (LEAVES[0], LEAVES[0])),
        (0, (LEAVES[0], LEAVES[2])),
        (1, LEAVES),
        (0, part_of(1, 5)),
        (2**32 - 1, LEAVES[:1]),
    ],
    ids=["none", "129", "the first missing", "swapped", "twice", "a gap", "another part", "the next part", "the end"],
)
def test_leaves_that_are_not_in_their_places_are_no_part(part: int, told: tuple[Leaf, ...]) -> None:
    _expect_no_part(LeafPart(part, told).encode())


@moderate
@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_a_part_or_refused(data: bytes) -> None:
    with contextlib.suppress(RefusedError):
        assert LeafPart.decode(data).encode() == data


@moderate
@given(rosters())
def test_a_roster_is_read_as_it_was_written(roster: Roster) -> None:
    assert Roster.decode(roster.encode()) == roster


@moderate
@given(rosters(), st.binary(min_size=1, max_size=80))
def test_every_truncation_and_extension_is_refused(roster: Roster, more: bytes) -> None:
    data = roster.encode()
    for length in {*range(min(len(data), 200)), *range(len(data) - 100, len(data))}:
        if 0 <= length < len(data):
            _expect_bad_data(data[:length])
    _expect_bad_data(data + more)


@moderate
@given(st.one_of(st.binary(max_size=300), st.binary(min_size=60, max_size=300).map(lambda more: GROWN.encode() + more)))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(RefusedError):
        assert Roster.decode(data).encode() == data


@moderate
@given(rosters(), st.integers(0, 10**4), st.integers(1, 255))
def test_a_changed_byte_gives_another_name_or_is_refused(roster: Roster, at: int, octet: int) -> None:
    data = bytearray(roster.encode())
    data[at % len(data)] ^= octet
    with contextlib.suppress(RefusedError):
        changed = Roster.decode(bytes(data))
        assert changed.encode() == data
        assert changed.name != roster.name


@pytest.mark.parametrize("roster", [FIRST, MESH])
def test_a_mesh_lists_the_leaves_of_its_root(roster: Roster) -> None:
    listed = roster.listed
    for wrong in (
        replace(roster, listed=(*listed[:-1], replace(listed[-1], public_key=bytes(32)))),
        replace(roster, listed=(listed[1], listed[0], *listed[2:])),
        replace(roster, listed=listed[:-1]),
        replace(roster, listed=()),
        replace(roster, at=replace(roster.at, root=bytes(32))),
        replace(roster, at=replace(roster.at, leaves=roster.at.leaves - 1)),
        replace(roster, at=replace(roster.at, leaves=roster.at.leaves + 1)),
    ):
        _expect_bad_data(wrong.encode())


def test_listed_clients_are_1_2_3_and_so_on() -> None:
    for clients in ((2, 1), (1, 1), (1, 3), (2, 3), (0, 1)):
        changed = tuple(replace(LEAF, client=ClientId(client)) for client in clients)
        _expect_bad_data(_of(2, changed).encode())
    right = tuple(replace(LEAF, client=ClientId(client)) for client in (1, 2))
    assert Roster.decode(_of(2, right).encode()).listed == right


def test_a_mesh_ends_with_the_25th_leaf() -> None:
    assert [count for count in range(40) if RosterRoot(1, count, count, bytes(32)).is_mesh] == list(range(26))
    assert Roster.decode(_of(25).encode()).listed == LEAVES[:25]
    assert Roster.decode(_of(26).encode()).listed == ()
    _expect_bad_data(replace(_of(26), listed=LEAVES[:26]).encode())


@pytest.mark.parametrize(("live", "is_good"), [(0, True), (9, True), (10, False), (2**32 - 1, False)])
def test_no_more_are_living_than_there_are_leaves(live: int, is_good: bool) -> None:
    roster = replace(FIRST, at=replace(FIRST.at, live=live))
    if is_good:
        assert Roster.decode(roster.encode()) == roster
    else:
        _expect_bad_data(roster.encode())


@pytest.mark.parametrize(
    ("live", "draws", "slots"),
    [(0, 6, 0), (1, 6, 0), (2, 6, 1), (6, 6, 5), (7, 6, 6), (8, 6, 6), (1_000, 8, 8), (100, 255, 99)],
)
def test_nobody_draws_more_than_there_are_others(live: int, draws: int, slots: int) -> None:
    assert RosterRoot(1, 1_000, live, bytes(32)).slots(draws) == slots


@pytest.mark.parametrize("count", [1, 9, 25, 26, 29])
def test_every_leaf_is_proven_and_no_other(count: int) -> None:
    at = roster_root(3, count, count)
    for leaf in LEAVES[:count]:
        at.require_leaf(leaf, TREE.path(leaf.index, count))
    first = LEAVES[0]
    for wrong in (replace(first, draw_root=bytes(32)), replace(first, client=ClientId(count + 1)), LEAVES[count]):
        with pytest.raises(RefusedError) as caught:
            at.require_leaf(wrong, TREE.path(0, count))
        assert caught.value.reason is Refusal.BAD_DRAW


@moderate
@given(leaves, paths)
def test_no_arbitrary_path_proves_a_leaf(leaf: Leaf, path: tuple[bytes, ...]) -> None:
    with pytest.raises(RefusedError) as caught:
        GROWN.at.require_leaf(leaf, path)
    assert caught.value.reason is Refusal.BAD_DRAW


@pytest.mark.parametrize("old", range(31))
@pytest.mark.parametrize("new", [1, 9, 24, 25, 26, 30])
def test_a_roster_continues_every_smaller_one_and_none_that_was_larger(old: int, new: int) -> None:
    growth = TREE.consistency(old, new) if 0 < old <= new and new > MESH_MAX else ()
    assert _of(new, growth=growth).continues(roster_root(1, old, old)) is (old <= new)


@pytest.mark.parametrize("changed", [0, 4, 8])
@pytest.mark.parametrize("new", [9, 10, 25, 26, 30])
def test_a_roster_that_replaced_a_leaf_continues_nothing(changed: int, new: int) -> None:
    others = tuple(replace(leaf, epoch=7) if leaf.index == changed else leaf for leaf in LEAVES)
    growth = Tree(leaf.encode() for leaf in others[:new]).consistency(9)
    assert not _of(new, others, growth).continues(roster_root(1, 9, 9))


def test_the_living_and_the_epoch_are_no_part_of_growth() -> None:
    assert SAME.continues(GROWN.at)
    assert SAME.continues(replace(GROWN.at, epoch=77, live=0))
    assert not SAME.continues(replace(GROWN.at, leaves=29))


def test_the_name_covers_all_that_a_roster_says() -> None:
    changes = (
        replace(GROWN, at=replace(GROWN.at, epoch=9)),
        replace(GROWN, at=replace(GROWN.at, live=9)),
        replace(GROWN, at=replace(GROWN.at, leaves=99)),
        replace(GROWN, at=replace(GROWN.at, root=bytes(32))),
        replace(GROWN, first_round=RoundNumber(9)),
        replace(GROWN, predecessor=bytes(32)),
        replace(GROWN, parameters=replace(GROWN.parameters, draws=7)),
        replace(GROWN, growth=()),
    )
    assert len({GROWN.name, *(changed.name for changed in changes)}) == 9
    assert GROWN.name == Roster.decode(GROWN.encode()).name
    assert len(GROWN.name) == 32
