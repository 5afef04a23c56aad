"""ROSTER: which one a gateway follows, and how it notices a provider that shows others."""

from dataclasses import replace

import pytest

from common import topics
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, ClientId, NetworkId
from common.merkle import Tree
from common.payloads import Assigned
from common.roster import Leaf, Roster
from common.signing import Direction
from common.topics import Broadcast
from common.tunnels import Role
from smgw.core.events import (
    Connected,
    Effect,
    Level,
    Membership,
    Notice,
    Received,
    Store,
    Subscribe,
    Tick,
    VaultContents,
)
from tests.provider.core.certified import identity, revocations
from tests.smgw.core.builders import (
    ALL,
    OWN,
    RULES,
    SELF,
    START,
    Bench,
    announced,
    announcement,
    contents,
    final,
    opening,
    published,
    refusals,
    renewed,
    reported,
    roster,
    settled,
    shown,
)
from tests.smgw.core.rosters import NETWORK, PARAMETERS, PROVIDER, ROUND, SCHEDULE, known_as, leaf, root, roster_of

FIRST = roster_of(root())


def known(roster: Roster, network: NetworkId = NETWORK) -> Store:
    return Store(known_as(roster, network))


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


def with_leaves(roster: Roster, *leaves: Leaf) -> Roster:
    """The roster with other leaves, and the root that belongs to them."""
    at = replace(roster.at, leaves=len(leaves), live=len(leaves), root=Tree(each.encode() for each in leaves).root())
    return replace(roster, at=at, listed=leaves)


def test_the_first_roster_is_stored_and_followed() -> None:
    bench = Bench(VaultContents(Membership(NETWORK, SELF)), now_ms=START)
    assert bench.handle(announced(FIRST))[0] == known(FIRST)
    assert bench.member.situation.roster == FIRST


def test_the_same_roster_again_changes_nothing_even_after_a_restart() -> None:
    bench = settled()
    assert bench.handle(announced(FIRST, START + 5)) == []
    bench.restart()
    assert not any(isinstance(effect, Store) for effect in bench.handle(roster()))
    assert bench.member.situation.roster == FIRST


def test_another_roster_of_a_known_epoch_is_refused_and_the_owner_is_told() -> None:
    bench = settled()
    effects = bench.handle(announced(replace(FIRST, first_round=ROUND)), announced(roster_of(root(live=9))))
    assert refused(effects) == TWO
    assert "two different rosters of epoch 1" in told(effects)
    assert bench.member.situation.roster == FIRST


def test_after_a_restart_another_roster_of_the_known_epoch_is_refused_too() -> None:
    bench = member_of(FIRST)
    assert refused(bench.handle(announced(roster_of(root(live=9))))) == TWO
    assert bench.member.situation.roster is None


def test_a_roster_of_an_earlier_epoch_is_refused() -> None:
    second = roster_of(root(epoch=2), before=FIRST)
    assert refused(member_of(second).handle(roster())) == (["STALE"], [])


def test_the_next_epoch_must_name_the_one_before() -> None:
    bench = settled()
    lie = roster_of(root(12, epoch=2), before=roster_of(root(live=9)))
    assert refused(bench.handle(announced(lie))) == TWO
    truth = roster_of(root(12, epoch=2), before=FIRST)
    assert bench.handle(announced(truth))[0] == known(truth)


@pytest.mark.parametrize(
    "leaves",
    [
        [*range(1, 10)],
        [*range(1, 9), 10, 9, 11],
        [20, *range(2, 12)],
    ],
    ids=["one less", "two exchanged", "another one"],
)
def test_a_roster_that_leaves_out_or_exchanges_members_is_refused(leaves: list[int]) -> None:
    listed = [replace(leaf(number), client=ClientId(place)) for place, number in enumerate(leaves, 1)]
    bench = settled()
    shrunk = with_leaves(roster_of(root(epoch=2), before=FIRST), *listed)
    effects = bench.handle(announced(shrunk))
    assert refused(effects) == SHRINKS
    assert "does not continue the one of epoch 1" in told(effects)
    assert bench.member.situation.roster == FIRST


def test_a_large_roster_proves_that_it_only_grew() -> None:
    small, large = roster_of(root(26)), roster_of(root(40, epoch=2), before=roster_of(root(26)))
    bench = member_of(small)
    assert refused(bench.handle(announced(replace(large, growth=large.growth[:-1])))) == SHRINKS
    assert refused(bench.handle(announced(replace(large, growth=())))) == SHRINKS
    assert known(large) in bench.handle(*shown(large))


