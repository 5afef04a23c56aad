"""Slots: whom a gateway draws, what it asks for, and what makes it draw again, or not."""

import random
from dataclasses import replace

import pytest

from common.agreement import HELLO, REPLY, Ends, Introduction, Responder
from common.draws import COUNTER_MAX, VALUES, Opening
from common.frames import Notification, decode
from common.identifiers import ClientId
from common.roster import RosterRoot
from common.secret import Secret
from common.topics import Broadcast
from common.tunnels import Drawn, DrawnMember, Kind, Role, TunnelMessage
from smgw.core.events import (
    Connected,
    Effect,
    Level,
    Membership,
    Notice,
    Publish,
    Received,
    Slot,
    SlotEnded,
    Store,
    VaultContents,
)
from tests.provider.core.certified import certificate, revocations
from tests.smgw.core.builders import (
    SELF,
    START,
    Bench,
    after,
    announcement,
    edge,
    of_neighbor,
    opening,
    published,
    refusals,
    said,
    shown,
    tunnel,
)
from tests.smgw.core.rosters import NETWORK, ROUND, SCHEDULE, known_as, leaf, root, roster_of, values
from tests.smgw.core.slots import DRAWS, THIRTY, clients, drawn_in, notices, slots


def asking(wants: dict[ClientId, RosterRoot], at_ms: int) -> Publish:
    members = tuple(DrawnMember(at.epoch, client) for client, at in sorted(wants.items()))
    return said(Notification.DRAWN, Drawn(members).encode(), at_ms)


def test_all_slots_are_drawn_at_once_and_stored_before_anybody_hears_of_them() -> None:
    bench, effects = drawn_in()
    drawn = [effect.record for effect in effects if isinstance(effect, Store) and isinstance(effect.record, Slot)]
    assert len(drawn) == DRAWS
    assert len({slot.client for slot in drawn} - {SELF}) == DRAWS
    for slot in drawn:
        assert values(SELF).drawn(slot.number, slot.counter, THIRTY.at.root, 30) + 1 == slot.client
        assert (slot.at, slot.whole_leaves, slot.is_opened) == (THIRTY.at, 30, False)
    assert asking(dict.fromkeys(clients(bench), THIRTY.at), START) in effects


def test_the_counter_passes_over_itself_repeats_and_no_one_else() -> None:
    bench, _ = drawn_in()
    seen = {SELF}
    for slot in bench.member.situation.slots.values():
        for counter in range(slot.counter):
            assert ClientId(values(SELF).drawn(slot.number, counter, THIRTY.at.root, 30) + 1) in seen
        seen.add(slot.client)


def test_different_vaults_open_different_values() -> None:
    numbers = {random.Random(seed).sample(range(VALUES), DRAWS)[0] for seed in range(20)}
    assert len(numbers) > 15
    first, _ = drawn_in()
    later = Bench(replace(first.kept, slots=(), rosters=()), now_ms=START)
    later.handle(Connected(), *shown(THIRTY))
    assert not slots(first).keys() & slots(later).keys()


def test_after_a_restart_the_slots_are_the_same_and_are_asked_for_again() -> None:
    bench, _ = drawn_in()
    before = slots(bench)
    bench.now_ms += 5_000
    bench.restart()
    effects = bench.handle(Connected(), *shown(THIRTY))
    assert slots(bench) == before
    assert asking(dict.fromkeys(clients(bench), THIRTY.at), START + 5_000) in effects


def test_a_roster_that_grows_changes_no_slot_before_it_has_doubled() -> None:
    bench, _ = drawn_in()
    before = slots(bench)
    grown = roster_of(root(59, epoch=2), before=THIRTY)
    bench.handle(*shown(grown))
    assert slots(bench) == before
    doubled = roster_of(root(60, epoch=3), before=grown)
    effects = bench.handle(*shown(doubled))
    assert [Store(SlotEnded(number)) in effects for number in before] == [True] * DRAWS
    assert len(slots(bench)) == DRAWS
    assert not before.keys() & slots(bench).keys()
    assert {slot.whole_leaves for slot in bench.kept.slots} == {60}


def test_a_mesh_of_twenty_five_draws_nobody_and_the_twenty_sixth_member_makes_everybody_draw() -> None:
    mesh = roster_of(root(25))
    bench, effects = drawn_in(mesh)
    assert slots(bench) == {}
    assert asking(dict.fromkeys(map(ClientId, (1, 2, 3)), mesh.at), START) in effects
    bench.now_ms += 2_000
    effects = bench.handle(*shown(roster_of(root(26, epoch=2), before=mesh)))
    assert len(slots(bench)) == DRAWS
    assert Notification.DRAWN in published(effects)


