"""Which roster a gateway follows, and by what it notices a provider that shows others.

Rosters are numbered by epoch, each names the one before, and each begins with all the leaves of the one before. A
gateway keeps the name of the newest for ever. Source: docs/protocol.md, "Roster".
"""

from collections.abc import Iterable
from typing import Final, final

from common import topics
from common.frames import SignedFrame
from common.payloads import RoundFinal
from common.refusal import Refusal, RefusedError
from common.roster import Roster, RosterRoot
from smgw.core.events import Effect, KnownRoster, Level, Notice, Store, Subscribe
from smgw.core.reports import ReportedError
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
        newest = self._newest
        self._accepted = {newest.at.epoch: newest.at} if newest else {}
        self._shown = {}
        self._awaited_epoch, self._awaited_ms = 0, None

    def deadline(self) -> int | None:
        """When `tick` wants to be called next."""
        return self._awaited_ms if self._situation.schedule else None

    def tick(self, now_ms: int) -> list[Effect]:
        """Ask for a roster that did not come: the broker has it retained, and a new subscription brings it again."""
        membership, schedule = self._situation.membership, self._situation.schedule
        if self._awaited_ms is None or membership is None or schedule is None:
            return []
        self._awaited_ms = min(self._awaited_ms, now_ms + schedule.period_ms)
        if now_ms < self._awaited_ms:
            return []
        self._awaited_ms = now_ms + schedule.period_ms
        return [Subscribe(topics.broadcast_filter(membership.network))]

    def take(self, signed: SignedFrame) -> list[Effect]:
        """The provider has said a roster: put it in force, if it continues the one before.

        Raises:
            RefusedError: it is an old one.
            ReportedError: it contradicts or does not continue the one before, or its rules are weaker than allowed.
        """
        roster, newest, situation = Roster.decode(signed.frame.data), self._newest, self._situation
        is_known = newest is not None and roster.at.epoch == newest.at.epoch and roster.name == newest.name
        if is_known and situation.roster is not None:
            return []
        if newest is not None and not is_known:
            self._require_next(roster, newest)
        if self._shown.get(roster.at.epoch, roster.at.root) != roster.at.root:
            raise _two_rosters(roster.at.epoch)
        self._require_own_leaf(roster)
        self._require_rules(roster)
        situation.roster, situation.is_refusing = roster, False
        effects: list[Effect] = [] if is_known else [self._keep(roster)]
        return [*effects, *self.complain()]

    def _require_next(self, roster: Roster, newest: KnownRoster) -> None:
        at, before = roster.at, newest.at
        if at.epoch < before.epoch:
            raise RefusedError(Refusal.STALE)
        if at.epoch == before.epoch:
            raise _two_rosters(at.epoch)
        is_next = at.epoch == before.epoch + 1
        if is_next and roster.predecessor != newest.name:
            raise _two_rosters(before.epoch)
        if is_next or at.is_mesh:
            is_grown = roster.continues(before)
        else:  # the proofs of the epochs between are not there
            is_grown = at.leaves > before.leaves or (at.leaves, at.root) == (before.leaves, before.root)
        if not is_grown:
            text = (
                f"The provider's roster of epoch {at.epoch} does not continue the one of epoch {before.epoch}: members"
                " were left out or exchanged. This gateway does not follow it; tell the gateway administrator."
            )
            raise ReportedError(Refusal.ROSTER_SHRINKS, Level.CRITICAL, text)

    def _require_own_leaf(self, roster: Roster) -> None:
        situation = self._situation
        for leaf in roster.listed:
            if leaf.client == situation.client and leaf != situation.leaf(leaf.epoch):
                text = (
                    f"The provider's roster of epoch {roster.at.epoch} has another key or other draw values in this"
                    f" gateway's place, client {leaf.client}. This gateway does not follow it."
                )
                raise ReportedError(Refusal.BAD_DRAW, Level.CRITICAL, text)

    def _require_rules(self, roster: Roster) -> None:
        rules, parameters = self._situation.rules, roster.parameters
        pairs = (
            (parameters.members_min, rules.members_min),
            (parameters.masks_min, rules.masks_min),
            (parameters.draws, rules.draws_min),
        )
        is_weaker = any(network < own for network, own in pairs)
        if not is_weaker and parameters.suite == rules.suite.code:
            return
        self._situation.roster, self._situation.is_refusing = None, True
        text = (
            f"The network wants suite {parameters.suite}, at least {parameters.members_min} members,"
            f" {parameters.masks_min} masks and {parameters.draws} drawn neighbors; this gateway's own settings ask for"
            f" suite {rules.suite.code}, {rules.members_min}, {rules.masks_min} and {rules.draws_min}. It does not take"
            " part."
        )
        raise ReportedError(Refusal.WEAKER_RULES, Level.FATAL, text)

    def _keep(self, roster: Roster) -> Store:
        membership, at = self._situation.membership, roster.at
        assert membership is not None
        self._known[membership.network] = known = KnownRoster(membership.network, at, roster.name)
        self._accepted[at.epoch] = at
        self._accepted = dict(sorted(self._accepted.items())[-EPOCHS_MAX:])
        self._shown = {epoch: root for epoch, root in self._shown.items() if epoch > at.epoch}
        if at.epoch >= self._awaited_epoch:
            self._awaited_ms = None
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

    def is_accepted(self, at: RosterRoot) -> bool:
        """Whether this is a roster that the gateway follows, has followed since its start, or has drawn in."""
        return at == self._accepted.get(at.epoch) or any(at == slot.at for slot in self._situation.slots.values())

    def require_same(self, at: RosterRoot, now_ms: int) -> None:
        """Compare the roster that an order rests on with what is known of its epoch; ask for it if it did not come.

        Raises:
            ReportedError: TWO_ROSTERS.
        """
        known = [self._accepted.get(at.epoch), *(slot.at for slot in self._situation.slots.values())]
        if any(other is not None and other.epoch == at.epoch and other != at for other in known):
            raise _two_rosters(at.epoch)
        if self._note_root(at.epoch, at.root):
            self._await(at.epoch, now_ms)

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


def _two_rosters(epoch: int) -> ReportedError:
    text = (
        f"The provider has shown two different rosters of epoch {epoch}. This gateway keeps to the one that it knew"
        " first; others may have been shown another. Tell the gateway administrator."
    )
    return ReportedError(Refusal.TWO_ROSTERS, Level.CRITICAL, text)
