"""Getting in: notification 1, a place, tunnels, notification 2; and what happens when an answer is lost."""

from dataclasses import replace

from common import topics
from common.frames import Frame, Notification, decode
from common.identifiers import EVERYONE, NO_NETWORK, ClientId, NetworkId
from common.payloads import Assigned, Entered, Registration, Rejected
from common.refusal import Refusal
from common.signing import Direction
from common.tunnels import Role
from smgw.core.events import (
    Connected,
    Disconnected,
    EdgeErased,
    Effect,
    LeaveRequested,
    Left,
    Level,
    Membership,
    Notice,
    Publish,
    Received,
    Store,
    Subscribe,
    TakeReading,
    VaultContents,
)
from tests.provider.core.certified import certificate
from tests.smgw.core.builders import (
    NAME,
    OWN,
    REGISTRATION,
    RULES,
    SELF,
    START,
    Bench,
    asked,
    contents,
    final,
    opening,
    order,
    published,
    refusals,
    reported,
    roster,
    said,
    sent_by,
    tunnel,
)
from tests.smgw.core.rosters import NETWORK, PROVIDER, ROUND, values

INBOX = Subscribe(topics.inbox_filter(NAME))
ASSIGNED = Assigned(OWN.public_key).encode()


def assigned(network: NetworkId = NETWORK, client: int = SELF, at_ms: int = START) -> Received:
    frame = Frame(network, ClientId(client), at_ms, Notification.ASSIGNED, ASSIGNED)
    return Received(topics.down(network, NAME), frame.signed(PROVIDER, Direction.DOWN))


def rejected(notification: Notification, reason: Refusal) -> Received:
    frame = Frame(NO_NETWORK, EVERYONE, START, Notification.REFUSED, Rejected(notification, reason).encode())
    return Received(topics.down(NO_NETWORK, NAME), frame.signed(PROVIDER, Direction.DOWN))


def stranger() -> Bench:
    return Bench(VaultContents(), now_ms=START)


def test_a_gateway_without_a_network_asks_for_one_when_the_bus_is_there() -> None:
    bench = stranger()
    assert bench.run(START + 10_000) == []
    assert bench.handle(Connected(), at_ms=START) == [INBOX, asked(REGISTRATION, START)]


def test_the_provider_gives_it_a_place() -> None:
    bench = stranger()
    bench.handle(Connected())
    assert bench.handle(assigned()) == [
        Store(Membership(NETWORK, SELF, serial=SELF)),
        Subscribe(topics.broadcast_filter(NETWORK)),
        Notice(Level.INFO, "This gateway is client 4 of network 7."),
    ]
    assert bench.handle(assigned()) == []


def test_a_request_without_an_answer_is_repeated_at_growing_distances() -> None:
    bench = stranger()
    bench.handle(Connected())
    times = [decode(e.payload).frame.timestamp_ms - START for e in bench.run(START + 200_000) if isinstance(e, Publish)]
    assert times == [2_000, 6_000, 14_000, 30_000, 62_000, 122_000, 182_000]


def test_while_the_bus_is_gone_nothing_is_asked() -> None:
    bench = stranger()
    bench.handle(Connected(), Disconnected())
    assert bench.member.deadline is None
    assert bench.run(START + 100_000) == []


def test_a_member_without_tunnels_asks_again_after_a_while() -> None:
    bench = stranger()
    bench.handle(Connected(), assigned(), roster())
    assert bench.member.deadline == START + 10_000
    assert bench.tick(START + 10_000) == [asked(REGISTRATION, START + 10_000)]


def test_a_refused_request_is_explained_and_asked_again_after_a_minute() -> None:
    bench = stranger()
    bench.handle(Connected())
    text = "The provider refused this gateway's register: its name is registered with another key."
    assert bench.handle(rejected(Notification.REGISTER, Refusal.NAME_TAKEN)) == [Notice(Level.CRITICAL, text)]
    assert bench.run(START + 59_999) == []
    assert published(bench.tick(START + 60_000)) == [Notification.REGISTER]


def test_a_refusal_that_it_did_not_ask_for_changes_nothing() -> None:
    bench = Bench(now_ms=START)
    assert refusals(bench.handle(rejected(Notification.REGISTER, Refusal.NAME_TAKEN))) == ["UNEXPECTED"]
    bench = stranger()
    bench.handle(Connected(), rejected(Notification.REGISTER, Refusal.NAME_TAKEN))
    assert refusals(bench.handle(rejected(Notification.REGISTER, Refusal.NAME_TAKEN))) == ["UNEXPECTED"]


