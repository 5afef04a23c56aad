"""Not fewer than half: with how many of the neighbors that it drew a gateway must have a seed before it sends."""

from dataclasses import replace

import pytest

from common.frames import Notification
from common.identifiers import EVERYONE, ClientId
from smgw.core.events import KnownRoster, Membership, VaultContents
from smgw.core.wants import is_proven
from tests.provider.core.certified import identity
from tests.smgw.core.builders import SELF, START, Bench, announced, edge, final, not_sent, published, reported
from tests.smgw.core.rosters import NETWORK, ROUND, root, roster_of

THIRTY = roster_of(root(30))


def in_mesh(count: int, held: int, *, live: int | None = None) -> Bench:
    """A member of a mesh, with started edges to so many of the others."""
    mesh = roster_of(root(count, live=live))
    peers = [number for number in range(1, count + 1) if number != SELF][:held]
    known = KnownRoster(NETWORK, mesh.at, mesh.name)
    bench = Bench(VaultContents(Membership(NETWORK, SELF), tuple(map(edge, peers)), rosters=(known,)))
    bench.handle(announced(mesh), final(expected={SELF, *peers, count}, at=mesh.at), at_ms=START - 1_000)
    return bench


@pytest.mark.parametrize(
    ("count", "live", "held", "sends"),
    [(10, 10, 5, True), (10, 10, 4, False), (11, 11, 5, True), (11, 11, 4, False), (11, 9, 4, True)],
)
def test_in_a_mesh_half_of_the_other_live_members_are_needed(count: int, live: int, held: int, sends: bool) -> None:
    _, effects = reported(in_mesh(count, held, live=live))
    assert effects == not_sent("TOO_FEW_DRAWN") if not sends else published(effects) == [Notification.SUPERPOSITION]


def drawn(held: int, *, is_started: bool = True) -> tuple[Bench, list[ClientId]]:
    """A member of a network of thirty, with edges to so many of the six that it drew; and who these are."""
    bench = Bench(VaultContents(Membership(NETWORK, SELF)))
    bench.handle(announced(THIRTY), at_ms=START - 1_000)
    clients = sorted(slot.client for slot in bench.kept.slots)
    for client in clients[:held]:
        bench.member.situation.keep(edge(client, is_started=is_started))
    return bench, clients


@pytest.mark.parametrize(("held", "proven"), [(0, False), (2, False), (3, True), (6, True)])
def test_of_six_drawn_neighbors_three_are_needed(held: int, proven: bool) -> None:
    bench, _ = drawn(held)
    assert is_proven(bench.member.situation) == proven


def test_edges_that_stand_prove_a_neighbor_as_well_as_those_that_are_in_use() -> None:
    bench, _ = drawn(3, is_started=False)
    assert is_proven(bench.member.situation)


def test_gateways_that_drew_this_one_prove_nothing() -> None:
    bench, clients = drawn(2)
    others = [number for number in range(1, 31) if number not in {SELF, *clients}]
    for number in others:
        bench.member.situation.keep(edge(number))
    expected = {SELF, *others, *clients}
    bench.handle(final(ROUND - 1, expected=expected, at=THIRTY.at))
    _, effects = reported(bench)
    assert effects == not_sent("TOO_FEW_DRAWN")


def test_a_drawn_number_in_a_roster_that_the_gateway_never_saw_proves_nothing() -> None:
    bench, clients = drawn(6)
    for client in clients[:4]:
        (held,) = bench.member.situation.edges_with(client)
        bench.member.situation.keep(replace(held, is_vouched=False))
    assert not is_proven(bench.member.situation)


def test_a_slot_that_was_given_up_counts_as_a_neighbor_that_is_not_proven() -> None:
    bench, clients = drawn(6)
    for slot in list(bench.member.situation.slots.values()):
        if slot.client in clients[:4]:
            bench.member.situation.slots[slot.number] = replace(slot, client=EVERYONE)
    assert not is_proven(bench.member.situation)


def test_in_a_mesh_a_neighbor_is_the_key_of_its_leaf_and_not_its_number() -> None:
    bench = in_mesh(10, 5)
    assert is_proven(bench.member.situation)
    (held, *_) = bench.member.situation.edges.values()
    bench.member.situation.keep(replace(held, peer_key=identity(99).public_key))
    assert not is_proven(bench.member.situation)
