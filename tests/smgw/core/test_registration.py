"""Getting in: notification 1, a place, tunnels, notification 2; and what happens when an answer is lost."""

from dataclasses import replace

import pytest

from common import topics
from common.frames import Frame, Notification, decode
from common.identifiers import EVERYONE, NO_NETWORK, ClientId, NetworkId
from common.merkle import Tree
from common.payloads import Assigned, Entered, Registration, Rejected
from common.refusal import Refusal
from common.roster import Leaf, Roster, RosterRoot
from common.signing import Direction
from common.tunnels import Role
from smgw.core import handshakes
from smgw.core.events import (
    Connected,
    Disconnected,
    EdgeErased,
    Effect,
    LeaveRequested,
    Left,
    Level,
    Membership,
    Moved,
    Notice,
    Publish,
    ReadingTaken,
    Received,
    Refuse,
    Sent,
    Store,
    Subscribe,
    Tick,
    VaultContents,
)
from tests.provider.core.certified import certificate
from tests.smgw.core.builders import (
    NAME,
    OWN,
    PEERS,
    REGISTRATION,
    RULES,
    SELF,
    SEND_AT,
    START,
    Bench,
    announced,
    asked,
    contents,
    edge,
    final,
    opening,
    order,
    published,
    refusals,
    renewed,
    reported,
    roster,
    said,
    sent_by,
    settled,
    tunnel,
    valid,
)
from tests.smgw.core.rosters import NETWORK, PARAMETERS, PROVIDER, ROUND, leaf, root, roster_of, values

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


def forgotten() -> Bench:
    """A member whom the provider did not answer for so long that it registers again."""
    bench = Bench(now_ms=START - 30_000)
    register(bench)
    assert bench.kept == contents()
    bench.now_ms = START
    return bench


def register(bench: Bench) -> None:
    """Let a gateway come to the bus, and wait until it registers."""
    effects = bench.handle(Connected()) + bench.run(bench.now_ms + 20_000)
    assert Notification.REGISTER in published(effects)


def in_place(bench: Bench, client: int) -> list[Effect]:
    """Give a gateway that has got this number edges, a roster with its leaf, and a FINAL that expects it."""
    leaves = (*(leaf(number) for number in range(1, client)), Leaf(ClientId(client), OWN.public_key, values(4).root, 2))
    at = RosterRoot(2, client, client - 1, Tree(each.encode() for each in leaves).root())
    bench.handle(announced(Roster(at, ROUND, roster_of(root()).name, PARAMETERS, (), leaves)))
    for peer in PEERS:
        bench.member.situation.keep(edge(peer, generation=1))
    effects = bench.handle(final(expected={client, *PEERS}, at=at))
    assert bench.member.situation.is_expected
    return effects


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
    assert refusals(bench.handle(assigned())) == ["UNEXPECTED"]


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
    bench = forgotten()
    effects = bench.handle(assigned(NetworkId(8), client=2))
    erased: list[Effect] = [Store(EdgeErased(edge.tunnel)) for edge in contents().edges]
    moved = (Store(Moved(SELF, 1)), *erased, Store(Membership(NetworkId(8), ClientId(2), serial=SELF)))
    assert effects[:8] == [*moved]
    assert bench.kept.edges == ()


def test_in_a_new_place_of_the_same_network_no_round_gets_a_second_frame() -> None:
    bench, first = reported(settled(renewed()))
    assert Notification.SUPERPOSITION in published(first)
    bench.handle(assigned(client=11))
    assert bench.kept.membership == Membership(NETWORK, ClientId(11), serial=SELF)
    effects = in_place(bench, 11) + bench.handle(ReadingTaken(valid(import_dwh=77)))
    assert refusals(effects) == ["ROUND_NOT_NEW"]
    bench.restart()
    effects = in_place(bench, 11) + bench.handle(ReadingTaken(valid(import_dwh=77))) + bench.run(START + 800_000)
    assert refusals(effects) == ["ROUND_NOT_NEW"]
    assert [record.round for record in bench.records if isinstance(record, Sent)] == [ROUND]


def test_a_place_from_long_ago_is_refused() -> None:
    bench = forgotten()
    assert refusals(bench.handle(assigned(NetworkId(8), client=9, at_ms=START - 60_001))) == ["STALE"]
    assert bench.kept == contents()