def test_a_place_in_another_network_erases_every_seed_of_the_one_before() -> None:
    bench = Bench(now_ms=START)
    effects = bench.handle(assigned(NetworkId(8), client=2))
    erased: list[Effect] = [Store(EdgeErased(edge.tunnel)) for edge in contents().edges]
    assert effects[:7] == [*erased, Store(Membership(NetworkId(8), ClientId(2), serial=SELF))]
    assert bench.kept.edges == ()


def test_in_a_new_place_rounds_are_counted_anew() -> None:
    bench, _ = reported()
    bench.handle(assigned(client=11))
    assert [type(effect) for effect in bench.handle(roster(), final())] == [TakeReading]
    assert set(published(bench.run(START + 800_000))) == {Notification.REGISTER}
    assert bench.kept.membership == Membership(NETWORK, ClientId(11), serial=SELF)


def test_a_place_from_long_ago_is_refused() -> None:
    bench = Bench(now_ms=START)
    assert refusals(bench.handle(assigned(client=9, at_ms=START - 60_001))) == ["STALE"]
    assert bench.kept == contents()


def test_all_handshakes_done_are_reported_at_once() -> None:
    bench = stranger()
    bench.handle(Connected(), assigned(), roster())
    bench.handle(opening(1, Role.INITIATOR), opening(2, Role.INITIATOR), opening(5, Role.RESPONDER))
    effects = bench.run(START + 20_000)
    failed = Entered((), (tunnel(1), tunnel(2))).encode()
    assert [e for e in effects if isinstance(e, Publish)][-1] == said(Notification.ENTERED, failed, START + 20_000)
    assert published(effects).count(Notification.ENTERED) == 1


def test_while_handshakes_are_under_way_nothing_else_is_asked() -> None:
    bench = stranger()
    bench.handle(Connected(), assigned(), roster(), opening(1, Role.INITIATOR))
    assert set(published(bench.run(START + 19_999))) == {Notification.TUNNEL}


def test_after_failed_handshakes_a_gateway_without_seeds_registers_again() -> None:
    bench = stranger()
    bench.handle(Connected(), assigned(), roster(), opening(1, Role.INITIATOR))
    effects = bench.run(START + 40_000)
    kinds = published(effects)
    assert kinds.index(Notification.ENTERED) < kinds.index(Notification.REGISTER)


def test_a_gateway_that_never_got_a_place_leaves_at_once() -> None:
    assert stranger().handle(LeaveRequested()) == [Left()]


def test_a_member_listens_to_its_network_as_soon_as_the_bus_is_there() -> None:
    bench = Bench(now_ms=START)
    assert bench.handle(Connected()) == [INBOX, Subscribe(topics.broadcast_filter(NETWORK))]
    assert bench.member.deadline == START + 2_000


def test_a_settled_member_asks_for_nothing_when_the_bus_comes_back() -> None:
    bench, effects = reported()
    again = bench.handle(Disconnected(), Connected())
    assert [e.payload for e in again if isinstance(e, Publish)] == [sent_by(effects)]
    assert published(bench.run(START + 890_000)) == []


def test_a_member_whom_the_retained_final_expects_asks_for_nothing() -> None:
    bench = Bench(now_ms=START)
    bench.handle(Connected(), roster(), final())
    assert published(bench.run(START + 890_000)) == []


def test_a_renewed_certificate_is_shown_to_the_provider_until_it_answers() -> None:
    renewed = replace(RULES, certificate=certificate(SELF, serial=77))
    member = replace(contents(), membership=Membership(NETWORK, SELF, serial=SELF))
    bench = Bench(member, renewed, now_ms=START)
    shown = Registration(values(SELF).root, renewed.certificate).encode()
    effects = bench.handle(Connected(), roster(), final()) + bench.run(START + 5_000)
    assert [asked(shown, START + 2_000), asked(shown, START + 4_000)] == [
        effect for effect in effects if published([effect]) == [Notification.REGISTER]
    ]
    assert bench.handle(assigned()) == [Store(Membership(NETWORK, SELF, serial=77))]
    assert bench.kept.edges == contents().edges
    bench.restart()
    bench.handle(Connected(), roster(), final())
    assert Notification.REGISTER not in published(bench.run(START + 60_000))


def test_an_order_for_the_round_is_no_place() -> None:
    bench = stranger()
    assert refusals(bench.handle(order(Notification.RESUMED, b"\x00\x00"), roster(), final(ROUND))) == [
        "WRONG_NETWORK",
        "WRONG_NETWORK",
        "WRONG_NETWORK",
    ]
