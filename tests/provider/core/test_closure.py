"""Closure: whom a list of the missing leaves with too few holders is missing as well, until nothing changes."""

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import ClientId, TunnelId
from provider.core.keygraph import Holders, summable
from tests.common.strategies import moderate
from tests.provider.core.builders import Pairs, everybody, ring, tunnel

Near = dict[ClientId, dict[ClientId, TunnelId]]


def near(count: int, pairs: Pairs) -> Near:
    """The neighbors of clients 1 to `count`."""
    found: Near = {ClientId(client): {} for client in range(1, count + 1)}
    for a, b in pairs:
        found[ClientId(a)][ClientId(b)] = found[ClientId(b)][ClientId(a)] = tunnel(a, b)
    return found


def left(graph: Near, missing: Iterable[int], held_by: Mapping[int, tuple[Iterable[int], int]]) -> set[int]:
    """Who is left of everybody without the missing, when these hold for those, of whom so many are needed."""
    holders = {ClientId(c): Holders(frozenset(map(ClientId, who)), needed) for c, (who, needed) in held_by.items()}
    present = graph.keys() - set(missing)
    return {int(client) for client in summable(present, graph, 1, 2, holders)}


FULL = near(8, everybody(8))


def test_with_enough_holders_left_nobody_else_is_missing() -> None:
    assert left(FULL, [8], {1: ([6, 7, 8], 2)}) == {1, 2, 3, 4, 5, 6, 7}


def test_a_member_whose_holders_are_missing_is_missing_too_however_many_masks_it_has() -> None:
    assert left(FULL, [7, 8], {1: ([6, 7, 8], 2)}) == {2, 3, 4, 5, 6}


def test_one_after_the_other_falls_when_each_holds_for_the_next() -> None:
    chain = {number: ([number + 1, 8], 1 if number == 7 else 2) for number in range(1, 8)}
    assert left(FULL, [], chain) == set(range(1, 9))
    assert left(FULL, [8], {number: ([number + 1], 1) for number in range(1, 8)}) == set()


def test_those_who_do_not_depend_on_the_fallen_stay() -> None:
    held_by = {1: ([2], 1), 2: ([3], 1), 3: ([8], 1), 4: ([5, 6, 7], 3)}
    assert left(FULL, [8], held_by) == {4, 5, 6, 7}


def test_a_holder_that_is_no_neighbor_any_more_does_not_count() -> None:
    graph = near(6, ring(6, reach=2))
    assert left(graph, [], {1: ([2, 3, 4], 3)}) == {2, 3, 4, 5, 6}
    assert left(graph, [], {1: ([2, 3, 5], 3)}) == {1, 2, 3, 4, 5, 6}


def test_members_of_whose_holders_nothing_is_known_are_measured_by_their_masks_alone() -> None:
    assert left(FULL, [5, 6, 7, 8], {}) == {1, 2, 3, 4}


needs = st.dictionaries(
    st.integers(1, 8), st.tuples(st.frozensets(st.integers(1, 8), min_size=1), st.integers(1, 5)), max_size=8
)


@moderate
@given(st.frozensets(st.integers(1, 8)), needs)
def test_whoever_is_left_has_its_holders_and_nobody_is_left_out_without_need(
    missing: frozenset[int], held_by: dict[int, tuple[frozenset[int], int]]
) -> None:
    stays = left(FULL, missing, held_by)

    def is_served(client: int, among: set[int]) -> bool:
        who, needed = held_by.get(client, (frozenset(), 0))
        return len(who & among - {client}) >= needed

    assert all(is_served(client, stays) for client in stays)
    assert not stays & missing
    for more in ({*stays, client} for client in set(range(1, 9)) - missing - stays):
        assert len(more) < 2 or not all(is_served(client, more) for client in more)


@pytest.mark.parametrize("needed", [1, 2, 3, 4])
def test_exactly_as_many_holders_as_are_needed_are_enough(needed: int) -> None:
    held_by = {1: ([2, 3, 4, 5], needed)}
    gone = range(6 - (4 - needed), 6)
    assert 1 in left(FULL, gone, held_by)
    assert 1 not in left(FULL, [*gone, 2], held_by)