def test_the_twenty_sixth_member_is_proven_too() -> None:
    mesh, drawn = roster_of(root(25)), roster_of(root(26, epoch=2), before=roster_of(root(25)))
    assert known(drawn) in member_of(mesh).handle(*shown(drawn))


# Rules


def with_period(period_ms: int, before: Roster | None = None) -> Roster:
    rules_then = replace(PARAMETERS, schedule=replace(SCHEDULE, period_ms=period_ms))
    return roster_of(root(epoch=2 if before else 1), before=before, parameters=rules_then)


def test_the_period_of_a_network_never_changes() -> None:
    bench = settled()
    effects = bench.handle(announced(with_period(1_800_000, before=FIRST)))
    assert refused(effects) == (["WEAKER_RULES"], [Level.FATAL])
    assert told(effects) == (
        "The network's rounds, of 900 s, now shall be 1800 s long. They never change: their sums would overlap. This"
        " gateway does not take part."
    )
    bench.restart()
    assert refused(bench.handle(announced(with_period(1_800_000, before=FIRST)))) == (["WEAKER_RULES"], [Level.FATAL])


def test_a_network_with_shorter_rounds_than_the_owner_allows_is_refused() -> None:
    bench = Bench(VaultContents(Membership(NETWORK, SELF)), replace(RULES, period_min_ms=900_001), START)
    effects = bench.handle(roster())
    assert refused(effects) == (["WEAKER_RULES"], [Level.FATAL])
    assert "are 900 s long; this gateway's own settings ask for at least 900.001 s" in told(effects)


# Small ones, other ones


def test_after_a_time_away_listed_leaves_are_compared_all_the_same() -> None:
    lie = with_leaves(replace(FIRST, at=root(epoch=5)), *(leaf(number, epoch=2) for number in range(1, 12)))
    assert refused(settled().handle(announced(lie))) == SHRINKS


@pytest.mark.parametrize(
    "lie",
    [replace(leaf(SELF), public_key=identity(50).public_key), replace(leaf(SELF), draw_root=bytes(32))],
    ids=["key", "draw root"],
)
def test_a_roster_with_another_key_or_draw_in_the_gateways_own_place_is_refused(lie: Leaf) -> None:
    leaves = [lie if number == SELF else leaf(number) for number in range(1, 11)]
    bench = Bench(VaultContents(Membership(NETWORK, SELF)), now_ms=START)
    effects = bench.handle(announced(with_leaves(FIRST, *leaves)))
    assert refused(effects) == (["BAD_DRAW"], [Level.CRITICAL])
    assert "in this gateway's place, client 4" in told(effects)
    assert bench.records == []


def test_leaves_that_are_not_those_of_the_root_do_not_decode() -> None:
    lie = replace(FIRST, listed=tuple(reversed(FIRST.listed)))
    assert refusals(settled().handle(announced(lie))) == ["BAD_DATA"]


def small_network(valid: int) -> tuple[Bench, list[Effect]]:
    """A member of a mesh of five, of which the administrator counts so many valid certificates; and what it is told."""
    at = root(5)
    first = roster_of(at)
    bench = Bench(replace(contents((1, 2, 3)), rosters=(known_as(first),)), now_ms=START)
    bench.handle(announcement(Broadcast.REVOCATIONS, Notification.REVOCATIONS, revocations(2, valid=valid), START))
    return bench, bench.handle(Connected(), announced(first))


def test_a_roster_with_fewer_than_half_of_the_valid_gateways_gives_no_neighbors_and_the_owner_is_told_once() -> None:
    bench, effects = small_network(11)
    assert told(effects) == (
        "The roster holds 5 of 11 gateways with a valid certificate; this gateway draws no neighbors before it holds"
        " half."
    )
    assert refusals(bench.handle(opening(5, Role.RESPONDER, at=root(5)))) == ["ROSTER_TOO_SMALL"]
    assert bench.handle(announced(roster_of(root(5)))) == []


def test_half_of_the_valid_gateways_are_enough() -> None:
    bench, effects = small_network(10)
    assert not [effect for effect in effects if isinstance(effect, Notice)]
    assert refusals(bench.handle(opening(5, Role.RESPONDER, at=root(5)))) == []


def test_a_longer_list_of_valid_gateways_makes_the_roster_too_small_and_a_shorter_one_large_enough() -> None:
    bench, _ = small_network(10)
    for number, valid, notices in [(3, 11, 1), (4, 12, 0), (5, 10, 0), (6, 13, 1)]:
        said = announcement(Broadcast.REVOCATIONS, Notification.REVOCATIONS, revocations(number, valid=valid), START)
        assert len([effect for effect in bench.handle(said) if isinstance(effect, Notice)]) == notices