def test_edges_of_the_mesh_count_for_the_slots_that_fall_to_the_same_neighbors() -> None:
    mesh = roster_of(root(25))
    known = known_as(mesh)
    held = tuple(edge(peer) for peer in range(1, 26) if peer != SELF)
    bench = Bench(VaultContents(Membership(NETWORK, SELF), held, rosters=(known,)), now_ms=START)
    effects = bench.handle(Connected(), *shown(roster_of(root(26, epoch=2), before=mesh)))
    lacking = [client for client in clients(bench) if client == 26]
    assert published(effects) == ([Notification.DRAWN] if lacking else [])
    assert all(each in bench.kept.edges for each in held)


def test_fewer_members_than_draws_give_fewer_slots() -> None:
    gone = frozenset(ClientId(number) for number in range(5, 31))
    bench = Bench(VaultContents(Membership(NETWORK, SELF), gone=gone), now_ms=START)
    bench.handle(Connected(), *shown(roster_of(root(30, live=4))))
    assert len(slots(bench)) == 3


def test_that_the_provider_calls_few_members_live_gives_no_fewer_slots() -> None:
    bench, _ = drawn_in(roster_of(root(30, live=4)))
    assert len(slots(bench)) == DRAWS


def test_what_is_lacking_is_said_again_after_four_periods_and_when_the_bus_is_back() -> None:
    bench, _ = drawn_in()
    again_ms = 4 * SCHEDULE.period_ms
    effects = bench.run(START + again_ms - 1)
    assert Notification.DRAWN not in published(effects)
    assert Notification.DRAWN in published(bench.run(START + again_ms))
    bench.now_ms += 10_000
    assert Notification.DRAWN in published(bench.handle(Connected()))


def test_several_changes_within_a_second_are_said_once() -> None:
    bench, effects = drawn_in()
    effects += bench.handle(*shown(roster_of(root(31, epoch=2), before=THIRTY)), Connected())
    assert published(effects).count(Notification.DRAWN) == 1
    assert published(bench.run(START + 1_000)).count(Notification.DRAWN) == 1


def test_a_leaving_gateway_asks_for_nobody() -> None:
    leaving = VaultContents(Membership(NETWORK, SELF, is_leaving=True))
    bench = Bench(leaving, now_ms=START)
    effects = bench.handle(Connected(), *shown(THIRTY)) + bench.run(START + 60_000)
    assert Notification.DRAWN not in published(effects)


def test_a_seed_that_stood_for_four_periods_without_being_started_is_asked_for_anew() -> None:
    mesh = roster_of(root(7))
    waiting = (edge(1), edge(2), edge(3, is_started=False, stood_ms=START), edge(5), edge(6))
    known = known_as(mesh)
    bench = Bench(VaultContents(Membership(NETWORK, SELF), waiting, rosters=(known,)), now_ms=START)
    assert Notification.DRAWN not in published(bench.handle(Connected(), *shown(mesh)))
    effects = bench.run(START + 4 * SCHEDULE.period_ms)
    assert asking({ClientId(3): mesh.at}, SCHEDULE.start(after(ROUND, 4))) in effects


# What the initiator opens


def reply_of(bench: Bench, slot: Slot, effects: list[Effect]) -> tuple[Responder, Received]:
    """The drawn neighbor, and its message 2 to the hello among these effects."""
    (hello,) = (TunnelMessage.decode(decode(e.payload).frame.data) for e in effects if isinstance(e, Publish))
    assert hello.step == HELLO
    ends = Ends(NETWORK, tunnel(slot.client), Kind.DRAW, slot.at, leaf(SELF), leaf(slot.client))
    other = Responder(ends, Secret(b"\x0e" * 32))
    body = other.reply(hello.body, Introduction(certificate(slot.client)))
    data = TunnelMessage(tunnel(slot.client), REPLY, body).encode()
    assert bench.member.situation.client == SELF
    return other, of_neighbor(slot.client, Notification.TUNNEL, data)


def opened() -> tuple[Bench, Slot, Opening]:
    """A gateway that has shown the value of its first slot to the neighbor that it drew."""
    bench, _ = drawn_in()
    slot = bench.kept.slots[0]
    effects = bench.handle(opening(slot.client, Role.INITIATOR, kind=Kind.DRAW, at=THIRTY.at))
    other, reply = reply_of(bench, slot, effects)
    effects = bench.handle(reply)
    assert effects[0] == Store(replace(slot, is_opened=True))
    confirm = TunnelMessage.decode(decode(next(e.payload for e in effects if isinstance(e, Publish))).frame.data)
    introduced, _, _ = other.meet(confirm.body)
    return bench, slot, Opening.decode(introduced.opening)


