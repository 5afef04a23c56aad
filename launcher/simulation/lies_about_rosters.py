"""Lies about who is a member, and by which rules. Source: docs/protocol.md, "Roster", "Registration"."""

from dataclasses import replace
from typing import Final, final

from common.frames import Frame, Notification
from common.identifiers import ClientId
from common.merkle import Tree
from common.payloads import Assigned
from common.roster import Leaf, Roster
from launcher.simulation.forger import Forger, Twists
from launcher.simulation.lies import Lie
from provider.core.events import Publish


@final
class RosterLies:
    """Rewrites ROSTER, and adds ASSIGNED."""

    def __init__(self, forger: Forger) -> None:
        self._forger: Final = forger
        self.twists: Final[Twists] = {
            (Lie.SHRINKING, Notification.ROSTER): self._shrink,
            (Lie.TWO_ROSTERS, Notification.ROSTER): self._double,
            (Lie.OTHER_LEAF, Notification.ROSTER): self._exchange_leaf,
            (Lie.WEAKER_RULES, Notification.ROSTER): self._weaken,
            (Lie.REASSIGNMENT, Notification.RESUMED): self._reassign,
        }

    def _shrink(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        roster = Roster.decode(frame.data)
        left = roster.at.leaves // 3
        if roster.at.epoch == 1 or not left or not self._forger.lies():
            return [publish]
        leaves = self._forger.leaves(frame.network, left)
        return [self._forger.signed(publish, frame, _with_leaves(roster, leaves).encode())]

    def _double(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        roster = Roster.decode(frame.data)
        other = replace(roster, at=replace(roster.at, live=roster.at.live - 1))
        return [publish, self._forger.signed(publish, frame, other.encode())] if self._forger.lies() else [publish]

    def _exchange_leaf(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        roster = Roster.decode(frame.data)
        if not self._forger.lies():
            return [publish]
        leaves = self._forger.leaves(frame.network, roster.at.leaves)
        index = self._forger.rng.randrange(len(leaves))
        leaves[index] = replace(leaves[index], public_key=self._forger.identity.public_key)
        return [self._forger.signed(publish, frame, _with_leaves(roster, leaves).encode())]

    def _weaken(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        roster = Roster.decode(frame.data)
        weaker = replace(roster.parameters, masks_min=1, members_min=2)
        return (
            [self._forger.signed(publish, frame, replace(roster, parameters=weaker).encode())]
            if self._forger.lies()
            else [publish]
        )

    def _reassign(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        if not self._forger.lies():
            return [publish]
        member = self._forger.store.members[frame.network, frame.client]
        number = max(client for network, client in self._forger.store.members if network == frame.network) + 1
        moved = replace(frame, client=ClientId(number), notification=Notification.ASSIGNED)
        return [publish, self._forger.signed(publish, moved, Assigned(member.public_key).encode())]


def _with_leaves(roster: Roster, leaves: list[Leaf]) -> Roster:
    """The same roster with other leaves."""
    root = Tree(leaf.encode() for leaf in leaves).root()
    at = replace(roster.at, leaves=len(leaves), live=min(roster.at.live, len(leaves)), root=root)
    return replace(roster, at=at, listed=tuple(leaves) if at.is_mesh else ())
