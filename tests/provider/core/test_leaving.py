"""Notification 3 at the provider: nobody is told before the FINAL that no longer expects the leaver."""

from dataclasses import replace

from common.frames import Notification
from common.identifiers import ClientId
from common.payloads import ExitConfirmed, HeldEdge, Holdings
from provider.core.events import EdgeRemoved, MemberRecord, MemberState, Message, Notice, Publish, Store
from tests.provider.core.bench import Bench, empty, operating
from tests.provider.core.builders import (
    DEADLINE,
    SCHEDULE,
    START,
    after,
    everybody,
    forwarded,
    member,
    members,
    message,
    opened,
    ordered,
    published,
    refusals,
    registration,
    ring,
    tunnel,
)
from tests.provider.core.certified import identity

SEVEN = (1, 2, 3, 4, 5, 6, 7)
SIX = SEVEN[:6]
EXIT = message(7, Notification.EXIT)


def leaving() -> Bench:
    bench = operating(everybody(7))
    bench.receive(EXIT)
    return bench


def confirmation(bench: Bench) -> Publish:
    return ordered(7, Notification.EXIT_CONFIRMED, ExitConfirmed(ClientId(7)).encode(), bench.now_ms)


def test_an_exit_is_kept_and_nobody_is_told_while_the_round_still_expects_the_leaver() -> None:
    bench = operating(everybody(7))
    record = replace(member(7, MemberState.LEAVING), exit_frame=EXIT.payload)
    assert bench.receive(EXIT) == [Store(record)]
    assert bench.tick(DEADLINE - 1) == []


def test_a_leaver_is_counted_in_the_round_that_expects_it() -> None:
    bench = leaving()
    bench.report(*SEVEN)
    assert bench.results[-1].contributors == 7
    assert bench.last.included == members(*SEVEN)


def test_the_final_that_no_longer_expects_the_leaver_comes_before_the_news() -> None:
    bench = leaving()
    effects = bench.report(*SEVEN)
    assert bench.last.expected == members(*SIX)
    spoken = [effect for effect in effects if isinstance(effect, Publish)]
    assert published(spoken[:1]) == [Notification.FINAL]
    assert published(spoken[-1:]) == [Notification.ROSTER]
    assert spoken[1:-1] == [*(forwarded(EXIT, client, bench.now_ms) for client in SIX), confirmation(bench)]
    assert Notice("client 7 has left") in effects


def test_with_the_final_the_leaver_and_its_edges_are_gone_from_the_store() -> None:
    bench = leaving()
    effects = bench.report(*SEVEN)
    stored = [effect.record for effect in effects if isinstance(effect, Store)]
    assert {r.tunnel for r in stored if isinstance(r, EdgeRemoved)} == {tunnel(7, peer) for peer in SIX}
    gone = replace(member(7, MemberState.LEFT), exit_frame=EXIT.payload)
    assert [r for r in stored if isinstance(r, MemberRecord)] == [gone]


def test_a_leaver_that_was_silent_is_not_put_away() -> None:
    bench = leaving()
    bench.report(*SIX)
    bench.tick(DEADLINE)
    bench.report(*SIX, missing=(7,), attempt=1)
    assert bench.state(7) is MemberState.LEFT


def test_an_exit_that_is_said_again_is_confirmed_again() -> None:
    bench = leaving()
    bench.report(*SEVEN)
    bench.now_ms += 5
    assert bench.receive(message(7, Notification.EXIT, at_ms=bench.now_ms)) == [confirmation(bench)]
    assert refusals(bench.receive(message(7, Notification.EXIT, at_ms=bench.now_ms))) == ["REPEATED"]


def test_the_confirmations_of_the_neighbors_are_noted() -> None:
    bench = leaving()
    bench.report(*SEVEN)
    said = message(1, Notification.EXIT_CONFIRMED, ExitConfirmed(ClientId(7)).encode())
    assert bench.receive(said) == [Notice("client 1 has erased the seed of client 7")]


def test_a_member_that_was_away_hears_of_the_exit_when_it_comes_back() -> None:
    bench = leaving()
    bench.report(2, 3, 4, 5, 6, 7)
    bench.tick(DEADLINE)
    bench.report(2, 3, 4, 5, 6, 7, missing=(1,), attempt=1)
    assert bench.state(1) is MemberState.AWAY
    claims = Holdings(tuple(HeldEdge(tunnel(1, peer), ClientId(peer), is_started=True) for peer in range(2, 8)))
    effects = bench.receive(message(1, Notification.RESUME, claims.encode(), at_ms=bench.now_ms))
    assert forwarded(EXIT, 1, bench.now_ms) in effects
    assert published(effects) == [Notification.EXIT, Notification.RESUMED]


def test_nobody_gets_another_neighbor_for_a_leaver_without_asking() -> None:
    bench = operating(ring(20, reach=4))
    bench.receive(message(5, Notification.EXIT))
    assert opened(bench.report(*range(1, 21))) == []


def test_a_leaver_gets_no_tunnels_and_no_answer_that_keeps_it() -> None:
    bench = leaving()
    for moment, reason in enumerate(("UNEXPECTED", "UNKNOWN_CLIENT")):
        resume = message(7, Notification.RESUME, Holdings(()).encode(), at_ms=START + 1 + moment)
        assert refusals(bench.receive(resume)) == [reason]
        assert opened(bench.receive(registration(7, at_ms=START + moment))) == []
        bench.report(*SEVEN)


def test_its_name_is_free_again_and_its_number_is_not() -> None:
    bench = leaving()
    bench.report(*SEVEN)
    effects = bench.receive(registration(7, at_ms=bench.now_ms))
    records = [effect.record for effect in effects if isinstance(effect, Store)]
    assert records == [replace(member(7, MemberState.JOINING, epoch=0), client=ClientId(8))]


def test_an_exit_outlives_a_restart_of_the_provider() -> None:
    bench = leaving()
    effects = bench.restart(START + 20_000)
    assert bench.last.expected == members(*SIX)
    assert forwarded(EXIT, 1, START + 20_000) in effects
    assert bench.state(7) is MemberState.LEFT


def test_a_gateway_that_leaves_a_network_still_waiting_is_let_go_within_a_round() -> None:
    bench = empty()
    bench.receive(registration(1))
    said = message(1, Notification.EXIT)
    bench.receive(said)
    effects = bench.run(SCHEDULE.deadline(after(START // SCHEDULE.period_ms), 0))
    assert Notification.EXIT_CONFIRMED in published(effects)


def test_all_may_leave_at_once() -> None:
    bench = operating(everybody(7))
    exits = [message(client, Notification.EXIT) for client in SEVEN]
    bench.receive(*exits)
    effects = bench.report(*SEVEN)
    assert bench.results[-1].contributors == 7
    assert bench.last.expected == members()
    assert bench.edges() == set()
    assert published(effects).count(Notification.EXIT_CONFIRMED) == 7


def forged(by: int) -> Message:
    return message(7, Notification.EXIT, by=identity(by))


def test_nobody_leaves_on_anothers_word() -> None:
    bench = operating(everybody(7))
    assert refusals(bench.receive(forged(6), forged(1_000))) == ["BAD_SIGNATURE"] * 2
    assert bench.records == []