def test_rounds_with_the_neighbors_that_it_has_go_on_in_a_roster_that_is_too_small() -> None:
    bench = settled()
    bench.handle(announcement(Broadcast.REVOCATIONS, Notification.REVOCATIONS, revocations(2, valid=90), START - 500))
    assert Notification.SUPERPOSITION in published(reported(bench)[1])


def test_a_final_that_rests_on_another_roster_is_refused_and_nothing_is_sent() -> None:
    bench = settled()
    bench.tick(START)
    other = replace(root(), root=bytes(32))
    assert refused(bench.handle(final(ROUND, at=other), at_ms=SCHEDULE.deadline(ROUND, 0))) == TWO
    assert bench.member.situation.final is not None
    assert bench.member.situation.final.round == ROUND - 1


def test_a_final_that_expects_somebody_who_is_not_in_its_roster_is_refused() -> None:
    bench = Bench()
    bench.handle(roster())
    assert refusals(bench.handle(final(expected={*ALL, 11}), at_ms=START - 1_000)) == ["UNKNOWN_ROSTER"]
    assert refusals(bench.handle(final(expected={*ALL, 10}))) == []


def test_a_final_of_an_epoch_to_come_counts_and_its_roster_is_asked_for_after_a_period() -> None:
    bench = Bench()
    bench.handle(Connected(), roster())
    assert refusals(bench.handle(final(at=root(12, epoch=2)), at_ms=START - 1_000)) == []
    listen: Effect = Subscribe(topics.broadcast_filter(NETWORK))
    assert listen not in bench.run(START - 1_001 + SCHEDULE.period_ms)
    assert listen in bench.run(START - 1_000 + SCHEDULE.period_ms)
    bench.handle(announced(roster_of(root(12, epoch=2), before=FIRST)))
    assert listen not in bench.run(START + 5 * SCHEDULE.period_ms)


def test_a_roster_that_an_order_rests_on_and_that_never_came_is_asked_for_at_once() -> None:
    """Before a network's first FINAL nothing else tells a gateway that a roster was lost on its way."""
    bench = Bench()
    bench.handle(Connected(), roster())
    listen: Effect = Subscribe(topics.broadcast_filter(NETWORK))
    offered = opening(3, Role.INITIATOR, generation=1, at=root(12, epoch=2))
    assert refusals(bench.handle(offered, at_ms=START)) == ["UNKNOWN_ROSTER"]
    assert listen in bench.tick(START)
    assert listen not in bench.run(START - 1 + SCHEDULE.period_ms)
    assert listen in bench.run(START + SCHEDULE.period_ms)
    bench.handle(announced(roster_of(root(12, epoch=2), before=FIRST)))
    assert listen not in bench.run(START + 5 * SCHEDULE.period_ms)


def test_a_roster_other_than_the_one_that_a_final_announced_is_refused() -> None:
    bench = Bench()
    bench.handle(roster())
    bench.handle(final(at=root(12, epoch=2)), at_ms=START - 1_000)
    assert refused(bench.handle(announced(roster_of(root(11, epoch=2), before=FIRST)))) == TWO


def test_rosters_of_another_network_have_no_bearing_on_this_one_and_are_remembered() -> None:
    bench = settled(renewed())
    bench.handle(announced(roster_of(root(epoch=2), before=FIRST)), Tick())
    bench.handle(assigned(NetworkId(8)))
    first_there = roster_of(root(11))
    frame = Frame(NetworkId(8), EVERYONE, START, Notification.ROSTER, first_there.encode())
    there = Received(topics.broadcast(NetworkId(8), Broadcast.ROSTER), frame.signed(PROVIDER, Direction.DOWN))
    assert known(first_there, NetworkId(8)) in bench.handle(there)
    bench.tick(START + 10_000)
    bench.handle(assigned(NETWORK, client=11))
    assert refusals(bench.handle(roster())) == ["STALE"]


def assigned(network: NetworkId, client: int = 12) -> Received:
    data = Assigned(OWN.public_key).encode()
    frame = Frame(network, ClientId(client), START, Notification.ASSIGNED, data)
    return Received(topics.down(network, "gw-4"), frame.signed(PROVIDER, Direction.DOWN))


def test_a_gateway_that_is_not_in_the_roster_sends_nothing() -> None:
    small = roster_of(root(3))
    bench = Bench(replace(contents(), rosters=()))
    bench.handle(announced(small), final(at=root(5, epoch=2)), at_ms=START - 1_000)
    assert refusals(reported(bench)[1]) == ["TOO_FEW_DRAWN"]
