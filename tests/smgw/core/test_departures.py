"""What ends a slot: the neighbor's own exit, or a certificate that does not hold any more; and what does not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from broker.gwa.issuing import Term
from common.frames import Frame, Notification
from common.identifiers import ClientId, NetworkId
from common.merkle import Tree
from common.roster import RosterRoot
from common.signing import Direction, Identity
from common.topics import Broadcast
from common.tunnels import Departure, End, MemberProof
from smgw.core.events import (
    Connected,
    EdgeErased,
    Effect,
    MemberGone,
    Membership,
    Received,
    Slot,
    SlotEnded,
    Store,
    VaultContents,
)
from tests.provider.core.certified import YEARS, certificate, identity, revocations
from tests.smgw.core.builders import (
    SELF,
    START,
    STRANGER,
    Bench,
    announcement,
    contents,
    edge,
    of_neighbor,
    order,
    published,
    refusals,
    roster,
    shown,
    tunnel,
)
from tests.smgw.core.rosters import NETWORK, leaf, proof, root, roster_of, values

THIRTY = roster_of(root(30))
PAST = Term(YEARS.begin_ms, START - 1_000)


def drawn_in() -> Bench:
    """A gateway that has drawn neighbors in a roster of thirty."""
    bench = Bench(VaultContents(Membership(NETWORK, SELF)), now_ms=START - 5_000)
    bench.handle(Connected(), *shown(THIRTY))
    bench.now_ms = START
    return bench


def opened(bench: Bench, slot: Slot) -> Slot:
    """The same slot, once it was shown."""
    bench.member.situation.slots[slot.number] = shown = replace(slot, is_opened=True)
    bench.kept = replace(bench.kept, slots=(shown, *(each for each in bench.kept.slots if each != slot)))
    return shown


def exit_frame(number: int, *, by: Identity | None = None, network: NetworkId = NETWORK) -> bytes:
    frame = Frame(network, ClientId(number), START - 60_000, Notification.EXIT)
    return frame.signed(by or identity(number), Direction.UP)


def departed(member: MemberProof, evidence: bytes, end: End = End.EXIT) -> Received:
    return order(Notification.DEPARTED, Departure(member, end, evidence).encode())


def newly_drawn(effects: list[Effect]) -> list[Slot]:
    return [effect.record for effect in effects if isinstance(effect, Store) and isinstance(effect.record, Slot)]


def test_a_slot_that_was_never_opened_falls_on_in_the_same_roster() -> None:
    bench = drawn_in()
    slot = bench.kept.slots[0]
    bench.handle(*shown(roster_of(root(31, epoch=2), before=THIRTY)))
    effects = bench.handle(departed(proof(slot.client, THIRTY.at), exit_frame(slot.client)))
    (again,) = newly_drawn(effects)
    assert (again.number, again.at) == (slot.number, slot.at)
    assert again.counter > slot.counter
    assert again.client == values(SELF).drawn(again.number, again.counter, THIRTY.at.root, 30) + 1
    assert again.client not in {slot.client, SELF}
    assert Notification.DRAWN in published(bench.run(START + 1_000))


def test_a_slot_that_was_opened_is_never_drawn_again() -> None:
    bench = drawn_in()
    slot = opened(bench, bench.kept.slots[0])
    later = roster_of(root(31, epoch=2), before=THIRTY)
    bench.handle(*shown(later))
    effects = bench.handle(departed(proof(slot.client, THIRTY.at), exit_frame(slot.client)))
    assert effects[:2] == [Store(MemberGone(slot.client)), Store(SlotEnded(slot.number))]
    (fresh,) = newly_drawn(effects)
    assert fresh.number not in bench.start.used | {slot.number}
    assert (fresh.at, fresh.whole_leaves) == (later.at, 30)


def test_who_has_left_is_not_drawn_again() -> None:
    bench = drawn_in()
    gone = bench.kept.slots[0].client
    bench.handle(departed(proof(gone, THIRTY.at), exit_frame(gone)))
    bench.handle(*shown(roster_of(root(60, epoch=2), before=THIRTY)))
    assert gone not in {slot.client for slot in bench.kept.slots}


def test_a_revoked_certificate_ends_a_slot() -> None:
    bench = drawn_in()
    slot = bench.kept.slots[0]
    listed = revocations(2, slot.client)
    bench.handle(announcement(Broadcast.REVOCATIONS, Notification.REVOCATIONS, listed, START))
    effects = bench.handle(departed(proof(slot.client, THIRTY.at), certificate(slot.client), End.CERTIFICATE))
    assert refusals(effects) == []
    assert [again.number for again in newly_drawn(effects)] == [slot.number]


def test_a_list_that_names_the_certificate_behind_an_edge_ends_the_slot_at_once() -> None:
    bench = drawn_in()
    slot = opened(bench, bench.kept.slots[0])
    bench.member.situation.keep(edge(slot.client))
    listed = revocations(2, slot.client)
    effects = bench.handle(announcement(Broadcast.REVOCATIONS, Notification.REVOCATIONS, listed, START))
    assert Store(SlotEnded(slot.number)) in effects
    assert len(newly_drawn(effects)) == 1


def test_a_neighbor_that_says_itself_that_it_leaves_ends_its_slot() -> None:
    bench = drawn_in()
    slot = opened(bench, bench.kept.slots[0])
    bench.member.situation.keep(edge(slot.client))
    effects = bench.handle(of_neighbor(slot.client, Notification.EXIT))
    stored = [effect.record for effect in effects if isinstance(effect, Store)]
    assert stored[:3] == [MemberGone(slot.client), EdgeErased(tunnel(slot.client)), SlotEnded(slot.number)]
    assert len(newly_drawn(effects)) == 1


def test_an_edge_with_a_departed_member_is_erased() -> None:
    bench = drawn_in()
    slot = bench.kept.slots[0]
    bench.member.situation.keep(edge(slot.client, is_started=False))
    effects = bench.handle(departed(proof(slot.client, THIRTY.at), exit_frame(slot.client)))
    assert Store(EdgeErased(tunnel(slot.client))) in effects


NOBODY = 99
"""Whose key no leaf has."""


def of(slot: Slot) -> MemberProof:
    return proof(slot.client, slot.at)


def other_roster(slot: Slot) -> MemberProof:
    """A proof in a roster that the provider made up, where the leaf has a key of its own."""
    lie = replace(leaf(slot.client), public_key=identity(NOBODY).public_key)
    leaves = [lie if number == slot.client else leaf(number) for number in range(1, 31)]
    tree = Tree(each.encode() for each in leaves)
    return MemberProof(RosterRoot(1, 30, 30, tree.root()), lie, tree.path(lie.index))


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (lambda slot: departed(of(slot), exit_frame(slot.client, by=STRANGER)), "BAD_SIGNATURE"),
        (lambda slot: departed(of(slot), exit_frame(slot.client, network=NetworkId(8))), "UNEXPECTED"),
        (lambda slot: departed(of(slot), exit_frame(slot.client + 1, by=identity(slot.client))), "UNEXPECTED"),
        (lambda slot: departed(of(slot), b"gone"), "TOO_SHORT"),
        (lambda slot: departed(of(slot), order(Notification.EXIT, b"").payload), "UNEXPECTED"),
        (lambda slot: departed(other_roster(slot), exit_frame(slot.client, by=identity(NOBODY))), "BAD_DRAW"),
        (lambda slot: departed(replace(of(slot), path=()), exit_frame(slot.client)), "BAD_DRAW"),
        (lambda slot: departed(of(slot), certificate(slot.client), End.CERTIFICATE), "UNEXPECTED"),
        (lambda slot: departed(of(slot), certificate(slot.client, term=PAST), End.CERTIFICATE), "UNEXPECTED"),
        (lambda slot: departed(of(slot), certificate(NOBODY, term=PAST), End.CERTIFICATE), "WRONG_SUBJECT"),
        (
            lambda slot: departed(of(slot), certificate(slot.client, term=PAST, by=NOBODY), End.CERTIFICATE),
            "BAD_CERTIFICATE",
        ),
        (lambda _: departed(proof(SELF, THIRTY.at), exit_frame(SELF)), "BAD_DRAW"),
    ],
    ids=[
        "forged exit",
        "exit from another network",
        "exit of another client",
        "no frame",
        "no exit",
        "another roster",
        "no path",
        "good certificate",
        "expired certificate",
        "certificate of another key",
        "certificate of another authority",
        "itself",
    ],
)
def test_evidence_that_shows_nothing_is_refused_and_the_slot_stays(
    lie: Callable[[Slot], Received], reason: str
) -> None:
    bench = drawn_in()
    before = bench.kept
    assert refusals(bench.handle(lie(bench.kept.slots[0]))) == [reason]
    assert bench.kept == before


def test_a_revoked_certificate_of_a_neighbor_that_has_shown_another_ends_nothing() -> None:
    bench = drawn_in()
    slot = bench.kept.slots[0]
    bench.member.situation.keep(edge(slot.client))
    bench.handle(announcement(Broadcast.REVOCATIONS, Notification.REVOCATIONS, revocations(2, 900), START))
    old = departed(of(slot), certificate(slot.client, serial=900), End.CERTIFICATE)
    assert refusals(bench.handle(old)) == ["UNEXPECTED"]
    assert bench.member.situation.slots[slot.number] == slot


def test_somebody_whom_the_gateway_never_drew_ends_nothing() -> None:
    bench = drawn_in()
    drawn = {slot.client for slot in bench.kept.slots}
    other = next(number for number in range(1, 31) if number not in {SELF, *drawn})
    assert refusals(bench.handle(departed(proof(other, THIRTY.at), exit_frame(other)))) == ["BAD_DRAW"]


def test_in_a_mesh_a_departed_member_is_asked_for_no_more() -> None:
    bench = Bench(replace(contents((3, 5, 6, 7, 8)), rosters=()), now_ms=START - 5_000)
    assert Notification.DRAWN in published(bench.handle(Connected(), roster()))
    bench.now_ms = START
    bench.handle(departed(proof(1, root()), exit_frame(1)))
    effects = bench.handle(departed(proof(2, root()), exit_frame(2)))
    assert refusals(effects) == []
    assert Notification.DRAWN not in published(bench.run(START + 5_000_000))
