"""The member machine: everything a gateway does, as events in and effects out.

It has no clock, socket, file or randomness of its own. Handling an event twice changes nothing more than handling it
once. Its parts: `admission` makes and ends membership, `handshakes` makes edges, `reporting` sends one reading per
round. Source: thesis section 3.3.2; docs/protocol.md.
"""

import random
from collections.abc import Callable
from typing import Final, final

from common import topics
from common.frames import Frame, Notification, SignedFrame, decode
from common.identifiers import EVERYONE, RoundNumber
from common.parameters import Parameters
from common.payloads import Correction, RoundFinal, view_of
from common.refusal import Refusal, RefusedError
from common.schedule import Schedule
from common.signing import Direction, Identity
from common.topics import Channel
from smgw.core.admission import Admission
from smgw.core.events import (
    Connected,
    Disconnected,
    Edge,
    Effect,
    Event,
    LeaveRequested,
    Level,
    Notice,
    ReadingTaken,
    Received,
    Refuse,
    Store,
    Tick,
    VaultContents,
)
from smgw.core.reporting import Reporting
from smgw.core.situation import RETRY_MAX_MS, KnownFinal, MemberRules, Situation

RATCHET_ROUNDS: Final = 8
"""The key of the day before is erased so many rounds into the new day."""

STANDING_ROUNDS: Final = 96
STANDING_MS: Final = 600_000
"""An edge that stands longer than both without being started is given up. The provider gives it up after half of that,
so that no FINAL starts what one end has forgotten; and long enough that the edges of a whole network, renewed one by
one, stand together once."""

_SOON_OLD: Final = frozenset({Notification.RESUMED, Notification.REFUSED})
_FROM_PROVIDER: Final = frozenset(Notification) - {Notification.TUNNEL, Notification.EXIT}


