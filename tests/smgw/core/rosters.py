"""Who is who in the tests of a gateway: credentials of gateway n, its leaf, and rosters of gateways 1 to n."""

from functools import cache
from typing import Final

from common.draws import DrawValues
from common.identifiers import ClientId, NetworkId, RoundNumber
from common.merkle import Tree
from common.parameters import Parameters
from common.roster import NO_PREDECESSOR, Leaf, Roster, RosterRoot
from common.schedule import Schedule
from common.suites import BASIC
from common.tunnels import MemberProof
from smgw.core.events import KnownRoster
from smgw.core.situation import MemberRules
from tests.provider.core.certified import AUTHORITY, certificate, identity, name, revocations

NETWORK: Final = NetworkId(7)
SCHEDULE: Final = Schedule(period_ms=900_000, window_ms=60_000, grace_ms=30_000, correction_ms=60_000, attempts_max=3)
PARAMETERS: Final = Parameters(BASIC.code, "north", SCHEDULE)
ROUND: Final = RoundNumber(2_000_000)
"""Begins at eight in the morning."""
PROVIDER: Final = identity(1_000)


@cache
def values(number: int) -> DrawValues:
    return DrawValues(identity(number), "north")


@cache
def rules(number: int) -> MemberRules:
    """The settings and credentials of gateway `number`. The administrator counts eight valid certificates."""
    known = AUTHORITY.revocations(revocations())
    own = certificate(number)
    return MemberRules(name(number), "north", BASIC, AUTHORITY, own, PROVIDER.public_key, known, values(number))


@cache
def leaf(number: int, epoch: int = 1) -> Leaf:
    return Leaf(ClientId(number), identity(number).public_key, values(number).root, epoch)


@cache
def tree(count: int) -> Tree:
    """The leaves of gateways 1 to `count`, all of epoch 1."""
    return Tree(leaf(number).encode() for number in range(1, count + 1))


def root(count: int = 10, epoch: int = 1, *, live: int | None = None) -> RosterRoot:
    """What a roster of gateways 1 to `count` is known by. Of ten, seven are left unless it is said otherwise."""
    left = 7 if count == 10 else count
    return RosterRoot(epoch, count, left if live is None else live, tree(count).root())


def proof(number: int, at: RosterRoot) -> MemberProof:
    """What proves that gateway `number` is in a roster."""
    return MemberProof(at, leaf(number), tree(at.leaves).path(number - 1))


def roster_of(at: RosterRoot, *, before: Roster | None = None, parameters: Parameters = PARAMETERS) -> Roster:
    """The roster of gateways 1 to `at.leaves`, after another one."""
    listed = tuple(leaf(number) for number in range(1, at.leaves + 1)) if at.is_mesh else ()
    has_grown = before is not None and before.at.leaves < at.leaves and not at.is_mesh
    growth = tree(at.leaves).consistency(before.at.leaves) if before and has_grown else ()
    predecessor = before.name if before else NO_PREDECESSOR
    return Roster(at, ROUND, predecessor, parameters, growth, listed)


def known_as(roster: Roster, network: NetworkId = NETWORK) -> KnownRoster:
    """What is remembered of a roster that was followed."""
    return KnownRoster(network, roster.at, roster.name, roster.parameters.schedule.period_ms)
