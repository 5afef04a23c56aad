"""Members that were away: expected again with the seeds they hold, or with new ones for those they lost."""

from dataclasses import replace

from common.frames import Notification
from common.identifiers import ClientId, TunnelId
from common.payloads import Entered, HeldEdge, Holdings, Resumed, Role
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
    identity,
    member,
    members,
    message,
    name,
    opened,
    ordered,
    published,
    refusals,
    registration,
    stored,
    tunnel,
)

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


def standing(bench: Bench, client: int, orders: list[tuple[str, object]]) -> Message:
    del orders
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
    assert [who for who, order in opened(effects) if order.role is Role.RESPONDER] == [name(5), name(6)]
    next_round(bench, *SIX)
    assert bench.last.expected == members(*SIX)
    bench.receive(standing(bench, 7, []))
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
    assert published(effects)[:2] == [Notification.ASSIGNED, Notification.RESUMED]
    drawn = {who for who, order in opened(effects) if order.role is Role.RESPONDER}
    assert drawn == {name(peer) for peer in SIX}
    bench.receive(standing(bench, 7, []))
    next_round(bench, *SIX)
    assert bench.last.expected == members(*SEVEN)
    next_round(bench, *SEVEN)
    assert bench.results[-1].contributors == 7


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
            HeldEdge(TunnelId(6), ClientId(3), is_started=False),
        )
    )
    effects = bench.receive(asking(bench, 7, claims.encode()))
    assert published(effects) == [Notification.RESUMED]


def test_a_member_with_too_few_live_neighbors_gets_others() -> None:
    pairs = [*everybody(12), *((peer, 13) for peer in (1, 2, 3, 4))]
    bench = operating(pairs)
    bench.report(*range(2, 14))
    bench.tick(DEADLINE)
    effects = bench.report(*range(2, 14), missing=(1,), attempt=1)
    orders = opened(effects)
    assert bench.state(1) is MemberState.AWAY
    assert [order.peer_key for who, order in orders if order.role is Role.RESPONDER] == [identity(13).public_key]


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
    bench.receive(standing(bench, 7, []))
    bench.now_ms += 1
    assert opened(bench.receive(asking(bench, 7, held(7, 1, 2, 3, 4)))) == []


def test_a_seed_that_stands_is_started_only_when_both_its_ends_are_expected() -> None:
    contents = stored(everybody(7), number=ROUND - 2)
    away, waiting = member(8, MemberState.AWAY), edge(1, 8, EdgeState.STANDING)
    contents = replace(contents, members=(*contents.members, away), edges=(*contents.edges, waiting))
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


def test_the_rules_are_said_again_with_the_final_after_somebody_asked_and_not_without() -> None:
    bench = without_seven()
    bench.receive(asking(bench, 7, held(7, *SIX)))
    bench.run(SCHEDULE.start(after(ROUND)))
    assert Notification.ROSTER in published(bench.report(*SIX))
    bench.run(SCHEDULE.start(after(ROUND, 2)))
    assert Notification.ROSTER not in published(bench.report(*SEVEN))
