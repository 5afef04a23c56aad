"""Members that claim or lose seeds and never renew them: they keep out themselves, and nobody else."""

from dataclasses import replace

from common import topics
from common.frames import Frame, Notification
from common.identifiers import ClientId, TunnelId
from common.payloads import HeldEdge, Holdings
from common.signing import Direction
from provider.core.events import Message
from tests.provider.core.builders import NETWORK, PARAMETERS, refusals, registration
from tests.provider.core.certified import identity, name
from tests.provider.core.village import FIRST, Village, draw_values, village


def expected(built: Village) -> list[int]:
    assert built.provider.last is not None
    return sorted(built.provider.last.expected)


def claims(built: Village, client: int, *edges: HeldEdge) -> list[str]:
    """RESUME with these edges, said by whoever has this client's key; how it was refused."""
    data, now_ms = Holdings(edges).encode(), built.provider.now_ms
    frame = Frame(NETWORK, ClientId(client), now_ms, Notification.RESUME, data)
    message = Message(topics.up(NETWORK, name(client)), frame.signed(identity(client), Direction.UP))
    effects = built.provider.receive(message)
    built.hear(effects)
    built.deliver()
    return refusals(effects)


def test_a_member_that_registers_without_its_seeds_and_dies_keeps_no_neighbor_out() -> None:
    built = village(8, *range(1, 9))
    del built.houses[name(7)]
    built.run(FIRST + 3)
    built.hear(built.provider.receive(registration(7, at_ms=built.provider.now_ms, root=draw_values(7).root)))
    built.deliver()
    built.run(FIRST + 4)
    neighbor = built.houses[name(1)]
    neighbor.is_deaf = True
    built.run(FIRST + 6)
    assert 1 not in expected(built)
    built.comes_back(1)
    built.run(FIRST + 12)
    assert expected(built) == [1, 2, 3, 4, 5, 6, 8]


def test_a_member_that_never_renews_what_it_claims_to_have_lost_keeps_no_neighbor_out() -> None:
    built = village(8, *range(1, 9))
    del built.houses[name(7)]
    claims(built, 7)
    built.run(FIRST + 3)
    neighbor = built.houses[name(1)]
    neighbor.is_deaf = True
    built.run(FIRST + 5)
    built.comes_back(1)
    for later in (8, 11, 14):
        built.run(FIRST + later)
        claims(built, 7)
    built.run(FIRST + 16)
    assert expected(built) == [1, 2, 3, 4, 5, 6, 8]


def test_a_member_that_claims_seeds_with_everybody_gets_no_more_neighbors_than_it_may_have() -> None:
    built = village(30, *[1] * 30, parameters=replace(PARAMETERS, degree_max=24))
    held = built.houses[name(7)].member.situation.edges.values()
    client = built.houses[name(7)].member.situation.client
    made_up = (HeldEdge(TunnelId(10_000_000 + c), ClientId(c), True) for c in range(1, 31) if c != client)
    claims(built, 7, *made_up, *(HeldEdge(e.tunnel, e.peer, e.is_started) for e in held))
    desk = built.provider.machine.networks[NETWORK].desk
    assert len(desk.graph.neighbors(client)) <= 24
    built.run(FIRST + 6)
    assert len(expected(built)) == 30


def test_nobody_is_a_neighbor_of_its_own() -> None:
    built = village(8, *range(1, 9))
    assert claims(built, 7, HeldEdge(TunnelId(5), ClientId(7), True)) == ["BAD_DATA"]
