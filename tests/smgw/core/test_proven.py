"""Not fewer than half: with how many of the neighbors that it drew a gateway must have a seed before it sends."""

from dataclasses import replace

import pytest

from common.frames import Notification
from common.identifiers import EVERYONE, ClientId, RoundNumber
from smgw.core.events import Membership, VaultContents
from smgw.core.quorum import DrawnMasks
from tests.provider.core.certified import identity
from tests.smgw.core.builders import (
    SELF,
    START,
    Bench,
    correction,
    edge,
    final,
    not_sent,
    published,
    refusals,
    reported,
    shown,
    view,
)
from tests.smgw.core.rosters import NETWORK, ROUND, SCHEDULE, known_as, root, roster_of

THIRTY = roster_of(root(30))


def in_mesh(count: int, held: int, *, live: int | None = None, gone: int = 0) -> Bench:
    """A member of a mesh, with started edges to so many of the others; so many are proven to have left."""
    mesh = roster_of(root(count, live=live))
    peers = [number for number in range(1, count + 1) if number != SELF][:held]
    known = known_as(mesh)
    left = frozenset(ClientId(count - number) for number in range(gone))
    bench = Bench(VaultContents(Membership(NETWORK, SELF), tuple(map(edge, peers)), rosters=(known,), gone=left))
    bench.handle(*shown(mesh), final(expected={SELF, *peers, count}, at=mesh.at), at_ms=START - 1_000)
    return bench


@pytest.mark.parametrize(
    ("count", "gone", "held", "sends"),
    [(10, 0, 5, True), (10, 0, 4, False), (11, 0, 5, True), (11, 0, 4, False), (11, 2, 4, True)],
)
def test_in_a_mesh_half_of_those_are_needed_who_have_not_left(count: int, gone: int, held: int, sends: bool) -> None:
    _, effects = reported(in_mesh(count, held, gone=gone))
    assert effects == not_sent("TOO_FEW_DRAWN") if not sends else published(effects) == [Notification.SUPERPOSITION]


def test_that_the_provider_calls_few_members_live_makes_no_fewer_needed() -> None:
    _, effects = reported(in_mesh(11, 4, live=9))
    assert effects == not_sent("TOO_FEW_DRAWN")


def has_enough(bench: Bench) -> bool:
    """Whether its edges are enough for a frame that all of them mask."""
    situation = bench.member.situation
    return DrawnMasks(situation).holders(ROUND, list(situation.edges.values())) is not None


def drawn(held: int) -> tuple[Bench, list[ClientId]]:
    """A member of a network of thirty, with edges to so many of the six that it drew; and who these are."""
    bench = Bench(VaultContents(Membership(NETWORK, SELF)))
    bench.handle(*shown(THIRTY), at_ms=START - 1_000)
    clients = sorted(slot.client for slot in bench.kept.slots)
    for client in clients[:held]:
        bench.member.situation.keep(edge(client))
    return bench, clients


@pytest.mark.parametrize(("held", "proven"), [(0, False), (2, False), (3, True), (6, True)])
def test_of_six_drawn_neighbors_three_are_needed(held: int, proven: bool) -> None:
    bench, _ = drawn(held)
    assert has_enough(bench) == proven


def test_who_is_not_expected_does_not_count_although_the_gateway_has_its_seed() -> None:
    bench, clients = drawn(6)
    others = [number for number in range(1, 31) if number not in {SELF, *clients}]
    for number in others:
        bench.member.situation.keep(edge(number))
    bench.handle(final(ROUND - 1, expected={SELF, *others, *clients[:2]}, at=THIRTY.at))
    _, effects = reported(bench)
    assert effects == not_sent("TOO_FEW_DRAWN")


@pytest.mark.parametrize(("missing", "answers"), [(3, True), (4, False)])
def test_a_correction_that_takes_away_more_than_half_of_the_drawn_is_not_answered(missing: int, answers: bool) -> None:
    """Whoever calls all others missing would otherwise see the reading under the masks of its own few alone."""
    bench, clients = drawn(6)
    others = [number for number in range(1, 31) if number not in {SELF, *clients}]
    for number in others:
        bench.member.situation.keep(edge(number))
    said = final(ROUND - 1, expected=range(1, 31), at=THIRTY.at)
    bench.handle(said)
    reported(bench)
    effects = bench.handle(correction(*clients[:missing], of_view=view(said)), at_ms=SCHEDULE.deadline(ROUND, 0))
    assert refusals(effects) == ([] if answers else ["TOO_FEW_DRAWN"])
    assert published(effects) == ([Notification.SUPERPOSITION] if answers else [])


def test_gateways_that_drew_this_one_prove_nothing() -> None:
    bench, clients = drawn(2)
    others = [number for number in range(1, 31) if number not in {SELF, *clients}]
    for number in others:
        bench.member.situation.keep(edge(number))
    expected = {SELF, *others, *clients}
    bench.handle(final(ROUND - 1, expected=expected, at=THIRTY.at))
    _, effects = reported(bench)
    assert effects == not_sent("TOO_FEW_DRAWN")


def test_another_key_under_a_drawn_number_proves_nothing() -> None:
    bench, clients = drawn(6)
    for client in clients[:4]:
        (held,) = bench.member.situation.edges_with(client)
        bench.member.situation.keep(replace(held, peer_key=identity(99).public_key))
    assert not has_enough(bench)


def test_a_slot_that_was_given_up_counts_as_a_neighbor_that_is_not_proven() -> None:
    bench, clients = drawn(6)
    for slot in list(bench.member.situation.slots.values()):
        if slot.client in clients[:4]:
            bench.member.situation.slots[slot.number] = replace(slot, client=EVERYONE)
    assert not has_enough(bench)


def test_in_a_mesh_a_neighbor_is_the_key_of_its_leaf_and_not_its_number() -> None:
    bench = in_mesh(10, 5, live=10)
    assert has_enough(bench)
    (held, *_) = bench.member.situation.edges.values()
    bench.member.situation.keep(replace(held, peer_key=identity(99).public_key))
    assert not has_enough(bench)


def test_half_of_the_draw_before_counts_for_eight_rounds_after_a_roster_has_doubled() -> None:
    """The seeds with those whom it drew anew take a while to stand; rounds shall not be lost meanwhile."""
    bench, _ = drawn(3)
    situation = bench.member.situation
    masks, edges = DrawnMasks(situation), list(situation.edges.values())
    first = masks.holders(ROUND, edges)
    assert first is not None
    bench.handle(*shown(roster_of(root(60, epoch=2), before=THIRTY)))
    assert DrawnMasks(situation).holders(later(1), edges) is None
    assert [masks.holders(later(rounds), edges) for rounds in (1, 8, 9)] == [first, first, None]
    assert masks.holders(later(8), edges[:2]) is None


def later(rounds: int) -> RoundNumber:
    """A round after the first one."""
    return RoundNumber(ROUND + rounds)
