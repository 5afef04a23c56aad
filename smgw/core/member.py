"""The member machine: everything a gateway does, as events in and effects out.

It has no clock, socket, file or randomness of its own. Handling an event twice changes nothing more than handling it
once. Its parts: `admission` makes and ends membership, `rosters` and `draws` say who may be a neighbor, `handshakes`
makes edges, `reporting` sends one reading per round, `clock` compares the time. Source: thesis section 3.3.2;
docs/protocol.md.
"""

import random
from collections.abc import Callable
from typing import Final, final

from common import topics
from common.frames import Frame, Notification, SignedFrame, decode
from common.identifiers import EVERYONE, RoundNumber
from common.refusal import Refusal, RefusedError
from common.roster import Roster
from common.signing import Direction, Identity
from common.topics import Channel
from smgw.core.admission import Admission
from smgw.core.asking import AskTimer
from smgw.core.clock import CrossCheck
from smgw.core.closings import Closings
from smgw.core.draws import Draws
from smgw.core.events import (
    ClockStepped,
    Connected,
    Disconnected,
    Effect,
    Event,
    LeaveRequested,
    Notice,
    ReadingTaken,
    Received,
    Refuse,
    RevocationsRenewed,
    Store,
    Tick,
    VaultContents,
)
from smgw.core.finals import Finals
from smgw.core.grievances import Grievances
from smgw.core.handshakes import Handshakes
from smgw.core.openings import Openings
from smgw.core.places import Places
from smgw.core.proofs import Proofs
from smgw.core.releasing import PENDING_ROUNDS, Releasing
from smgw.core.reporting import Reporting
from smgw.core.reports import ReportedError
from smgw.core.rosters import Rosters
from smgw.core.rounds import Rounds
from smgw.core.situation import RETRY_MAX_MS, MemberRules, Situation
from smgw.core.trust import Trust, newest_list
from smgw.core.wants import Wants

_SOON_OLD: Final = frozenset({Notification.RESUMED, Notification.REFUSED})
_FROM_PROVIDER: Final = frozenset(Notification) - {Notification.TUNNEL, Notification.EXIT}