@final
class Member:
    """One gateway. `handle` takes an event and the time, `deadline` names the next moment it wants a `Tick`."""

    def __init__(
        self, identity: Identity, rules: MemberRules, contents: VaultContents, entropy: random.Random, now_ms: int
    ) -> None:
        """Continue from what the vault held; `entropy` must be cryptographically strong outside of simulations."""
        edges = {edge.tunnel: edge for edge in contents.edges}
        self.situation: Final = Situation(identity, rules, contents.membership, edges)
        self._reporting: Final = Reporting(self.situation, contents.sent, contents.closed, now_ms)
        self._admission: Final = Admission(self.situation, entropy, now_ms)
        self._early_final: SignedFrame | None = None
        self._epoch = 0
        self._handlers: Final[dict[Notification, Callable[[SignedFrame, int], list[Effect]]]] = {
            Notification.CORRECTION: self._correction,
            Notification.ROSTER: self._roster,
            Notification.FINAL: self._final,
            Notification.TUNNEL: self._admission.handshakes.hear,
            Notification.EXIT: self._admission.neighbor_left,
            Notification.EXIT_CONFIRMED: lambda signed, _: self._admission.exit_confirmed(signed),
            Notification.ASSIGNED: self._assigned,
            Notification.TUNNEL_OPEN: self._admission.handshakes.open,
            Notification.RESUMED: lambda signed, _: self._admission.resumed(signed),
            Notification.REFUSED: self._admission.rejected,
        }

    @property
    def deadline(self) -> int | None:
        """The next moment (Unix milliseconds) at which the machine wants a `Tick`; None when only a message helps."""
        times = [time for time in (self._reporting.deadline(), self._admission.deadline()) if time is not None]
        return min(times, default=None)

    @property
    def declared_missing(self) -> int:
        """How often the provider left this gateway out of a round for which it had sent."""
        return self._reporting.declared_missing

    def handle(self, event: Event, now_ms: int) -> list[Effect]:
        """Take one event; return what is to be done, in this order: first all that must be stored.

        Never raises for anything from outside.
        """
        return sorted(self._handle(event, now_ms), key=lambda effect: not isinstance(effect, Store))

    def _handle(self, event: Event, now_ms: int) -> list[Effect]:
        match event:
            case Received():
                return self._receive(event, now_ms)
            case Tick():
                return self._admission.tick(now_ms) + self._reporting.tick(now_ms)
            case ReadingTaken(reading):
                return self._reporting.take(reading, now_ms)
            case Connected():
                return self._admission.connected(now_ms) + self._reporting.repeat(now_ms)
            case Disconnected():
                self._admission.disconnected()
                return []
            case LeaveRequested():
                return self._admission.leave(now_ms)

    def _receive(self, message: Received, now_ms: int) -> list[Effect]:
        notification: Notification | None = None
        try:
            signed = decode(message.payload)
            notification = signed.frame.notification
            self._require_addressed(signed.frame, message)
            self._require_fresh(signed.frame, now_ms)
            if notification in _FROM_PROVIDER:
                signed.require_signature(self.situation.rules.provider_key, Direction.DOWN)
            handler = self._handlers.get(notification)
            if handler is None:
                raise RefusedError(Refusal.UNEXPECTED)
            return handler(signed, now_ms)
        except RefusedError as error:
            return [Refuse(error.reason, notification)]

    def _require_addressed(self, frame: Frame, message: Received) -> None:
        topic, membership = topics.parse(message.topic), self.situation.membership
        if topic.network != frame.network:
            raise RefusedError(Refusal.WRONG_NETWORK)
        if message.is_retained and topic.channel is not Channel.ALL:
            raise RefusedError(Refusal.RETAINED)
        if frame.notification in (Notification.ASSIGNED, Notification.REFUSED):
            return
        if membership is None or frame.network != membership.network:
            raise RefusedError(Refusal.WRONG_NETWORK)
        is_from_member = frame.notification not in _FROM_PROVIDER
        if not is_from_member and frame.client not in (EVERYONE, membership.client):
            raise RefusedError(Refusal.UNKNOWN_CLIENT)

    def _require_fresh(self, frame: Frame, now_ms: int) -> None:
        """What waited in a queue for too long is worth nothing, not even a check of its signature."""
        limit_ms = RETRY_MAX_MS if frame.notification in _SOON_OLD else None
        if frame.notification is Notification.FINAL and self._schedule is not None:
            limit_ms = 3 * self._schedule.period_ms
        if limit_ms is not None and now_ms - frame.timestamp_ms > limit_ms:
            raise RefusedError(Refusal.STALE)

    @property
    def _schedule(self) -> Schedule | None:
        return self.situation.parameters.schedule if self.situation.parameters else None

    def _roster(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        epoch, parameters = Parameters.decode(signed.frame.data)
        if epoch < self._epoch:
            raise RefusedError(Refusal.STALE)
        rules = self.situation.rules
        is_weaker = parameters.members_min < rules.members_min or parameters.masks_min < rules.masks_min
        if is_weaker or parameters.suite != rules.suite.code:
            text = (
                f"The network wants suite {parameters.suite}, at least {parameters.members_min} members and"
                f" {parameters.masks_min} masks; this gateway's own settings ask for suite {rules.suite.code},"
                f" {rules.members_min} and {rules.masks_min}. It does not take part."
            )
            self.situation.parameters, self.situation.is_refusing = None, True
            return [Refuse(Refusal.WEAKER_RULES, Notification.ROSTER), Notice(Level.FATAL, text)]
        self._epoch, self.situation.is_refusing = epoch, False
        is_first, self.situation.parameters = self.situation.parameters is None, parameters
        effects = self._take_early_final(now_ms)
        effects += self._reporting.repeat(now_ms) if is_first else []
        return effects + self._reporting.tick(now_ms)

    def _take_early_final(self, now_ms: int) -> list[Effect]:
        """The FINAL that came before the rules did. That it is refused is no fault of the rules."""
        early, self._early_final = self._early_final, None
        try:
            return self._final(early, now_ms) if early else []
        except RefusedError as error:
            return [Refuse(error.reason, Notification.FINAL)]

    def _final(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        schedule = self._schedule
        if schedule is None:
            self._early_final = signed
            return []
        order = RoundFinal.decode(signed.frame.data)
        view = view_of(signed.raw)
        if self.situation.final is not None and view == self.situation.final.view:
            return []
        self._require_next(order, schedule.round_at(now_ms))
        self.situation.final = known = KnownFinal(order.round, view, order.included, order.expected)
        effects: list[Effect] = [*self._reporting.close(known), *self.situation.start(order.started)]
        effects += self._age(order.round, schedule, now_ms)
        if self.situation.is_expected:
            self._admission.expected()
        else:
            effects += self._admission.not_expected(now_ms, schedule.window_ms)
        return effects + self._reporting.tick(now_ms)

    def _require_next(self, order: RoundFinal, current: RoundNumber) -> None:
        known = self.situation.final
        if order.suite != self.situation.rules.suite.code:
            raise RefusedError(Refusal.WRONG_SUITE)
        if known is not None and order.round == known.round:
            raise RefusedError(Refusal.CONTRADICTION)
        if order.round < current - 1 or (known is not None and order.round < known.round):
            raise RefusedError(Refusal.STALE)
        if order.round > current:
            raise RefusedError(Refusal.FUTURE)

    def _age(self, round_: RoundNumber, schedule: Schedule, now_ms: int) -> list[Effect]:
        """Ratchet seeds whose day is over, and forget edges that stood long enough without being started."""
        day = schedule.day(RoundNumber(max(round_ - RATCHET_ROUNDS, 0)))
        stood_before_ms = now_ms - max(STANDING_ROUNDS * schedule.period_ms, STANDING_MS)
        effects: list[Effect] = []
        for edge in list(self.situation.edges.values()):
            if not edge.is_started and edge.stood_ms < stood_before_ms:
                effects += self.situation.erase(edge.tunnel)
            elif edge.seed.day < day:
                aged = Edge(edge.tunnel, edge.peer, edge.peer_key, edge.seed.on(day), edge.is_started, edge.stood_ms)
                self.situation.edges[edge.tunnel] = aged
                effects.append(Store(aged))
        return effects

    def _assigned(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        before = self.situation.membership
        effects = self._admission.assigned(signed, now_ms)
        if self.situation.membership != before:
            self._reporting.forget()
            self._early_final, self._epoch = None, 0
        return effects

    def _correction(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        return self._reporting.correct(Correction.decode(signed.frame.data), now_ms)
