"""A provider with a few certified gateways of its own that fills or exchanges leaves to become all that somebody draws.

Source: docs/protocol.md, "Roster", "Draw".
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from broker.gwa.issuing import Term
from common.draws import VALUES
from common.frames import Notification
from common.identifiers import ClientId, TunnelId
from common.merkle import Tree
from common.roster import NO_PREDECESSOR, Leaf, Roster, RosterRoot
from common.schedule import DAY_MS
from common.tunnels import Departure, End, Kind, MemberProof, Role, TunnelOpen
from smgw.core.events import Level, ReadingTaken, RevocationsRenewed
from tests.provider.core.certified import certificate, identity, revocations
from tests.smgw.core.builders import before, valid
from tests.smgw.core.relay import Household, Relay, honest
from tests.smgw.core.rosters import PARAMETERS, ROUND, SCHEDULE, leaf, values

VICTIM = ClientId(29)
COLLUDERS = (40, 41, 42)
"""Certified gateways of the provider."""


def under(number: int, key: int, epoch: int = 1) -> Leaf:
    """The key and commitment of a gateway in the place of this number."""
    return Leaf(ClientId(number), identity(key).public_key, values(key).root, epoch)


def roster(leaves: Sequence[Leaf], epoch: int, *, live: int | None = None, draws: int = PARAMETERS.draws) -> Roster:
    """What a provider says of these leaves, whatever it said before."""
    root = Tree(each.encode() for each in leaves).root()
    at = RosterRoot(epoch, len(leaves), len(leaves) if live is None else live, root)
    return Roster(at, ROUND, NO_PREDECESSOR, replace(PARAMETERS, draws=draws))


def drawn_by(each: Household) -> list[ClientId]:
    return sorted(slot.client for slot in each.kept.slots)


def victim_of_thirty() -> tuple[Relay, Household]:
    """A gateway that has drawn among thirty."""
    relay = honest(30)
    relay.is_opening = False
    victim = relay.join(VICTIM)
    relay.deliver()
    return relay, victim


def require_unmoved(relay: Relay, victim: Household, slots: object) -> None:
    """It has the slots that it had, and follows the first roster."""
    assert victim.kept.slots == slots
    assert victim.member.situation.roster == relay.rosters[0]


def test_a_jump_over_epochs_exchanges_nobody_who_was_drawn() -> None:
    relay, victim = victim_of_thirty()
    slots, taken = victim.kept.slots, drawn_by(victim)[:3]
    leaves = [*relay.leaves, leaf(31)]
    for number, colluder in zip(taken, COLLUDERS, strict=True):
        leaves[number - 1] = under(number, colluder)
    lie = roster(leaves, epoch=3)
    relay.announce(lie, [VICTIM], leaves)
    relay.deliver()
    assert victim.refused == ["TWO_ROSTERS"]
    assert "two different keys or commitments of client" in victim.alarms[0]
    for number in taken:
        path = Tree(each.encode() for each in leaves).path(number - 1)
        order = TunnelOpen(
            TunnelId(number), Role.RESPONDER, Kind.DRAW, 1, MemberProof(lie.at, leaves[number - 1], path)
        )
        relay.order(VICTIM, Notification.TUNNEL_OPEN, order.encode())
    relay.deliver()
    assert victim.refused == ["TWO_ROSTERS", *["UNKNOWN_ROSTER"] * 3]
    require_unmoved(relay, victim, slots)


def test_after_a_restart_too_a_jump_over_epochs_exchanges_nobody() -> None:
    relay, victim = victim_of_thirty()
    slots, (taken, *_) = victim.kept.slots, drawn_by(victim)
    lie = Relay([under(taken, 40) if each.client == taken else each for each in [*relay.leaves, leaf(31)]])
    lie.rosters = [roster(lie.leaves, epoch=3)]
    victim = relay.join(VICTIM, victim.kept, lie)
    relay.deliver()
    assert victim.refused == ["ROSTER_SHRINKS"]
    assert "members were left out or exchanged" in victim.alarms[0]
    assert victim.kept.slots == slots
    assert victim.member.situation.roster is None


def repeated(count: int = 200) -> list[Leaf]:
    """Leaves of the victim, and of three certified keys again and again."""
    places = range(1, count + 1)
    return [leaf(VICTIM) if number == VICTIM else under(number, COLLUDERS[number % 3]) for number in places]


@pytest.mark.parametrize(
    ("live", "alarm"),
    [
        (200, "says that 200 of its members are left, and has 4 different keys"),
        (4, "The roster holds 4 of 200 gateways with a valid certificate"),
    ],
)
def test_three_keys_in_two_hundred_places_are_three_members(live: int, alarm: str) -> None:
    relay = Relay(repeated())
    relay.rosters = [roster(relay.leaves, epoch=1, live=live)]
    relay.now_ms = SCHEDULE.start(before(ROUND, 2))
    victim = relay.join(VICTIM)
    relay.tell(VICTIM, RevocationsRenewed(revocations(5, valid=200)))
    relay.wait(25_000)
    assert alarm in victim.alarms[0]
    assert victim.kept.slots == ()
    assert relay.asked == []
    order = TunnelOpen(TunnelId(9), Role.RESPONDER, Kind.DRAW, 1, relay.proof(ClientId(200), relay.rosters[0].at))
    relay.order(VICTIM, Notification.TUNNEL_OPEN, order.encode())
    relay.now_ms = SCHEDULE.deadline(before(ROUND), 0)
    relay.final(ROUND - 1, [VICTIM, *range(1, 10)])
    relay.wait(SCHEDULE.start(ROUND) - relay.now_ms)
    relay.tell(VICTIM, ReadingTaken(valid()))
    relay.wait(SCHEDULE.window_ms)
    assert (victim.peers, victim.kept.sent) == (set(), ())


def test_of_several_leaves_with_one_key_only_the_last_can_be_drawn() -> None:
    leaves = [leaf(number) for number in range(1, 13)] + [under(number, 1) for number in range(13, 41)]
    relay = Relay(leaves)
    relay.rosters = [roster(leaves, epoch=1, live=12)]
    victim = relay.join(7)
    relay.deliver()
    drawn = drawn_by(victim)
    assert len(drawn) == PARAMETERS.draws
    assert not set(drawn) & {ClientId(1), *map(ClientId, range(13, 40))}
    assert len({leaves[client - 1].public_key for client in drawn}) == len(drawn)


def test_a_leaf_with_the_key_of_a_drawn_neighbor_ends_no_slot_and_makes_no_second_party() -> None:
    """Everybody's key stands in the roster, so the provider can repeat it without its owner."""
    relay, victim = victim_of_thirty()
    slots = victim.kept.slots
    relay.leaves += [under(31 + turn, client, epoch=2) for turn, client in enumerate(drawn_by(victim))]
    relay.rosters.append(relay.roster(live=30))
    relay.announce(relay.rosters[-1])
    relay.deliver()
    assert victim.member.situation.roster == relay.rosters[-1]
    assert victim.kept.slots == slots
    for client in (drawn_by(victim)[0], ClientId(31)):
        relay.open(VICTIM, client, epoch=2)
    relay.deliver()
    assert victim.refused == ["BAD_DRAW", "BAD_DRAW"]


