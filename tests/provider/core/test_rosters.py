"""Epochs: leaves are gathered, added, proven and never changed; they outlive restarts, and state who is left."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.frames import Notification
from common.identifiers import ClientId
from common.merkle import Tree
from common.roster import NO_PREDECESSOR, Roster, RosterRoot
from provider.core.events import Connected, MemberRecord, MemberState, Notice, Publish, RosterRecord, Store
from tests.provider.core.bench import Bench, empty, operating
from tests.provider.core.builders import (
    DEADLINE,
    NETWORK,
    PARAMETERS,
    ROUND,
    SCHEDULE,
    START,
    after,
    everybody,
    kept,
    leaf,
    member,
    message,
    published,
    registration,
    roster,
    rosters,
    stored,
)
from tests.provider.core.certified import certificate, revocations

GATHERED = START + 1_000
SEVEN = (1, 2, 3, 4, 5, 6, 7)


def joining(bench: Bench, first: int, last: int) -> Roster:
    """These gateways register at once; the epoch that adds them."""
    at_ms = bench.now_ms
    bench.receive(*(registration(number, at_ms=at_ms) for number in range(first, last + 1)))
    (begun,) = rosters(bench.tick(at_ms + 1_000))
    return begun


def test_registrations_are_gathered_into_one_epoch_that_lists_all_leaves() -> None:
    bench = empty()
    bench.receive(registration(1))
    bench.receive(registration(2), registration(3), at_ms=START + 900)
    assert bench.tick(GATHERED - 1) == []
    effects = bench.tick(GATHERED)
    (begun,) = rosters(effects)
    leaves = tuple(leaf(client) for client in (1, 2, 3))
    at = RosterRoot(1, 3, 3, Tree(each.encode() for each in leaves).root())
    assert begun == Roster(at, after(ROUND), NO_PREDECESSOR, PARAMETERS, (), leaves)
    members = [Store(replace(member(client, MemberState.JOINING), epoch=1)) for client in (1, 2, 3)]
    assert effects[:-2] == [*members, Store(kept(begun))]
    assert isinstance(effects[-2], Publish) and effects[-2].is_retained
    assert effects[-1] == Notice("network 7: roster 1 has 3 leaves, 3 of them live")


def test_the_next_epoch_names_the_one_before_and_begins_with_its_leaves() -> None:
    bench = empty()
    first = joining(bench, 1, 5)
    second = joining(bench, 6, 9)
    assert (second.at.epoch, second.predecessor, second.growth) == (2, first.name, ())
    assert second.listed == (*first.listed, *(leaf(client, epoch=2) for client in range(6, 10)))
    assert second.continues(first.at)


def test_beyond_25_leaves_a_proof_of_growth_takes_the_place_of_the_list() -> None:
    bench = empty()
    epochs = [joining(bench, first, last) for first, last in ((1, 25), (26, 26), (27, 60))]
    assert [len(each.listed) for each in epochs] == [25, 0, 0]
    assert all(later.growth and later.continues(before.at) for before, later in pairwise(epochs))


def test_a_first_epoch_beyond_25_leaves_needs_no_proof() -> None:
    begun = joining(empty(), 1, 30)
    assert (begun.growth, begun.listed, begun.at.leaves) == ((), (), 30)


def test_whoever_leaves_before_its_epoch_has_a_leaf_that_is_not_live() -> None:
    bench = empty()
    bench.receive(registration(1), registration(2))
    bench.receive(message(2, Notification.EXIT))
    (begun,) = rosters(bench.tick(GATHERED))
    assert (begun.at.leaves, begun.at.live) == (2, 1)


def test_a_roster_that_is_made_in_an_open_round_is_in_force_after_the_next_final() -> None:
    bench = operating(everybody(7))
    bench.receive(registration(8))
    (begun,) = rosters(bench.tick(GATHERED))
    assert (bench.last.round, begun.first_round) == (ROUND - 1, ROUND + 1)
    bench.report(*SEVEN)
    assert (bench.last.round, bench.last.epoch, bench.last.root) == (ROUND, 2, begun.at.root)


def test_a_roster_that_is_made_when_its_round_is_closed_waits_for_another_final() -> None:
    bench = operating(everybody(7))
    bench.report(*SEVEN)
    bench.receive(registration(8))
    (begun,) = rosters(bench.tick(GATHERED))
    assert (bench.last.round, bench.last.epoch, begun.first_round) == (ROUND, 1, ROUND + 2)


# Restarts


def test_a_restart_says_the_same_roster_again_under_the_same_name() -> None:
    bench = empty()
    begun = joining(bench, 1, 30)
    effects = bench.restart(START + 50_000)
    assert rosters(effects) == [begun]
    assert not any(isinstance(effect, Store) for effect in effects)


def test_after_a_restart_leaves_go_on_where_they_were() -> None:
    bench = empty()
    first = joining(bench, 1, 30)
    bench.restart(bench.now_ms + 1)
    second = joining(bench, 31, 33)
    assert (second.at.epoch, second.predecessor) == (2, first.name)
    assert second.continues(first.at)


def test_members_that_no_roster_held_when_the_provider_stopped_are_in_the_first_one_after() -> None:
    bench = empty()
    bench.receive(registration(1), registration(2))
    (begun,) = rosters(bench.restart(START + 500))
    assert begun.at.leaves == 2


def test_rules_that_were_changed_begin_an_epoch_with_the_same_leaves() -> None:
    contents = stored(everybody(7), number=ROUND - 1)
    bench = operating(everybody(7), parameters=replace(PARAMETERS, members_min=6), contents=contents)
    assert [each.epoch for each in bench.contents.rosters] == [1, 2]
    second = Roster.decode(bench.contents.rosters[-1].data)
    assert (second.predecessor, second.growth, second.parameters.members_min) == (roster(7).name, (), 6)
    assert second.continues(roster(7).at)
    assert bench.last.epoch == 2


def test_the_same_rules_begin_no_epoch() -> None:
    bench = operating(everybody(7))
    bench.restart(START + 1)
    assert [each.epoch for each in bench.contents.rosters] == [1]


def test_a_store_whose_members_are_not_those_of_its_roster_stops_the_provider() -> None:
    contents = stored(everybody(7))
    changed = replace(contents.members[0], draw_root=bytes(32))
    bench = operating(everybody(7))
    bench.setups = (replace(bench.setups[0], contents=replace(contents, members=(changed, *contents.members[1:]))),)
    with pytest.raises(AssertionError, match="not that of its members"):
        bench.restart(START)


# Who is left


def leaving(bench: Bench, *clients: int) -> list[Roster]:
    """These leave; the rosters that the FINAL after brings."""
    bench.receive(*(message(client, Notification.EXIT, at_ms=bench.now_ms) for client in clients))
    return rosters(bench.report(*bench.last.expected))


def test_when_an_eighth_has_left_an_epoch_says_so_and_not_before() -> None:
    bench = operating(everybody(20))
    assert leaving(bench, 1, 2) == []
    bench.now_ms = SCHEDULE.start(after(ROUND))
    (begun,) = leaving(bench, 3)
    assert (begun.at.epoch, begun.at.leaves, begun.at.live) == (2, 20, 17)
    assert begun.at.root == roster(20).at.root
    assert begun.first_round == ROUND + 3


def test_whose_certificate_was_revoked_is_not_live() -> None:
    bench = operating(everybody(7), revocations=revocations(2, 3))
    first, second = bench.contents.rosters
    assert (first.live, second.live, second.leaves) == (7, 6, 7)
    assert bench.state(3) is MemberState.LEFT


def test_whoever_is_away_is_live() -> None:
    bench = operating(everybody(9))
    bench.report(*SEVEN)
    bench.tick(DEADLINE)
    assert rosters(bench.report(*SEVEN, missing=(8, 9), attempt=1)) == []
    assert bench.state(9) is MemberState.AWAY


# Sizes


@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(0, 2**32))
def test_every_epoch_proves_every_member_that_it_holds(joins: list[int], seed: int) -> None:
    bench = empty()
    total = 0
    for count in joins:
        joining(bench, total + 1, total + count)
        total += count
    held = bench.machine.networks[NETWORK].rosters
    dice = random.Random(seed)
    for record in bench.contents.rosters:
        at = held.of_epoch(record.epoch)
        client = dice.randint(1, at.leaves)
        proof = held.proof(ClientId(client), at)
        proof.require()
        assert proof.leaf.client == client


def test_a_provider_without_members_says_the_list_and_no_roster() -> None:
    bench = empty()
    assert published(bench.handle(Connected())) == [Notification.REVOCATIONS]
    assert bench.records == []


def test_records_of_an_epoch_are_kept_with_its_members() -> None:
    bench = empty()
    joining(bench, 1, 3)
    records = bench.records[3:]
    assert [type(each) for each in records] == [MemberRecord] * 3 + [RosterRecord]
    assert [each.certificate for each in records if isinstance(each, MemberRecord)] == [
        certificate(client) for client in (1, 2, 3)
    ]
