"""The rosters of one network, epoch by epoch: leaves are gathered, added and proven, and never changed.

Source: docs/protocol.md, "Roster".
"""

from collections.abc import Sequence
from typing import Final, final

from common.frames import Notification
from common.identifiers import ClientId, RoundNumber
from common.merkle import Tree
from common.parameters import Parameters
from common.refusal import Refusal, RefusedError
from common.roster import NO_PREDECESSOR, Roster, RosterRoot
from common.topics import Broadcast
from common.tunnels import MemberProof
from provider.core.desk import GONE, Desk, Member
from provider.core.events import Effect, Notice, Publish, RosterRecord, Store
from provider.core.leaves import Leaves

GATHER_MS_MAX: Final = 1_000
"""How long registrations are gathered, so that a thousand of them make one epoch and not a thousand."""

SHRINK_DIVISOR: Final = 8
"""A new epoch states how many leaves are live when an eighth of those stated has ended."""


def gather_ms(parameters: Parameters) -> int:
    """How long registrations of a network are gathered, less when its rounds are short."""
    return min(GATHER_MS_MAX, parameters.schedule.period_ms // 5)


@final
class Rosters:
    """All epochs of one network; the last one is in force. Client identifier c is leaf c - 1 in all that hold it."""

    def __init__(self, desk: Desk, records: Sequence[RosterRecord]) -> None:
        """Continue after the epochs that the store held; `desk` has all their members."""
        self._desk: Final = desk
        listed = [member for member in desk.members.values() if member.epoch]
        self._tree: Final = Tree(member.leaf.encode() for member in listed)
        self._epochs: Final = [RosterRoot(r.epoch, r.leaves, r.live, self._tree.root(r.leaves)) for r in records]
        self._leaves: Final = Leaves(desk)
        self._last: Roster | None = Roster.decode(records[-1].data) if records else None
        assert self._last is None or self._last.at == self._epochs[-1], "the store's roster is not that of its members"
        self._due_ms: int | None = 0 if self._is_outdated else None

    @property
    def current(self) -> RosterRoot | None:
        """The roster in force; None before anybody has registered."""
        return self._epochs[-1] if self._epochs else None

    @property
    def deadline(self) -> int | None:
        """When `tick` wants to be called next."""
        return self._due_ms

    def gather(self, now_ms: int) -> None:
        """Somebody has registered who is in no roster yet."""
        if self._due_ms is None:
            self._due_ms = now_ms + gather_ms(self._desk.parameters)

    def tick(self, first_round: RoundNumber, now_ms: int) -> list[Effect]:
        """Begin the epoch that is due, in force from `first_round` on: of the gathered, or with other rules."""
        if self._due_ms is None or self._due_ms - GATHER_MS_MAX <= now_ms < self._due_ms:
            return []
        return self._begin(first_round, now_ms)

    def review(self, first_round: RoundNumber, now_ms: int) -> list[Effect]:
        """Begin an epoch when so many members have ended since the last that it misleads about who is live."""
        at = self.current
        if at is None:
            return []
        ended = at.live - self._live(at.leaves)
        return self._begin(first_round, now_ms) if ended and ended * SHRINK_DIVISOR >= at.live else []

    def connected(self, first_round: RoundNumber, now_ms: int) -> list[Effect]:
        """The broker may have lost everything: say all leaves and the roster in force, or one that is due."""
        begun = self.tick(first_round, now_ms)
        at = self.current
        if at is None:
            return []
        leaves = [] if at.is_mesh else self._leaves.tell(at.leaves, now_ms)
        return [*leaves, *(begun or self._tell(self._last, now_ms))]

    def remind(self, now_ms: int) -> list[Effect]:
        """Somebody has asked: say the roster in force again, if there is one, and its leaves now and then."""
        at = self.current
        if at is None:
            return []
        leaves = [] if at.is_mesh else self._leaves.remind(at.leaves, now_ms)
        return [*leaves, *self._tell(self._last, now_ms)]

    def _tell(self, roster: Roster | None, now_ms: int) -> list[Publish]:
        assert roster is not None, "there is a roster as soon as there is an epoch"
        frame = self._desk.announce(Notification.ROSTER, roster.encode(), now_ms)
        return [self._desk.retain(Broadcast.ROSTER, frame, now_ms)]

    def _tell_new_leaves(self, before: RosterRoot | None, at: RosterRoot, now_ms: int) -> list[Publish]:
        """The parts that an epoch has changed; all when those before were listed."""
        told = 0 if before is None or before.is_mesh else before.leaves
        return [] if at.is_mesh or told == at.leaves else self._leaves.tell(at.leaves, now_ms, told)

    def of_epoch(self, epoch: int) -> RosterRoot:
        """The roster of an epoch.

        Raises:
            RefusedError: UNKNOWN_ROSTER.
        """
        if not 1 <= epoch <= len(self._epochs):
            raise RefusedError(Refusal.UNKNOWN_ROSTER)
        return self._epochs[epoch - 1]

    def proof(self, client: ClientId, at: RosterRoot) -> MemberProof:
        """What proves that a member is in one of the rosters. It must be."""
        leaf = self._desk.members[client].leaf
        return MemberProof(at, leaf, self._tree.path(leaf.index, at.leaves))

    @property
    def _is_outdated(self) -> bool:
        """Whether somebody is in no roster yet, or the rules in the settings are not those that were stated."""
        if self._last is None:
            return bool(self._desk.members)
        return len(self._tree) < len(self._desk.members) or self._last.parameters != self._desk.parameters

    def _live(self, leaves: int) -> int:
        return sum(self._desk.members[ClientId(client)].state not in GONE for client in range(1, leaves + 1))

    def _begin(self, first_round: RoundNumber, now_ms: int) -> list[Effect]:
        """One epoch more: with everybody who has registered, and the rules as they are in the settings."""
        self._due_ms = None
        desk, before = self._desk, self.current
        epoch = before.epoch + 1 if before else 1
        effects: list[Effect] = []
        for client in range(len(self._tree) + 1, len(desk.members) + 1):
            member = desk.members[ClientId(client)]
            member.epoch = epoch
            self._tree.append(member.leaf.encode())
            effects.append(desk.save(member))
        leaves = len(self._tree)
        at = RosterRoot(epoch, leaves, self._live(leaves), self._tree.root())
        self._last = roster = self._roster(at, before, first_round)
        self._epochs.append(at)
        effects.append(Store(RosterRecord(desk.network, epoch, leaves, at.live, roster.encode())))
        text = f"network {desk.network}: roster {epoch} has {leaves} leaves, {at.live} of them live"
        said = [*self._tell_new_leaves(before, at, now_ms), *self._tell(roster, now_ms)]
        return [*effects, *said, Notice(text)]

    def _roster(self, at: RosterRoot, before: RosterRoot | None, first_round: RoundNumber) -> Roster:
        """What ROSTER says of an epoch: leaves while they are few, then a proof that those before come first."""
        desk = self._desk
        listed: list[Member] = list(desk.members.values()) if at.is_mesh else []
        has_grown = before is not None and before.leaves < at.leaves
        growth = self._tree.consistency(before.leaves) if before and has_grown and not at.is_mesh else ()
        predecessor = self._last.name if self._last else NO_PREDECESSOR
        return Roster(at, first_round, predecessor, desk.parameters, growth, tuple(member.leaf for member in listed))
