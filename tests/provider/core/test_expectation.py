"""Which edges start first when a FINAL has no room for all of them."""

import pytest

from common.identifiers import ClientId, TunnelId
from provider.core import expectation
from provider.core.desk import Desk
from provider.core.events import EdgeState
from provider.core.expectation import Expectation
from provider.core.keygraph import Edge, KeyGraph
from tests.provider.core.builders import NETWORK, PARAMETERS, PROVIDER, ring
from tests.provider.core.certified import TRUST


def standing(count: int, reach: int = 2) -> Desk:
    """A ring of members, each with so many next ones on either side, whose edges stand in no order."""
    pairs = sorted(ring(count, reach), key=lambda pair: sum(pair) * 7_919 % 1_009)
    edges = [
        Edge(TunnelId(number), ClientId(a), ClientId(b), EdgeState.STANDING) for number, (a, b) in enumerate(pairs, 1)
    ]
    return Desk(NETWORK, PARAMETERS, PROVIDER, TRUST, {}, KeyGraph(edges))


def test_all_that_stand_start_when_there_is_room() -> None:
    desk = standing(40)
    assert len(Expectation(desk).startable()) == 80


def test_the_edges_among_the_oldest_members_start_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectation, "DATA_BYTES_MAX", expectation.FINAL_REST_BYTES + 2 + 8 * 37)
    startable = Expectation(standing(40)).startable()
    assert {(edge.initiator, edge.responder) for edge in startable} == {
        (a, b) for a in range(1, 21) for b in (a + 1, a + 2) if b <= 20
    }


def test_so_thousands_that_join_at_once_are_summed_by_and_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectation, "DATA_BYTES_MAX", expectation.FINAL_REST_BYTES + 2 + 8 * 70)
    desk = standing(40, reach=4)
    looked = Expectation(desk)
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