def test_a_place_that_was_not_asked_for_is_refused() -> None:
    bench = settled()
    for place in (assigned(client=8), assigned(NetworkId(8)), assigned()):
        assert refusals(bench.handle(place)) == ["UNEXPECTED"]
    assert bench.kept == contents()


def test_a_member_keeps_its_number_whatever_the_provider_says() -> None:
    bench = forgotten()
    effects = bench.handle(assigned(client=8))
    assert [type(effect) for effect in effects] == [Refuse, Notice]
    assert refusals(effects) == ["UNEXPECTED"]
    (notice,) = (effect for effect in effects if isinstance(effect, Notice))
    assert notice.level is Level.CRITICAL
    assert "another number in network 7, client 8, although it is client 4" in notice.text
    assert bench.kept == contents()


def test_a_renewed_certificate_lets_the_number_change_once() -> None:
    bench = settled(renewed())
    bench.handle(Tick(), assigned(client=11))
    assert bench.kept.membership == Membership(NETWORK, ClientId(11), serial=SELF)
    bench.tick(bench.now_ms + 10_000)
    assert refusals(bench.handle(assigned(client=12))) == ["UNEXPECTED"]
    assert bench.kept.membership == Membership(NETWORK, ClientId(11), serial=SELF)


def test_a_gateway_is_moved_to_other_networks_three_times_during_the_life_of_its_certificate() -> None:
    bench = forgotten()
    for times, network in enumerate([8, 9, 7], 1):
        bench.handle(assigned(NetworkId(network), client=times))
        assert bench.kept.moved == (Moved(SELF, times),)
        bench.restart()
        register(bench)
    effects = bench.handle(assigned(NetworkId(8), at_ms=bench.now_ms))
    assert refusals(effects) == ["UNEXPECTED"]
    (notice,) = (effect for effect in effects if isinstance(effect, Notice))
    assert notice.level is Level.CRITICAL
    assert "It has done so 3 times with this certificate" in notice.text
    assert bench.kept.membership == Membership(NETWORK, ClientId(3), serial=SELF)
    bench.rules = replace(RULES, certificate=certificate(SELF, serial=78))
    bench.restart()
    register(bench)
    bench.handle(assigned(NetworkId(8), at_ms=bench.now_ms))
    assert bench.kept.moved == (Moved(SELF, 3), Moved(78, 1))


def test_moved_back_to_a_network_a_gateway_makes_no_second_frame_of_a_round() -> None:
    bench, first = reported(settled(renewed()))
    assert Notification.SUPERPOSITION in published(first)
    bench.handle(assigned(NetworkId(8), client=2))
    bench.tick(SEND_AT + 10_000)
    bench.handle(assigned(client=11, at_ms=bench.now_ms))
    bench.now_ms = SEND_AT
    effects = in_place(bench, 11) + bench.handle(ReadingTaken(valid(import_dwh=77)))
    assert refusals(effects) == ["ROUND_NOT_NEW"]
    assert [record.round for record in bench.records if isinstance(record, Sent)] == [ROUND]


def test_all_handshakes_done_are_reported_at_once() -> None:
    bench = stranger()
    bench.handle(Connected(), assigned(), roster())
    bench.handle(opening(1, Role.INITIATOR), opening(2, Role.INITIATOR), opening(5, Role.RESPONDER))
    effects = bench.run(START + 20_000)
    failed = Entered((), (tunnel(1), tunnel(2))).encode()
    assert [e for e in effects if isinstance(e, Publish)][-1] == said(Notification.ENTERED, failed, START + 20_000)
    assert published(effects).count(Notification.ENTERED) == 1


def test_what_one_notification_2_has_no_room_for_is_reported_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshakes, "ENTERED_MAX", 2)
    bench = stranger()
    bench.handle(Connected(), assigned(), roster(), *(opening(peer, Role.INITIATOR) for peer in (1, 2, 3)))
    effects = [decode(e.payload).frame for e in bench.run(START + 21_000) if isinstance(e, Publish)]
    reports = [Entered.decode(each.data) for each in effects if each.notification is Notification.ENTERED]
    assert reports == [Entered((), (tunnel(1), tunnel(2))), Entered((), (tunnel(3),))]


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
