"""Notification 3: of a neighbor, which only its own signature makes, and the gateway's own, until it is confirmed."""

from common.frames import Notification
from common.identifiers import ClientId
from common.payloads import ExitConfirmed
from common.refusal import Refusal
from smgw.core.events import (
    Closed,
    Connected,
    Departed,
    Disconnected,
    EdgeErased,
    LeaveRequested,
    Left,
    Level,
    Membership,
    Notice,
    Received,
    Refuse,
    Store,
)
from tests.smgw.core.builders import (
    SELF,
    SEND_AT,
    START,
    STRANGER,
    Bench,
    contents,
    edge,
    final,
    of_neighbor,
    order,
    published,
    refusals,
    reported,
    said,
    settled,
    tunnel,
    view,
)
from tests.smgw.core.rosters import NETWORK, ROUND, SCHEDULE

LEAVING = Membership(NETWORK, SELF, is_leaving=True)
CONFIRMED = order(Notification.EXIT_CONFIRMED, ExitConfirmed(SELF).encode())
GONE = "This gateway has left its network; its seeds are erased."


def exit_of(peer: int) -> Received:
    return of_neighbor(peer, Notification.EXIT)


def confirming(leaver: int, at_ms: int) -> object:
    return said(Notification.EXIT_CONFIRMED, ExitConfirmed(ClientId(leaver)).encode(), at_ms)


def test_a_neighbor_that_signed_its_exit_is_forgotten_and_that_is_confirmed() -> None:
    bench = Bench(now_ms=START)
    assert bench.handle(exit_of(5)) == [Store(EdgeErased(tunnel(5))), confirming(5, START)]
    assert {e.peer for e in bench.kept.edges} == {1, 2, 3, 6, 7}


def test_every_seed_shared_with_the_leaver_is_erased() -> None:
    both = (edge(5), edge(5, is_started=False, generation=1))
    bench = Bench(type(contents())(contents().membership, both), now_ms=START)
    assert bench.handle(exit_of(5))[:2] == [Store(EdgeErased(e.tunnel)) for e in both]
    assert bench.kept.edges == ()


def test_a_repeated_exit_is_confirmed_again_and_changes_nothing_more() -> None:
    bench = Bench(now_ms=START)
    bench.handle(exit_of(5))
    assert bench.handle(exit_of(5)) == [confirming(5, START)]


def test_an_exit_that_the_neighbor_did_not_sign_is_refused() -> None:
    bench = Bench(now_ms=START)
    for forger in (STRANGER, None):
        signed = of_neighbor(5, Notification.EXIT, by=forger) if forger else order(Notification.EXIT, b"", client=5)
        assert bench.handle(signed) == [Refuse(Refusal.BAD_SIGNATURE, Notification.EXIT)]
    assert bench.kept == contents()


def test_an_exit_with_data_is_refused() -> None:
    assert refusals(Bench(now_ms=START).handle(of_neighbor(5, Notification.EXIT, b"1"))) == ["BAD_DATA"]


def test_who_wants_to_leave_says_so_until_the_provider_confirms() -> None:
    bench = settled()
    bench.now_ms = START
    exiting = said(Notification.EXIT, b"", START)
    assert bench.handle(LeaveRequested())[:2] == [Store(LEAVING), exiting]
    assert published(bench.run(START + 14_000)) == [Notification.EXIT] * 3
    assert bench.handle(CONFIRMED) == [Store(Departed()), Notice(Level.INFO, GONE), Left()]
    assert bench.kept.membership is None
    assert bench.kept.edges == ()
    assert bench.run(START + SCHEDULE.period_ms * 3) == []


def test_a_repeated_confirmation_is_refused() -> None:
    bench = settled()
    bench.handle(LeaveRequested(), CONFIRMED)
    assert refusals(bench.handle(CONFIRMED)) == ["WRONG_NETWORK"]


def test_the_wish_to_leave_outlives_a_restart() -> None:
    bench = settled()
    bench.handle(LeaveRequested())
    bench.restart()
    bench.handle(Connected())
    assert published(bench.run(bench.now_ms + 2_000)) == [Notification.EXIT]


def test_without_a_bus_the_wish_is_kept_and_said_later() -> None:
    bench = settled()
    bench.handle(Disconnected())
    assert bench.handle(LeaveRequested()) == [Store(LEAVING)]
    bench.handle(Connected())
    assert published(bench.run(bench.now_ms + 2_000))[-1] == Notification.EXIT


def test_a_leaver_that_is_still_expected_answers_corrections_and_closes_its_round() -> None:
    bench, _ = reported()
    bench.handle(LeaveRequested())
    order = final(ROUND)
    assert bench.handle(order, at_ms=SEND_AT + 1)[:1] == [Store(Closed(ROUND, True, view(order)))]
    assert Notification.EXIT in published(bench.run(SEND_AT + 5_000))


def test_the_exit_of_another_client_is_not_this_gateways() -> None:
    bench = settled()
    bench.handle(LeaveRequested())
    other = order(Notification.EXIT_CONFIRMED, ExitConfirmed(ClientId(5)).encode())
    assert refusals(bench.handle(other)) == ["UNEXPECTED"]


def test_a_handshake_with_a_leaver_leaves_nothing_behind() -> None:
    waiting = edge(9, is_started=False)
    bench = Bench(type(contents())(contents().membership, (waiting,)), now_ms=START)
    assert bench.handle(exit_of(9))[0] == Store(EdgeErased(waiting.tunnel))
