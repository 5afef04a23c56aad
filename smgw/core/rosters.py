"""Which roster a gateway follows, and by what it notices a provider that shows others.

Rosters are numbered by epoch, each names the one before, and each begins with all the leaves of the one before. A
gateway keeps the name of the newest for ever, and goes by a roster once it holds all its leaves. Source:
docs/protocol.md, "Roster".
"""

from collections.abc import Iterable
from typing import Final, final

from common import topics
from common.frames import SignedFrame
from common.payloads import RoundFinal
from common.refusal import Refusal, RefusedError
from common.roster import LeafPart, Roster, RosterRoot
from common.schedule import Schedule
from smgw.core.events import Effect, KnownRoster, Level, Notice, Store, Subscribe
from smgw.core.leaves import Leaves
from smgw.core.reports import ReportedError
from smgw.core.rules import objection
from smgw.core.situation import Situation

EPOCHS_MAX: Final = 64
"""How many epochs before the newest one are remembered, and how many roots of epochs that are still to come."""


@final
class Rosters:
    """The part of the member machine that accepts rosters, and compares what orders and FINALs say of them."""

    def __init__(self, situation: Situation, known: Iterable[KnownRoster]) -> None:
        self._situation: Final = situation
        self._known: Final = {roster.network: roster for roster in known}
        self._accepted: dict[int, RosterRoot] = {}
        self._shown: dict[int, bytes] = {}
        self._waiting: Roster | None = None
        self._awaited_epoch = 0
        self._awaited_ms: int | None = None
        self._called_small: bytes | None = None
        self.moved()

    @property
    def _newest(self) -> KnownRoster | None:
        membership = self._situation.membership
        return self._known.get(membership.network) if membership else None

    def moved(self) -> None:
        """The gateway has another place, or none: what was shown of other networks' rosters has no bearing on it."""
        newest, self._waiting = self._newest, None
        self._situation.leaves = Leaves()
        self._accepted = {newest.at.epoch: newest.at} if newest else {}
        self._shown = {}
        self._awaited_epoch, self._awaited_ms = 0, None

    @property
    def _schedule(self) -> Schedule | None:
        """The times of the network, as the roster in force or else the waiting one says."""
        return self._situation.schedule or (self._waiting.parameters.schedule if self._waiting else None)

    def deadline(self) -> int | None:
        """When `tick` wants to be called next."""
        return self._awaited_ms if self._schedule else None

    def tick(self, now_ms: int) -> list[Effect]:
        """Ask for a roster or leaves that did not come: a new subscription brings again what the broker retains."""
        membership, schedule = self._situation.membership, self._schedule
        if self._awaited_ms is None or membership is None or schedule is None:
            return []
        self._awaited_ms = min(self._awaited_ms, now_ms + schedule.period_ms)
        if now_ms < self._awaited_ms:
            return []
        self._awaited_ms = now_ms + schedule.period_ms
        return [Subscribe(topics.broadcast_filter(membership.network))]

    def take(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """The provider has said a roster: put it in force, if it continues the one before and all its leaves are held.

        Raises:
            RefusedError: it is an old one.
            ReportedError: it contradicts or does not continue the one before, or its rules are weaker than allowed.
        """
        roster, waiting = Roster.decode(signed.frame.data), self._waiting
        if self._situation.roster is not None and roster.name == self._situation.roster.name:
            return []
        if waiting is not None and waiting.at.epoch == roster.at.epoch and waiting.name != roster.name:
            raise _two_rosters(roster.at.epoch)
        return self._consider(roster, now_ms)

    def learn(self, signed: SignedFrame) -> None:
        """The provider has told leaves of a larger roster.

        Raises:
            ReportedError: TWO_ROSTERS, when it told others before.
        """
        self._situation.leaves.add(LeafPart.decode(signed.frame.data).leaves)

    def try_waiting(self, now_ms: int) -> list[Effect]:
        """Put the roster in force that waited for its leaves, if now they are all there.

        Raises:
            ReportedError: as in `take`; then nothing waits any more.
        """
        waiting, self._waiting = self._waiting, None
        return self._consider(waiting, now_ms) if waiting else []

    def _consider(self, roster: Roster, now_ms: int) -> list[Effect]:
        situation, newest, at = self._situation, self._newest, roster.at
        is_known = newest is not None and at.epoch == newest.at.epoch and roster.name == newest.name
        if newest is not None and not is_known:
            _require_next(roster, newest)
        if self._shown.get(at.epoch, at.root) != at.root:
            raise _two_rosters(at.epoch)
        self._require_rules(roster)
        leaves = Leaves(roster.listed) if at.is_mesh else situation.leaves
        if len(leaves) < at.leaves:
            self._waiting = roster
            self._await(at.epoch, now_ms + roster.parameters.schedule.period_ms)
            return []
        self._require_leaves(roster, leaves)
        self._waiting = None
        if at.epoch >= self._awaited_epoch:
            self._awaited_ms = None
        situation.roster, situation.leaves, situation.is_refusing = roster, leaves, False
        effects: list[Effect] = [] if is_known else [self._keep(roster)]
        return [*effects, *self.complain()]

    def _require_leaves(self, roster: Roster, leaves: Leaves) -> None:
        """See that the roster is of these leaves, begins with all that were known, and calls no key two members."""
        at, newest = roster.at, self._newest
        if leaves.root(at.leaves) != at.root:
            raise _two_rosters(at.epoch)
        if newest is not None and leaves.root(newest.at.leaves) != newest.at.root:
            raise _shrinks(at.epoch, newest.at.epoch)
        if at.live > leaves.keys(at.leaves):
            text = (
                f"The provider's roster of epoch {at.epoch} says that {at.live} of its members are left, and has"
                f" {leaves.keys(at.leaves)} different keys. This gateway does not follow it; tell the gateway"
                " administrator."
            )
            raise ReportedError(Refusal.ROSTER_TOO_SMALL, Level.CRITICAL, text)
        self._require_own_leaf(at, leaves)

    def _require_own_leaf(self, at: RosterRoot, leaves: Leaves) -> None:
        situation = self._situation
        leaf = leaves.of(situation.client) if situation.client <= at.leaves else None
        if leaf is not None and leaf != situation.leaf(leaf.epoch):
            text = (
                f"The provider's roster of epoch {at.epoch} has another key or other draw values in this gateway's"
                f" place, client {leaf.client}. This gateway does not follow it."
            )
            raise ReportedError(Refusal.BAD_DRAW, Level.CRITICAL, text)

    def _require_rules(self, roster: Roster) -> None:
        situation, newest = self._situation, self._newest
        text = objection(situation.rules, roster.parameters, newest.period_ms if newest else None)
        if text is not None:
            situation.roster, situation.is_refusing = None, True
            raise ReportedError(Refusal.WEAKER_RULES, Level.FATAL, text)

    def _keep(self, roster: Roster) -> Store:
        membership, at = self._situation.membership, roster.at
        assert membership is not None
        self._known[membership.network] = known = KnownRoster(
            membership.network, at, roster.name, roster.parameters.schedule.period_ms
        )
        self._accepted[at.epoch] = at
        self._accepted = dict(sorted(self._accepted.items())[-EPOCHS_MAX:])
        self._shown = {epoch: root for epoch, root in self._shown.items() if epoch > at.epoch}
        return Store(known)

    def complain(self) -> list[Notice]:
        """Tell the owner, once for each roster, that it is too small to draw from."""
        situation, roster = self._situation, self._situation.roster
        if roster is None or not situation.is_roster_small:
            self._called_small = None
            return []
        if self._called_small == roster.name:
            return []
        self._called_small = roster.name
        valid = situation.revocations.valid_in(situation.rules.region)
        text = (
            f"The roster holds {roster.at.live} of {valid} gateways with a valid certificate; this gateway draws no"
            " neighbors before it holds half."
        )
        return [Notice(Level.WARNING, text)]

    def require_same(self, at: RosterRoot, now_ms: int) -> None:
        """See that an order rests on a roster that this gateway follows or followed; ask for one that did not come.

        Raises:
            RefusedError: UNKNOWN_ROSTER.
            ReportedError: TWO_ROSTERS.
        """
        situation, newest = self._situation, self._situation.roster
        if newest is None:
            raise RefusedError(Refusal.UNKNOWN_ROSTER)
        if at.epoch > newest.at.epoch:
            self._note_root(at.epoch, at.root)
            self._await(at.epoch, now_ms)
            raise RefusedError(Refusal.UNKNOWN_ROSTER)
        known = [self._accepted.get(at.epoch), *(slot.at for slot in situation.slots.values())]
        is_other = any(other is not None and other.epoch == at.epoch and other != at for other in known)
        if is_other or at.leaves > newest.at.leaves or situation.leaves.root(at.leaves) != at.root:
            raise _two_rosters(at.epoch)

    def require_final(self, order: RoundFinal, now_ms: int, period_ms: int) -> None:
        """Compare the roster that a FINAL names with what is known of its epoch.

        Raises:
            RefusedError: UNKNOWN_ROSTER, when it expects somebody who is not in its roster.
            ReportedError: TWO_ROSTERS.
        """
        known = self._accepted.get(order.epoch)
        if known is not None and known.root != order.root:
            raise _two_rosters(order.epoch)
        if known is not None and order.expected.bits.bit_length() > known.leaves + 1:
            raise RefusedError(Refusal.UNKNOWN_ROSTER)
        if self._note_root(order.epoch, order.root):
            self._await(order.epoch, now_ms + period_ms)

    def _await(self, epoch: int, until_ms: int) -> None:
        """Ask for the roster of an epoch, and every period again, unless it comes until then."""
        if epoch > self._awaited_epoch:
            self._awaited_epoch, self._awaited_ms = epoch, until_ms

    def _note_root(self, epoch: int, root: bytes) -> bool:
        """Remember the root of an epoch that is still to come; tell whether it is one."""
        if self._shown.get(epoch, root) != root:
            raise _two_rosters(epoch)
        is_to_come = epoch > max(self._accepted, default=0)
        if is_to_come and (epoch in self._shown or len(self._shown) < EPOCHS_MAX):
            self._shown[epoch] = root
        return is_to_come


def _require_next(roster: Roster, newest: KnownRoster) -> None:
    at, before = roster.at, newest.at
    if at.epoch < before.epoch:
        raise RefusedError(Refusal.STALE)
    if at.epoch == before.epoch:
        raise _two_rosters(at.epoch)
    is_next = at.epoch == before.epoch + 1
    if is_next and roster.predecessor != newest.name:
        raise _two_rosters(before.epoch)
    if at.leaves < before.leaves or (is_next and not roster.continues(before)):
        raise _shrinks(at.epoch, before.epoch)


def _shrinks(epoch: int, before: int) -> ReportedError:
    text = (
        f"The provider's roster of epoch {epoch} does not continue the one of epoch {before}: members were left out or"
        " exchanged. This gateway does not follow it; tell the gateway administrator."
    )
    return ReportedError(Refusal.ROSTER_SHRINKS, Level.CRITICAL, text)


def _two_rosters(epoch: int) -> ReportedError:
    text = (
        f"The provider has shown two different rosters of epoch {epoch}. This gateway keeps to the one that it knew"
        " first; others may have been shown another. Tell the gateway administrator."
    )
    return ReportedError(Refusal.TWO_ROSTERS, Level.CRITICAL, text)