def test_old_certificates_of_drawn_neighbors_end_no_slot() -> None:
    relay, victim = victim_of_thirty()
    slots = victim.kept.slots
    term = Term(relay.now_ms - 900 * DAY_MS, relay.now_ms - DAY_MS)
    for slot in slots:
        old = certificate(slot.client, serial=900 + slot.client, term=term)
        departure = Departure(relay.proof(slot.client, slot.at), End.CERTIFICATE, old)
        relay.order(VICTIM, Notification.DEPARTED, departure.encode())
    relay.deliver()
    assert victim.refused == ["UNEXPECTED"] * len(slots)
    require_unmoved(relay, victim, slots)


def test_rosters_of_leaves_that_nobody_sees_use_up_no_draw_values() -> None:
    relay, victim = victim_of_thirty()
    slots, used = victim.kept.slots, victim.kept.used
    for epoch, count in enumerate((300, 600, 1_200, 2_400, 5_000), 1):
        at = RosterRoot(2 * epoch, count, count, bytes([epoch]) * 32)
        relay.announce(Roster(at, ROUND, NO_PREDECESSOR, replace(PARAMETERS, draws=24)), [VICTIM])
        relay.deliver()
    assert victim.kept.used == used
    require_unmoved(relay, victim, slots)


def test_a_roster_that_doubles_with_inventions_as_often_as_it_can_leaves_draw_values() -> None:
    relay, victim = victim_of_thirty()
    for epoch, count in enumerate((60, 120, 240, 480), 2):
        missing = range(len(relay.leaves) + 1, count + 1)
        relay.leaves += [replace(leaf(1), client=ClientId(n), public_key=n.to_bytes(32)) for n in missing]
        relay.announce(roster(relay.leaves, 2 * epoch, draws=24), [VICTIM])
        relay.deliver()
    assert victim.refused == []
    assert len(victim.kept.used) == PARAMETERS.draws + 4 * 24
    doublings = (200_000 // 26).bit_length()
    assert doublings * 24 < VALUES // 3


def test_a_roster_with_the_last_number_that_has_no_leaves_locks_nobody_out() -> None:
    relay, victim = victim_of_thirty()
    lie = Roster(RosterRoot(2**32 - 1, 31, 31, bytes(32)), ROUND, NO_PREDECESSOR, PARAMETERS)
    relay.announce(lie, [VICTIM])
    relay.deliver()
    assert victim.kept.rosters[0].at == relay.rosters[0].at
    relay.leaves.append(leaf(31))
    relay.rosters.append(relay.roster())
    relay.announce(relay.rosters[-1])
    relay.deliver()
    assert victim.member.situation.roster == relay.rosters[-1]
    assert victim.refused == ["TWO_ROSTERS"]
    assert victim.told[-1].level is Level.CRITICAL
    victim = relay.join(VICTIM, victim.kept)
    relay.deliver()
    assert victim.member.situation.roster == relay.rosters[-1]
