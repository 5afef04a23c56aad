"""LEAVES: a large roster is followed once all its leaves are held, and these are never exchanged."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from common import topics
from common.identifiers import ClientId
from common.merkle import Tree
from common.roster import Leaf, Roster, RosterRoot
from smgw.core.events import Connected, Effect, Level, Membership, Notice, Store, Subscribe, VaultContents
from tests.smgw.core.builders import SELF, START, Bench, announced, contents, refusals, roster
from tests.smgw.core.builders import told as told_leaves
from tests.smgw.core.rosters import NETWORK, SCHEDULE, known_as, leaf, root, roster_of


def known(roster: Roster) -> Store:
    return Store(known_as(roster))


def member_of(roster: Roster) -> Bench:
    """Client 4, who followed this roster before it was switched off."""
    return Bench(replace(contents(), rosters=(known_as(roster),)), now_ms=START)


def refused(effects: list[Effect]) -> tuple[list[str], list[Level]]:
    return refusals(effects), [effect.level for effect in effects if isinstance(effect, Notice)]


def told(effects: list[Effect]) -> str:
    (notice,) = (effect for effect in effects if isinstance(effect, Notice))
    return notice.text


TWO = (["TWO_ROSTERS"], [Level.CRITICAL])
SHRINKS = (["ROSTER_SHRINKS"], [Level.CRITICAL])


def later(leaves: Sequence[Leaf], epoch: int = 5, *, live: int | None = None) -> Roster:
    """A large roster of these leaves, some epochs after the first."""
    tree = Tree(each.encode() for each in leaves)
    at = RosterRoot(epoch, len(leaves), len(leaves) if live is None else live, tree.root())
    return replace(roster_of(root(30)), at=at, predecessor=b"\x01" * 32)


TRUE = [leaf(number) for number in range(1, 32)]
EXCHANGED = [*TRUE[:6], replace(leaf(40), client=ClientId(7)), *TRUE[7:]]
"""Somebody else stands in the place of client 7."""


def test_a_gateway_that_was_away_accepts_a_later_epoch_that_begins_with_the_leaves_that_it_knew() -> None:
    bench = member_of(roster_of(root(30)))
    assert refusals(bench.handle(announced(later(TRUE[:29])))) == ["ROSTER_SHRINKS"]
    assert bench.handle(*told_leaves(TRUE), announced(later(TRUE)))[0] == known(later(TRUE))


def test_after_a_time_away_exchanged_leaves_are_noticed_however_many_epochs_were_missed() -> None:
    bench = member_of(roster_of(root(30)))
    effects = bench.handle(*told_leaves(EXCHANGED), announced(later(EXCHANGED)))
    assert refused(effects) == SHRINKS
    assert "does not continue the one of epoch 1" in told(effects)
    assert bench.member.situation.roster is None
    assert bench.records == []


def test_a_large_roster_waits_for_its_leaves_in_whatever_order_they_come() -> None:
    many = [leaf(number) for number in range(1, 301)]
    bench = Bench(VaultContents(Membership(NETWORK, SELF)), now_ms=START)
    first, second, third = told_leaves(many)
    assert bench.handle(announced(later(many)), third, first) == []
    assert bench.member.situation.roster is None
    assert bench.handle(second)[0] == known(later(many))
    assert bench.member.situation.roster == later(many)


def test_leaves_that_do_not_come_are_asked_for_every_period_until_they_do() -> None:
    bench = Bench(VaultContents(Membership(NETWORK, SELF)), now_ms=START)
    bench.handle(announced(later(TRUE)))
    listen: Effect = Subscribe(topics.broadcast_filter(NETWORK))
    assert listen not in bench.run(START - 1 + SCHEDULE.period_ms)
    assert listen in bench.run(START + SCHEDULE.period_ms)
    assert listen in bench.run(START + 2 * SCHEDULE.period_ms)
    bench.handle(*told_leaves(TRUE))
    assert listen not in bench.run(START + 5 * SCHEDULE.period_ms)


def test_after_a_restart_the_leaves_are_gathered_again_and_asked_for_no_longer_than_needed() -> None:
    bench = member_of(later(TRUE))
    assert bench.handle(announced(later(TRUE))) == []
    assert bench.member.situation.roster is None
    bench.handle(*told_leaves(TRUE))
    assert bench.member.situation.roster == later(TRUE)
    assert known(later(TRUE)).record not in bench.records
    assert Subscribe(topics.broadcast_filter(NETWORK)) not in bench.run(START + 5 * SCHEDULE.period_ms)


def test_a_roster_that_is_not_of_the_leaves_that_were_told_is_another_one() -> None:
    bench = Bench(VaultContents(Membership(NETWORK, SELF)), now_ms=START)
    assert refused(bench.handle(*told_leaves(TRUE), announced(later(EXCHANGED)))) == TWO
    assert bench.records == []


def test_a_leaf_that_was_told_is_never_exchanged() -> None:
    bench = Bench(VaultContents(Membership(NETWORK, SELF)), now_ms=START)
    bench.handle(*told_leaves(TRUE))
    effects = bench.handle(*told_leaves(EXCHANGED))
    assert refused(effects) == TWO
    assert "two different keys or commitments of client 7" in told(effects)
    assert bench.handle(announced(later(TRUE)))[0] == known(later(TRUE))


def test_two_rosters_that_wait_for_their_leaves_under_one_number_are_noticed() -> None:
    bench = Bench(VaultContents(Membership(NETWORK, SELF)), now_ms=START)
    assert refused(bench.handle(announced(later(TRUE)), announced(later(EXCHANGED)))) == TWO


def test_a_roster_that_calls_more_members_live_than_it_has_keys_is_refused() -> None:
    repeated = [*TRUE, replace(leaf(7), client=ClientId(32), epoch=2)]
    bench = Bench(VaultContents(Membership(NETWORK, SELF)), now_ms=START)
    effects = bench.handle(*told_leaves(repeated), announced(later(repeated)))
    assert refused(effects) == (["ROSTER_TOO_SMALL"], [Level.CRITICAL])
    assert "says that 32 of its members are left, and has 31 different keys" in told(effects)
    assert refusals(bench.handle(announced(later(repeated, epoch=6, live=31)))) == []


@pytest.mark.parametrize("number", [2, 31])
def test_another_key_in_the_gateways_own_place_is_found_in_a_large_roster_too(number: int) -> None:
    lie = [replace(leaf(number), client=SELF) if each.client == SELF else each for each in TRUE]
    bench = Bench(VaultContents(Membership(NETWORK, SELF)), now_ms=START)
    effects = bench.handle(*told_leaves(lie), announced(later(lie, live=30)))
    assert refused(effects) == (["BAD_DRAW"], [Level.CRITICAL])


def test_a_gateway_whose_key_came_back_under_another_number_takes_no_part_under_the_old_one() -> None:
    back = [*TRUE, replace(leaf(SELF), client=ClientId(32), epoch=2)]
    bench = Bench(VaultContents(Membership(NETWORK, SELF)), now_ms=START)
    bench.handle(Connected(), *told_leaves(back), announced(later(back, live=31)))
    assert bench.kept.slots == ()


def test_a_member_that_came_back_under_another_number_is_not_kept_out_by_its_old_seed() -> None:
    """Before the network's first FINAL nothing else would ever erase that."""
    back = ClientId(32)
    bench = Bench(contents(), now_ms=START)
    bench.handle(roster())
    assert not bench.member.situation.is_one_party(back, leaf(7).public_key)
    returned = [*TRUE, replace(leaf(7), client=back, epoch=2)]
    bench.handle(*told_leaves(returned), announced(later(returned, live=31)))
    assert bench.member.situation.is_one_party(back, leaf(7).public_key)
    assert not bench.member.situation.is_one_party(back, leaf(6).public_key)
