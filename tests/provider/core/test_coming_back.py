"""Members that were away: expected again with the seeds they hold, or with new ones for those they lost."""

from dataclasses import replace

from common.frames import Notification
from common.identifiers import ClientId, TunnelId
from common.payloads import Entered, HeldEdge, Holdings, Resumed
from common.tunnels import Kind, Role
from provider.core.events import EdgeRemoved, EdgeState, MemberState, Message, Store
from tests.provider.core.bench import Bench, operating
from tests.provider.core.builders import (
    DEADLINE,
    NETWORK,
    ROUND,
    SCHEDULE,
    START,
    after,
    edge,
    everybody,
    member,
    members,
    message,
    opened,
    ordered,
    published,
    refusals,
    registration,
    stored,
    tunnel,
    wanting,
)
from tests.provider.core.certified import certificate, name

SEVEN = (1, 2, 3, 4, 5, 6, 7)
SIX = SEVEN[:6]


def without_seven() -> Bench:
    """A network in which client 7 was silent in the last round, and is away."""
    bench = operating(everybody(7))
    bench.report(*SIX)
    bench.tick(DEADLINE)
    bench.now_ms = DEADLINE + 1_000
    bench.report(*SIX, missing=(7,), attempt=1)
    bench.now_ms = START + SCHEDULE.period_ms - 60_000
    return bench


def held(client: int, *peers: int) -> bytes:
    return Holdings(tuple(HeldEdge(tunnel(client, peer), ClientId(peer), is_started=True) for peer in peers)).encode()


def asking(bench: Bench, client: int, data: bytes, notification: Notification = Notification.RESUME) -> Message:
    return message(client, notification, data, at_ms=bench.now_ms)