def test_the_value_is_shown_to_the_neighbor_that_proved_itself_and_stored_as_shown_before() -> None:
    _, slot, shown = opened()
    assert (shown.slot, shown.counter) == (slot.number, slot.counter)
    assert shown == values(SELF).open(slot.number, slot.counter)


def test_the_value_is_not_shown_to_whoever_has_no_certificate() -> None:
    bench, _ = drawn_in()
    slot = bench.kept.slots[0]
    effects = bench.handle(opening(slot.client, Role.INITIATOR, kind=Kind.DRAW, at=THIRTY.at))
    (hello,) = (TunnelMessage.decode(decode(e.payload).frame.data) for e in effects if isinstance(e, Publish))
    other = Responder(
        Ends(NETWORK, tunnel(slot.client), Kind.DRAW, slot.at, leaf(SELF), leaf(slot.client)), Secret(b"\x0e" * 32)
    )
    body = other.reply(hello.body, Introduction(certificate(99)))
    data = TunnelMessage(tunnel(slot.client), REPLY, body).encode()
    effects = bench.handle(of_neighbor(slot.client, Notification.TUNNEL, data))
    assert refusals(effects) == ["WRONG_SUBJECT"]
    assert slots(bench)[slot.number] == slot


def test_a_tunnel_to_somebody_else_than_was_drawn_is_refused_and_the_owner_is_told() -> None:
    bench, _ = drawn_in()
    other = next(number for number in range(1, 31) if number != SELF and number not in clients(bench))
    effects = bench.handle(opening(other, Role.INITIATOR, kind=Kind.DRAW, at=THIRTY.at))
    assert refusals(effects) == ["BAD_DRAW"]
    text = f"The provider proposed a neighbor of its own choice, client {other}, which this gateway did not draw."
    assert notices(effects) == [Notice(Level.CRITICAL, text)]


def test_a_drawn_neighbor_is_only_met_in_the_roster_of_the_draw() -> None:
    bench, _ = drawn_in()
    later = roster_of(root(31, epoch=2), before=THIRTY)
    bench.handle(*shown(later))
    client = clients(bench)[0]
    order = opening(client, Role.INITIATOR, kind=Kind.DRAW, at=later.at)
    assert refusals(bench.handle(order)) == ["BAD_DRAW"]
    assert refusals(bench.handle(opening(client, Role.INITIATOR, kind=Kind.DRAW, at=THIRTY.at))) == []


def test_a_tunnel_that_was_asked_for_before_and_is_lacking_no_more_is_no_lie() -> None:
    bench, _ = drawn_in()
    client = clients(bench)[0]
    bench.member.situation.keep(edge(client))
    effects = bench.handle(opening(client, Role.INITIATOR, generation=1, kind=Kind.DRAW, at=THIRTY.at))
    assert refusals(effects) == ["UNEXPECTED"]
    assert notices(effects) == []


@pytest.mark.parametrize("kind", [Kind.MESH, Kind.DRAW])
def test_a_tunnel_of_the_wrong_kind_for_its_roster_is_refused(kind: Kind) -> None:
    at = root(30) if kind is Kind.MESH else root(10)
    bench, _ = drawn_in(roster_of(at))
    assert refusals(bench.handle(opening(7, Role.RESPONDER, kind=kind, at=at))) == ["BAD_DRAW"]


# What cannot be drawn


def test_a_slot_that_falls_to_nobody_is_given_up_and_the_owner_is_told() -> None:
    bench, _ = drawn_in()
    situation = bench.member.situation
    situation.departed |= {ClientId(client) for client in range(1, 31)} - {SELF}
    bench.now_ms += 2_000
    effects = bench.handle(announcement(Broadcast.REVOCATIONS, Notification.REVOCATIONS, revocations(2), bench.now_ms))
    assert clients(bench) == [0] * DRAWS
    assert all(slot.counter < COUNTER_MAX for slot in bench.kept.slots)
    assert "fell to nobody: the roster of epoch 1 says that 30 of its 30 members are left" in notices(effects)[0].text


def test_when_all_values_are_used_the_owner_is_told_and_the_slots_stay() -> None:
    bench, _ = drawn_in()
    bench.kept = replace(bench.kept, used=frozenset(range(VALUES)))
    bench.restart()
    bench.handle(Connected(), *shown(THIRTY))
    before = slots(bench)
    effects = bench.handle(*shown(roster_of(root(60, epoch=2), before=THIRTY)))
    assert slots(bench) == before
    assert [notice.text for notice in notices(effects)] == [
        "This gateway has used its 1024 draw values. It draws no other neighbors before it has a new key."
    ]
