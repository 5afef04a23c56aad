"""How many of the neighbors that a gateway drew must be under a frame before it leaves, by the suite in force.

A provider that keeps the others away can so surround nobody with its own few; and in suite `hardened` those under the
first frame hold the shares of its self-mask. Source: docs/protocol.md, "Draw", "Thresholds".
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, final

from common.identifiers import ClientId, RoundNumber, TunnelId
from common.roster import MESH_MAX, Roster
from smgw.core.events import Edge
from smgw.core.situation import Situation

GRACE_ROUNDS: Final = 8
"""So long the half of those that were drawn before counts, after a roster that grew made the gateway draw anew."""


@dataclass(frozen=True, slots=True)
class Quorum:
    """The neighbors that a gateway drew, and how many of them a frame needs."""

    drawn: frozenset[ClientId]
    needed: int

    def is_met(self, peers: Collection[ClientId]) -> bool:
        """Whether enough of them are among these."""
        return len(self.drawn.intersection(peers)) >= self.needed


@dataclass(frozen=True, slots=True)
class Holders:
    """The drawn neighbors under a frame, and how many of them it needs."""

    clients: frozenset[ClientId]
    needed: int


def quorum_of(situation: Situation) -> Quorum | None:
    """What the roster in force asks for; None when nothing can be enough.

    How many others there are follows from the leaves and from what is proven of those who left; what the provider calls
    live might be too few, so that fewer would be needed. A roster that is too small stops new draws and not the rounds
    with neighbors that were drawn before: whoever comes from a mesh, and could not draw since, needs as many neighbors
    of that mesh as the largest one asks for.
    """
    roster, suite = situation.roster, situation.rules.suite
    if roster is None or not situation.is_in_roster:
        return None
    if roster.at.is_mesh:
        return Quorum(_first(roster.at.leaves) - situation.departed, suite.needed(situation.others))
    if situation.slots:
        drawn = frozenset(slot.client for slot in situation.slots.values()) - situation.departed
        return Quorum(drawn, suite.needed(min(len(situation.slots), situation.others)))
    if situation.client > MESH_MAX or not situation.is_roster_small:
        return None
    return Quorum(_first(MESH_MAX) - situation.departed, suite.needed(MESH_MAX - 1))


def _first(count: int) -> frozenset[ClientId]:
    return frozenset(ClientId(client) for client in range(1, count + 1))


@final
class DrawnMasks:
    """The part of the member machine that looks whose masks are under a frame.

    Whoever drew this gateway proves nothing, as it may have tried until it did; nor does an edge under another key than
    that of the leaf in its place.
    """

    def __init__(self, situation: Situation) -> None:
        self._situation: Final = situation
        self._met: Quorum | None = None
        self._met_in = RoundNumber(0)
        self._roster: Roster | None = None
        self._is_proven: Final[dict[TunnelId, bool]] = {}

    def forget(self) -> None:
        """Another membership begins."""
        self._met = self._roster = None

    def holders(self, round_: RoundNumber, edges: Collection[Edge]) -> Holders | None:
        """Who of those at the other ends of these edges was drawn; None when they are too few for a first frame.

        The seeds with those of a new draw take a while to stand, and nobody shall miss rounds meanwhile.
        """
        quorum = quorum_of(self._situation)
        if quorum is None:
            return None
        peers = self._proven(edges)
        if quorum.is_met(peers):
            self._met, self._met_in = quorum, round_
            return self._holders(quorum, peers)
        is_recent = 0 <= round_ - self._met_in <= GRACE_ROUNDS
        before = self._met if is_recent and self._met is not None and self._met.drawn != quorum.drawn else None
        return self._holders(before, peers) if before is not None and before.is_met(peers) else None

    def _holders(self, quorum: Quorum, peers: frozenset[ClientId]) -> Holders:
        """Never fewer are needed than so many drawn neighbors ask for by themselves."""
        drawn = quorum.drawn & peers
        return Holders(drawn, max(quorum.needed, self._situation.rules.suite.needed(len(drawn))))

    def _proven(self, edges: Collection[Edge]) -> frozenset[ClientId]:
        """The neighbors whose key is that of their leaf; looked up once for each edge and roster."""
        if self._situation.roster is not self._roster:
            self._roster = self._situation.roster
            self._is_proven.clear()
        for edge in edges:
            if edge.tunnel not in self._is_proven:
                self._is_proven[edge.tunnel] = self._situation.is_with_member(edge)
        return frozenset(edge.peer for edge in edges if self._is_proven[edge.tunnel])