def next_round(bench: Bench, *clients: int) -> None:
    """Close the next round with these clients."""
    bench.run(SCHEDULE.start(bench.now_ms // SCHEDULE.period_ms + 1))  # type: ignore[arg-type]
    bench.report(*clients)


def standing(bench: Bench, client: int) -> Message:
    """Notification 2: every tunnel that this client initiated stands."""
    graph = bench.machine.networks[NETWORK].desk.graph
    mine = tuple(e.tunnel for e in graph.in_state(EdgeState.OPEN) if e.initiator == client)
    return message(client, Notification.ENTERED, Entered(mine, ()).encode(), at_ms=bench.now_ms)


def test_a_silent_member_is_away_and_not_expected() -> None:
    bench = without_seven()
    assert bench.state(7) is MemberState.AWAY
    assert bench.last.expected == members(*SIX)
    next_round(bench, *SIX)
    assert (bench.results[-1].members, bench.results[-1].away, bench.results[-1].contributors) == (6, 1, 6)


def test_a_member_that_resumes_with_its_seeds_is_expected_in_the_round_after() -> None:
    bench = without_seven()
    started = tuple(tunnel(7, peer) for peer in SIX)
    assert bench.receive(asking(bench, 7, held(7, *SIX))) == [
        Store(member(7)),
        ordered(7, Notification.RESUMED, Resumed(started).encode(), bench.now_ms),
    ]
    assert bench.last.expected == members(*SIX)
    next_round(bench, *SIX)
    assert bench.last.expected == members(*SEVEN)
    next_round(bench, *SEVEN)
    assert bench.results[-1].contributors == 7


def test_an_emergency_is_answered_like_a_resume() -> None:
    bench = without_seven()
    effects = bench.receive(asking(bench, 7, held(7, *SIX), Notification.EMERGENCY))
    assert effects[0] == Store(member(7))
    assert published(effects) == [Notification.RESUMED]


def test_seeds_that_the_member_lost_are_renewed_and_it_is_not_expected_before() -> None:
    bench = without_seven()
    effects = bench.receive(asking(bench, 7, held(7, 1, 2, 3, 4)))
    gone = [Store(EdgeRemoved(NETWORK, tunnel(7, peer))) for peer in (5, 6)]
    assert effects[:3] == [*gone, Store(member(7))]
    asked = [(who, order.kind) for who, order in opened(effects) if order.role is Role.RESPONDER]
    assert asked == [(name(5), Kind.RENEWAL), (name(6), Kind.RENEWAL)]
    next_round(bench, *SIX)
    assert bench.last.expected == members(*SIX)
    bench.receive(standing(bench, 7))
    next_round(bench, *SIX)
    assert bench.last.expected == members(*SEVEN)
    assert len(bench.last.started) == 2
    next_round(bench, *SEVEN)
    assert bench.results[-1].contributors == 7


def test_a_store_that_was_lost_renews_every_edge_in_the_same_place() -> None:
    bench = without_seven()
    effects = bench.receive(registration(7, at_ms=bench.now_ms))
    removed = {
        effect.record.tunnel
        for effect in effects
        if isinstance(effect, Store) and isinstance(effect.record, EdgeRemoved)
    }
    assert removed == {tunnel(7, peer) for peer in SIX}
    assert published(effects) == [Notification.ASSIGNED, Notification.RESUMED]
    orders = opened(bench.tick(bench.now_ms + 1_000))
    drawn = {who for who, order in orders if order.role is Role.RESPONDER and order.kind is Kind.RENEWAL}
    assert drawn == {name(peer) for peer in SIX}
    bench.receive(standing(bench, 7))
    next_round(bench, *SIX)
    assert bench.last.expected == members(*SEVEN)
    next_round(bench, *SEVEN)
    assert bench.results[-1].contributors == 7


def test_a_member_that_shows_a_renewed_certificate_keeps_its_seeds() -> None:
    bench = operating(everybody(7))
    renewed = certificate(7, serial=1_007)
    effects = bench.receive(registration(7, cert=renewed))
    assert [effect for effect in effects if isinstance(effect, Store)] == [
        Store(replace(member(7), certificate=renewed))
    ]
    assert published(effects) == [Notification.ASSIGNED]
    assert bench.report(*SEVEN)
    assert bench.results[-1].contributors == 7
    assert bench.last.expected == members(*SEVEN)


def test_a_renewed_certificate_that_is_shown_again_because_no_answer_came_costs_no_seeds() -> None:
    bench = operating(everybody(7))
    shown = [registration(7, cert=certificate(7, serial=1_007), at_ms=START + step) for step in (0, 5_000, 15_000)]
    for each in shown:
        assert published(bench.receive(each, at_ms=START + 20_000)) == [Notification.ASSIGNED]
    assert len(bench.edges(EdgeState.STARTED)) == 21


def test_a_member_that_registers_with_the_same_certificate_much_later_has_lost_its_store() -> None:
    bench = operating(everybody(7))
    renewed = certificate(7, serial=1_007)
    bench.receive(registration(7, cert=renewed))
    later = START + 60_000
    effects = bench.receive(registration(7, cert=renewed, at_ms=later), at_ms=later)
    assert published(effects) == [Notification.ASSIGNED, Notification.RESUMED]
    assert len(bench.edges(EdgeState.STARTED)) == 15


def test_a_seed_that_only_the_member_still_holds_is_renewed_too() -> None:
    bench = without_seven()
    strange = Holdings((HeldEdge(TunnelId(5), ClientId(3), is_started=True),)).encode()
    bench.receive(asking(bench, 7, strange))
    desk = bench.machine.networks[NETWORK].desk
    assert desk.members[ClientId(7)].unsettled == set(SIX)


def test_an_edge_that_a_gateway_claims_with_nobody_is_ignored() -> None:
    bench = without_seven()
    claims = Holdings(
        (
            *(HeldEdge(tunnel(7, peer), ClientId(peer), is_started=True) for peer in SIX),
            HeldEdge(TunnelId(5), ClientId(99), is_started=True),
        )
    )
    effects = bench.receive(asking(bench, 7, claims.encode()))
    assert published(effects) == [Notification.RESUMED]


def test_a_seed_that_stands_for_the_member_alone_is_renewed_and_keeps_nobody_out() -> None:
    bench = without_seven()
    bench.receive(asking(bench, 7, held(7, *SIX)))
    bench.now_ms += 1
    graph = bench.machine.networks[NETWORK].desk.graph
    graph.remove(tunnel(1, 7))
    claims = Holdings(
        (
            HeldEdge(TunnelId(6), ClientId(1), is_started=False),
            *(HeldEdge(tunnel(7, peer), ClientId(peer), is_started=True) for peer in SIX[1:]),
        )
    )
    orders = opened(bench.receive(asking(bench, 7, claims.encode())))
    assert [(who, order.role, order.kind) for who, order in orders] == [
        (name(1), Role.RESPONDER, Kind.RENEWAL),
        (name(7), Role.INITIATOR, Kind.RENEWAL),
    ]
    assert not bench.machine.networks[NETWORK].desk.members[ClientId(7)].unsettled


def test_a_joining_member_that_registers_again_has_lost_what_stood() -> None:
    waiting = [edge(peer, 8, EdgeState.STANDING) for peer in (1, 2)]
    joining = member(8, MemberState.JOINING)
    contents = stored(everybody(7), range(1, 8), ROUND - 2, others=[joining], edges=waiting)
    bench = operating(everybody(7), contents=contents)
    effects = bench.receive(registration(8))
    assert {effect.record for effect in effects if isinstance(effect, Store)} == {
        EdgeRemoved(NETWORK, each.tunnel) for each in waiting
    }
    drawn = [order for _, order in opened(bench.receive(wanting(8, 1, 2)))]
    assert {order.kind for order in drawn} == {Kind.MESH}


def test_a_member_that_resumes_while_it_is_expected_changes_nothing() -> None:
    bench = operating(everybody(7))
    effects = bench.receive(asking(bench, 7, held(7, *SIX)))
    assert published(effects) == [Notification.RESUMED]
    assert bench.records == []
    assert bench.report(*SEVEN)


def test_a_tunnel_to_renew_is_not_opened_twice() -> None:
    bench = without_seven()
    bench.receive(asking(bench, 7, held(7)))
    bench.now_ms += 1
    assert opened(bench.receive(asking(bench, 7, held(7)))) == []


def test_a_seed_that_stands_is_started_and_not_agreed_again() -> None:
    bench = without_seven()
    bench.receive(asking(bench, 7, held(7, 1, 2, 3, 4)))
    bench.receive(standing(bench, 7))
    bench.now_ms += 1
    assert opened(bench.receive(asking(bench, 7, held(7, 1, 2, 3, 4)))) == []


def test_a_seed_that_stands_is_started_only_when_both_its_ends_are_expected() -> None:
    away, waiting = member(8, MemberState.AWAY), edge(1, 8, EdgeState.STANDING)
    contents = stored(everybody(7), range(1, 8), ROUND - 2, others=[away], edges=[waiting])
    bench = operating(everybody(7), contents=contents)
    bench.report(*SEVEN)
    assert bench.last.started == ()
    assert bench.edges(EdgeState.STANDING) == {waiting.tunnel}


def test_the_neighbors_of_a_member_in_dispute_are_expected_without_it() -> None:
    bench = operating(everybody(7))
    frames = [bench.frame(client) for client in SEVEN]
    bench.receive(asking(bench, 7, held(7)), *frames)
    assert bench.last.expected == members(*SIX)
    next_round(bench, *SIX)
    assert bench.results[-1].contributors == 6
    assert refusals(bench.report(7)) == ["NOT_EXPECTED"]


def test_list_and_roster_are_said_again_with_the_final_after_somebody_asked_and_not_without() -> None:
    bench = without_seven()
    bench.receive(asking(bench, 7, held(7, *SIX)))
    bench.run(SCHEDULE.start(after(ROUND)))
    assert published(bench.report(*SIX)) == [Notification.FINAL, Notification.REVOCATIONS, Notification.ROSTER]
    bench.run(SCHEDULE.start(after(ROUND, 2)))
    assert published(bench.report(*SEVEN)) == [Notification.FINAL]