@final
class Member:
    """One gateway. `handle` takes an event and the time, `deadline` names the next moment it wants a `Tick`."""

    def __init__(
        self, identity: Identity, rules: MemberRules, contents: VaultContents, entropy: random.Random, now_ms: int
    ) -> None:
        """Continue from what the vault held; `entropy` must be cryptographically strong outside of simulations.

        Raises:
            RefusedError: the gateway's own certificate is not its administrator's.
        """
        edges = {edge.tunnel: edge for edge in contents.edges}
        revocations = newest_list(rules, contents.revocations)
        self.situation: Final = Situation(identity, rules, revocations, contents.membership, edges)
        self.situation.departed |= contents.gone
        self._trust: Final = Trust(self.situation)
        self._rosters: Final = Rosters(self.situation, contents.rosters)
        self._draws: Final = Draws(self.situation, self._trust, contents, entropy)
        self._wants: Final = Wants(self.situation)
        self._finals: Final = Finals(self.situation, self._rosters)
        self._clock: Final = CrossCheck(self.situation, entropy)
        rounds = Rounds(contents.sent, contents.closed)
        self._grievances: Final = Grievances(entropy, contents.left_out_ms)
        self._reporting: Final = Reporting(self.situation, rounds, self._grievances, contents.metered_until_ms, now_ms)
        self._closings: Final = Closings(self.situation, rounds, self._grievances)
        self._releasing: Final = Releasing(self.situation, rounds, self._closings, self._grievances)
        timer = AskTimer(now_ms)
        openings = Openings(self.situation, self._trust, self._rosters, self._wants, rounds)
        proofs = Proofs(self.situation, self._trust, self._draws)
        handshakes = Handshakes(self.situation, openings, proofs, entropy, timer)
        places = Places(self.situation, self._trust.own.serial, contents.moved)
        self._admission: Final = Admission(self.situation, handshakes, entropy, timer, places)
        self._handlers: Final[dict[Notification, Callable[[SignedFrame, int], list[Effect]]]] = {
            Notification.CORRECTION: self._reporting.correct,
            Notification.ROSTER: self._roster,
            Notification.LEAVES: self._leaves,
            Notification.FINAL: self._final,
            Notification.HOLD: self._releasing.hold,
            Notification.REVOCATIONS: lambda signed, _: self._revocations(signed.frame.data),
            Notification.TUNNEL: handshakes.hear,
            Notification.TUNNEL_OPEN: handshakes.open,
            Notification.DEPARTED: self._departed,
            Notification.EXIT: self._neighbor_left,
            Notification.EXIT_CONFIRMED: lambda signed, _: self._moved(self._admission.exit_confirmed(signed)),
            Notification.ASSIGNED: self._assigned,
            Notification.RESUMED: lambda signed, _: self._admission.resumed(signed),
            Notification.REFUSED: self._admission.rejected,
            Notification.CLOCK: self._clock.answer,
        }

    @property
    def deadline(self) -> int | None:
        """The next moment (Unix milliseconds) at which the machine wants a `Tick`; None when only a message helps."""
        parts = (self._reporting, self._admission, self._rosters, self._wants, self._clock)
        times = [time for part in parts if (time := part.deadline()) is not None]
        return min(times, default=None)

    @property
    def declared_missing(self) -> int:
        """How often the provider left this gateway out of a round for which it had sent."""
        return self._grievances.declared_missing

    def handle(self, event: Event, now_ms: int) -> list[Effect]:
        """Take one event; return what is to be done, in this order: first all that must be stored.

        Never raises for anything from outside.
        """
        effects = [*self._handle(event, now_ms), *self._wants.tick(now_ms), *self._clock.tick(now_ms)]
        return sorted(effects, key=lambda effect: not isinstance(effect, Store))

    def _handle(self, event: Event, now_ms: int) -> list[Effect]:
        match event:
            case Received():
                return self._receive(event, now_ms)
            case Tick():
                effects = self._admission.tick(now_ms) + self._rosters.tick(now_ms)
                return effects + self._trust.watch(now_ms) + self._reporting.tick(now_ms)
            case ReadingTaken(reading):
                return self._reporting.take(reading, now_ms)
            case Connected():
                self._wants.connected()
                self._clock.connected(now_ms)
                return self._admission.connected(now_ms) + self._reporting.repeat(now_ms)
            case Disconnected():
                self._admission.disconnected()
                self._wants.disconnected()
                self._clock.disconnected()
                return []
            case LeaveRequested():
                return self._admission.leave(now_ms)
            case ClockStepped(by_ms):
                return self._clock.stepped(by_ms, now_ms)
            case RevocationsRenewed(der):
                return self._refusing(None, lambda: self._revocations(der))

    def _receive(self, message: Received, now_ms: int) -> list[Effect]:
        try:
            signed = decode(message.payload)
        except RefusedError as error:
            return [Refuse(error.reason, None)]
        return self._refusing(signed.frame.notification, lambda: self._obey(signed, message, now_ms))

    @staticmethod
    def _refusing(notification: Notification | None, act: Callable[[], list[Effect]]) -> list[Effect]:
        """What comes of it; when it is refused, that, and what the owner has to know of it."""
        try:
            return act()
        except ReportedError as error:
            return [*error.kept, Refuse(error.reason, notification), Notice(error.level, error.text)]
        except RefusedError as error:
            return [Refuse(error.reason, notification)]

    def _obey(self, signed: SignedFrame, message: Received, now_ms: int) -> list[Effect]:
        notification = signed.frame.notification
        self._require_addressed(signed.frame, message)
        self._require_fresh(signed.frame, now_ms)
        if notification in _FROM_PROVIDER:
            signed.require_signature(self.situation.rules.provider_key, Direction.DOWN)
            self._clock.doubt(signed.frame.timestamp_ms, now_ms)
        handler = self._handlers.get(notification)
        if handler is None:
            raise RefusedError(Refusal.UNEXPECTED)
        return handler(signed, now_ms)

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
        schedule = self.situation.schedule
        limit_ms = RETRY_MAX_MS if frame.notification in _SOON_OLD else None
        if frame.notification is Notification.FINAL and schedule is not None:
            limit_ms = (PENDING_ROUNDS + 1 if self.situation.rules.suite.has_release else 3) * schedule.period_ms
        if limit_ms is not None and now_ms - frame.timestamp_ms > limit_ms:
            raise RefusedError(Refusal.STALE)

    def _roster(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        before = self.situation.roster
        return self._follow(before, self._rosters.take(signed, now_ms), now_ms)

    def _leaves(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        before = self.situation.roster
        self._rosters.learn(signed)
        effects = self._refusing(Notification.ROSTER, lambda: self._rosters.try_waiting(now_ms))
        return self._follow(before, effects, now_ms)

    def _follow(self, before: Roster | None, effects: list[Effect], now_ms: int) -> list[Effect]:
        """What comes of a roster that is in force now."""
        if self.situation.roster is None or self.situation.roster is before:
            return effects
        effects += self._draw()
        early = self._finals.early()
        if early is not None:  # that it is refused is no fault of the roster
            effects += self._refusing(Notification.FINAL, lambda: self._final(early, now_ms))
        effects += self._reporting.repeat(now_ms) if before is None else []
        return effects + self._reporting.tick(now_ms)

    def _final(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        late = self._releasing.take_late(signed, now_ms)
        if late is not None:
            return late
        order = self._finals.take(signed, now_ms)
        known, schedule = self.situation.final, self.situation.schedule
        if order is None or known is None or schedule is None:
            return []
        effects = self._closings.close(known.order, known.view, known.frame, now_ms)
        effects += self._releasing.release(order, known.view, now_ms)
        effects += self.situation.start(order.started)
        effects += self._finals.age(order.round, schedule, now_ms) + self._trust.erase_lapsed(now_ms)
        given_up = self._draws.note_final(known)
        if given_up:
            self._wants.changed()
        effects += given_up
        if self.situation.is_expected:
            self._admission.expected()
        elif not self._grievances.keeps_away(RoundNumber(known.round + 1)):
            effects += self._admission.not_expected(now_ms, schedule.window_ms)
        return effects + self._reporting.tick(now_ms)

    def _revocations(self, der: bytes) -> list[Effect]:
        effects = self._trust.renew(der)
        return [*effects, *self._rosters.complain(), *self._draw()] if effects else []

    def _departed(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        effects = self._draws.depart(signed, now_ms)
        self._wants.changed()
        return effects

    def _neighbor_left(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        return self._admission.neighbor_left(signed, now_ms) + self._draw()

    def _draw(self) -> list[Effect]:
        """Whatever makes slots end or roster or list change may make something else lacking."""
        self._wants.changed()
        return self._draws.refresh()

    def _assigned(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        before = self.situation.membership
        effects = self._admission.assigned(signed, now_ms)
        now = self.situation.membership
        return effects if before and now and before.place == now.place else self._moved(effects)

    def _moved(self, effects: list[Effect]) -> list[Effect]:
        """Whatever belonged to a place that the gateway has no more is forgotten."""
        self._reporting.move()
        self._finals.forget()
        self._rosters.moved()
        self._wants.moved()
        return effects
