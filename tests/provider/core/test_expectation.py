"""Which edges start first when a FINAL has no room for all of them, and who is expected with what they start."""

import pytest

from common.identifiers import ClientId, TunnelId
from provider.core import expectation
from provider.core.desk import Desk
from provider.core.events import EdgeState, MemberState, StoreContents
from provider.core.expectation import Expectation
from provider.core.keygraph import Edge, KeyGraph
from provider.core.rosters import Rosters
from tests.provider.core.bench import operating
from tests.provider.core.builders import (
    DEADLINE,
    NETWORK,
    PARAMETERS,
    PROVIDER,
    ROUND,
    Pairs,
    beyond_mesh,
    everybody,
    member,
    ring,
    stored,
)
from tests.provider.core.certified import TRUST


def standing(count: int, reach: int = 2) -> Desk:
    """A ring of members, each with so many next ones on either side, whose edges stand in no order."""
    pairs = sorted(ring(count, reach), key=lambda pair: sum(pair) * 7_919 % 1_009)
    edges = [
        Edge(TunnelId(number), ClientId(a), ClientId(b), EdgeState.STANDING) for number, (a, b) in enumerate(pairs, 1)
    ]
    return Desk(NETWORK, PARAMETERS, PROVIDER, TRUST, {}, KeyGraph(edges))


def looking(desk: Desk) -> Expectation:
    """Of a network that has no roster yet."""
    return Expectation(desk, Rosters(desk, ()))


def test_all_that_stand_start_when_there_is_room() -> None:
    desk = standing(40)
    assert len(looking(desk).startable()) == 80


def test_the_edges_among_the_oldest_members_start_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectation, "DATA_BYTES_MAX", expectation.FINAL_REST_BYTES + 2 + 8 * 37)
    startable = looking(standing(40)).startable()
    assert {(edge.initiator, edge.responder) for edge in startable} == {
        (a, b) for a in range(1, 21) for b in (a + 1, a + 2) if b <= 20
    }


def test_so_thousands_that_join_at_once_are_summed_by_and_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectation, "DATA_BYTES_MAX", expectation.FINAL_REST_BYTES + 2 + 8 * 70)
    desk = standing(40, reach=4)
    looked = looking(desk)
    everybody = {ClientId(number) for number in range(1, 41)}
    counts = []
    for _ in range(3):
        starting = looked.startable()
        expected = looked.summable(everybody, starting)
        counts.append(len(expected))
        for edge in starting:
            desk.graph.remove(edge.tunnel)
            desk.graph.add(Edge(edge.tunnel, edge.initiator, edge.responder, EdgeState.STARTED))
    assert counts == [20, 37, 40]


# Half of a mesh


def expected(pairs: Pairs, contents: StoreContents | None = None) -> set[int]:
    """Whom the first FINAL expects."""
    return set(operating(pairs, contents=contents).last.expected)


def test_in_a_mesh_whoever_has_fewer_neighbors_than_half_is_not_expected() -> None:
    """Eight live leaves: client 8 wants four neighbors under its frame."""
    assert expected([*everybody(7), *((peer, 8) for peer in (1, 2, 3))]) == {1, 2, 3, 4, 5, 6, 7}
    assert expected([*everybody(7), *((peer, 8) for peer in (1, 2, 3, 4))]) == {1, 2, 3, 4, 5, 6, 7, 8}


def test_neighbors_that_are_not_expected_do_not_count_for_half_of_a_mesh() -> None:
    pairs = [*everybody(8), *((peer, 9) for peer in (1, 2, 3)), (1, 10), (2, 10), (3, 10), (4, 10), (9, 10)]
    assert expected(pairs) == {1, 2, 3, 4, 5, 6, 7, 8}


def test_members_that_are_away_count_among_the_live_of_a_mesh() -> None:
    away = [member(client, MemberState.AWAY) for client in range(7, 13)]
    assert expected(everybody(6), stored(everybody(6), number=ROUND - 2, others=away)) == set()
    assert expected(everybody(6), stored(everybody(6), number=ROUND - 2, others=away[:5])) == {1, 2, 3, 4, 5, 6}


def test_beyond_a_mesh_enough_masks_are_enough() -> None:
    pairs = [*everybody(7), (1, 8), (2, 8), (3, 8)]
    assert expected(pairs, beyond_mesh(pairs)) == {1, 2, 3, 4, 5, 6, 7, 8}


def test_a_correction_keeps_members_that_have_less_than_half_of_a_mesh_left() -> None:
    """Client 8 has four of eight; without client 1 three are left, as many as masks are asked for."""
    pairs = [*everybody(7), *((peer, 8) for peer in (1, 2, 3, 4))]
    bench = operating(pairs)
    bench.report(*range(2, 9))
    bench.tick(DEADLINE)
    bench.report(*range(2, 9), missing=(1,), attempt=1)
    assert bench.results[-1].contributors == 7
