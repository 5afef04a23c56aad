"""The network machine: one DC-net as its provider runs it, as messages and moments in and effects out.

Every round of the clock ends with a FINAL: signed, stored, then sent; it names who is in the sum and who is expected
next, and so opens the next round. Its parts: `admission` makes and ends members and edges, `round` counts one round.
Source: thesis section 3.3.2; docs/protocol.md.
"""

import random
from collections.abc import Callable
from typing import Final, final

from common.batch import Row
from common.clients import ClientSet
from common.frames import Frame, Notification, SignedFrame, decode
from common.identifiers import ClientId, NetworkId, RoundNumber
from common.payloads import NO_VIEW, Correction, Entered, ExitConfirmed, Holdings, RoundFinal, view_of
from common.refusal import Refusal, RefusedError
from common.signing import SIGNATURE_BYTES, Direction, Identity, is_signed
from common.suites import SUITES
from common.topics import Broadcast, Channel, Topic
from provider.core.admission import Admission
from provider.core.desk import Desk, Member
from provider.core.events import (
    EdgeState,
    Effect,
    FinalRecord,
    MemberState,
    NetworkSetup,
    Notice,
    Publish,
    RoundClosed,
    RoundResult,
    RoundStatus,
    Store,
    Why,
)
from provider.core.keygraph import Edge, KeyGraph, neighborhoods, summable
from provider.core.round import Outcome, Round

VOID_LINES_MAX: Final = 10_000
"""How many rounds of one outage get a result line of their own; the latest ones do."""

_WITH_SUM: Final = frozenset({RoundStatus.COMPLETE, RoundStatus.CORRECTED})

_REPEATABLE: Final = frozenset({Notification.TUNNEL, Notification.EXIT_CONFIRMED})
"""Several may carry one timestamp: the handshake sees to repeats itself, a confirmation is told by its leaver."""


@final
class Network:
    """One DC-net. `receive` takes messages, `tick` the moment that `deadline` named."""

    def __init__(self, setup: NetworkSetup, identity: Identity, entropy: random.Random, now_ms: int) -> None:
        """Continue from what the store held."""
        contents, parameters = setup.contents, setup.parameters
        members = {m.client: Member(m.client, m.name, m.public_key, m.state, m.exit_frame) for m in contents.members}
        graph = KeyGraph(Edge(e.tunnel, e.initiator, e.responder, e.state) for e in contents.edges)
        self.desk: Final = Desk(setup.network, parameters, identity, members, graph)
        self.admission: Final = Admission(self.desk, entropy)
        self._suite: Final = SUITES[parameters.suite]
        self._roster: Final = self.desk.announce(
            Notification.ROSTER, parameters.encode(now_ms // 1_000 % 2**32), now_ms
        )
        self._final_frame = contents.final
        self._final = RoundFinal.decode(decode(contents.final).frame.data) if contents.final else None
        self._round: Round | None = None
        self._correction: Publish | None = None
        self._is_connected = False
        self._is_bus_whole = False
        self._last_seen: dict[tuple[ClientId, Notification], int] = {}
        self._confirmed: set[tuple[ClientId, ClientId]] = set()
        self._waiting_for: int | None = None
        self._present_said = 0
        if self._final is not None and self._final.round >= parameters.schedule.round_at(now_ms):
            self._open_round(self._final)
        self._handlers: Final[dict[Notification, Callable[[Member, SignedFrame, int], list[Effect]]]] = {
            Notification.ENTERED: lambda m, s, now: self.admission.entered(m, Entered.decode(s.frame.data), now),
            Notification.RESUME: lambda m, s, now: self.admission.resume(m, Holdings.decode(s.frame.data), now),
            Notification.EMERGENCY: lambda m, s, now: self.admission.resume(m, Holdings.decode(s.frame.data), now),
            Notification.EXIT: self.admission.leave,
            Notification.EXIT_CONFIRMED: self._erased,
        }

    # Time

    @property
    def deadline(self) -> int:
        """The next moment, in Unix milliseconds, at which the machine wants a `tick`."""
        schedule = self.desk.parameters.schedule
        if self._round is not None:
            due = schedule.deadline(self._round.number, self._round.attempt)
        elif self._waiting_for is None:
            due = 0
        else:
            due = self._waiting_for
        drawing = self.admission.deadline()
        return due if drawing is None else min(due, drawing)

    def tick(self, now_ms: int) -> list[Effect]:
        """Do what is due: draws, a correction, the end of a round, an idle round while the network is too small."""
        effects = self.admission.tick(now_ms)
        schedule = self.desk.parameters.schedule
        current = schedule.round_at(now_ms)
        if self._round is not None:
            return effects + self._tick_round(self._round, current, now_ms)
        if self._final is not None:
            return effects + self._void(self._final, current, now_ms)
        due = schedule.deadline(current, 0)
        if now_ms < due:
            self._waiting_for = due
            return effects
        self._waiting_for = schedule.deadline(RoundNumber(current + 1), 0)
        return effects + self._found(current, now_ms)

    def _tick_round(self, open_round: Round, current: RoundNumber, now_ms: int) -> list[Effect]:
        if current > open_round.number:
            assert self._final is not None
            return self._void(self._final, current, now_ms)
        if now_ms < self.desk.parameters.schedule.deadline(open_round.number, open_round.attempt):
            return []
        if open_round.expected == 0:
            return self._close(open_round, Outcome(RoundStatus.REFUSED, Why.BELOW_MINIMUM, ClientSet()), now_ms)
        outcome = open_round.correct()
        if outcome is not None:
            return self._close(open_round, outcome, now_ms)
        return self._ask_again(open_round, now_ms) + self.settle(now_ms)

    def _ask_again(self, open_round: Round, now_ms: int) -> list[Effect]:
        missing = ClientSet.of(open_round.missing)
        order = Correction(self._suite.code, open_round.number, open_round.view, open_round.attempt, missing)
        frame = self.desk.announce(Notification.CORRECTION, order.encode(), now_ms)
        due = self.desk.parameters.schedule.deadline(open_round.number, open_round.attempt)
        self._correction = self.desk.broadcast(Broadcast.CORRECTION, frame, due, is_retained=False)
        text = f"round {open_round.number}: {len(missing)} missing, correction {open_round.attempt}"
        return [self._correction, Notice(text)]

    # The bus

    def connected(self, now_ms: int) -> list[Effect]:
        """The bus is there: say again what it may have lost."""
        self._is_connected = True
        effects: list[Effect] = [self._retain(Broadcast.ROSTER, self._roster, now_ms)]
        effects += self.tick(now_ms)
        if self._final_frame is not None:
            effects.append(self._retain(Broadcast.FINAL, self._final_frame, now_ms))
        if self._correction is not None:
            effects.append(self._correction)
        return effects

    def disconnected(self) -> None:
        """The bus is gone: whoever is silent in this round may not be to blame."""
        self._is_connected = self._is_bus_whole = False

    def _retain(self, what: Broadcast, frame: bytes, now_ms: int) -> Publish:
        period_ms = self.desk.parameters.schedule.period_ms
        return self.desk.broadcast(what, frame, now_ms + max(2 * period_ms, 60_000), is_retained=True)

    # Messages

    def superposition(self, row: Row, topic: Topic, now_ms: int) -> None:
        """Take a frame of notification 5, already decoded.

        Raises:
            RefusedError: it does not count.
        """
        member = self._sender(ClientId(row.client), NetworkId(row.network), topic, Notification.SUPERPOSITION)
        self._require_fresh(row.timestamp_ms, now_ms)
        if self._final is not None and row.round <= self._final.round:
            raise RefusedError(Refusal.LATE)
        if self._round is None or row.round != self._round.number:
            raise RefusedError(Refusal.WRONG_ROUND)
        self._round.require_acceptable(row)
        signed, signature = row.raw[:-SIGNATURE_BYTES], row.raw[-SIGNATURE_BYTES:]
        if not is_signed(member.public_key, Direction.UP, signed, signature):
            raise RefusedError(Refusal.BAD_SIGNATURE)
        self._round.accept(row)
        member.hear(now_ms)

    def receive(self, signed: SignedFrame, topic: Topic, now_ms: int) -> list[Effect]:
        """Take any other frame of a member.

        Raises:
            RefusedError: it is nonsense, or not now.
        """
        frame = signed.frame
        is_tunnel = frame.notification is Notification.TUNNEL
        member = self._sender(frame.client, frame.network, topic, frame.notification)
        self._require_fresh(frame.timestamp_ms, now_ms)
        handler = self.admission.relay if is_tunnel else self._handler(frame)
        signed.require_signature(member.public_key, Direction.UP)
        if frame.notification not in _REPEATABLE:
            self._require_new(member.client, frame)
        member.hear(now_ms)
        return handler(member, signed, now_ms)

    def _handler(self, frame: Frame) -> Callable[[Member, SignedFrame, int], list[Effect]]:
        handler = self._handlers.get(frame.notification)
        if handler is None:
            is_other_size = frame.notification is Notification.SUPERPOSITION
            raise RefusedError(Refusal.BAD_DATA if is_other_size else Refusal.UNEXPECTED)
        return handler

    def _sender(self, client: ClientId, network: NetworkId, topic: Topic, notification: Notification) -> Member:
        if network != self.desk.network:
            raise RefusedError(Refusal.WRONG_NETWORK)
        member = self.desk.members.get(client)
        if member is None or (member.state is MemberState.LEFT and notification is not Notification.EXIT):
            raise RefusedError(Refusal.UNKNOWN_CLIENT)
        channel = Channel.TUNNEL if notification is Notification.TUNNEL else Channel.UP
        if topic.name != member.name or topic.channel is not channel:
            raise RefusedError(Refusal.WRONG_TOPIC)
        return member

    def _require_fresh(self, timestamp_ms: int, now_ms: int) -> None:
        schedule = self.desk.parameters.schedule
        if timestamp_ms < now_ms - schedule.stale_ms:
            raise RefusedError(Refusal.STALE)
        if timestamp_ms > now_ms + schedule.future_ms:
            raise RefusedError(Refusal.FUTURE)

    def _require_new(self, client: ClientId, frame: Frame) -> None:
        last = self._last_seen.get((client, frame.notification), -1)
        if frame.timestamp_ms <= last:
            raise RefusedError(Refusal.REPEATED)
        self._last_seen[client, frame.notification] = frame.timestamp_ms

    def _erased(self, member: Member, signed: SignedFrame, _now_ms: int) -> list[Effect]:
        """A neighbor of a leaver has no seed of it any more; that is told once, however often it is said."""
        leaver = ExitConfirmed.decode(signed.frame.data).leaver
        gone = self.desk.members.get(leaver)
        if gone is None or gone.state is not MemberState.LEFT:
            raise RefusedError(Refusal.UNEXPECTED)
        if (member.client, leaver) in self._confirmed:
            raise RefusedError(Refusal.REPEATED)
        self._confirmed.add((member.client, leaver))
        return [Notice(f"client {member.client} has erased the seed of client {leaver}")]

    def settle(self, now_ms: int) -> list[Effect]:
        """Close the round early when every frame is in."""
        if self._round is None or not self._round.expected or not self._round.is_full:
            return []
        outcome = self._round.open()
        return self._close(self._round, outcome, now_ms) if outcome is not None else []

    # The end of a round

    def _found(self, current: RoundNumber, now_ms: int) -> list[Effect]:
        """The network has never operated: begin as soon as it is large enough."""
        present = {member.client for member in self.desk.in_state(MemberState.PRESENT)}
        if self._summable(present, self.admission.startable()):
            return self._finalize(current, current, ClientSet(), now_ms)
        effects = [*self.admission.finish_exits(now_ms), *self.admission.maintain(now_ms)]
        if len(present) != self._present_said:
            self._present_said = len(present)
            minimum = self.desk.parameters.members_min
            effects.append(Notice(f"network {self.desk.network} waits: {len(present)} of at least {minimum} members"))
        return effects

    def _void(self, last: RoundFinal, current: RoundNumber, now_ms: int) -> list[Effect]:
        """Rounds have passed that nobody ran: they are lost, and the present one is not worth beginning."""
        if current <= last.round:
            self._waiting_for = self.desk.parameters.schedule.start(RoundNumber(last.round + 1))
            return []
        lost = range(max(last.round + 1, current - VOID_LINES_MAX), current + 1)
        results = [self._lost_result(RoundNumber(number)) for number in lost]
        text = f"rounds {last.round + 1} to {current} are lost: {Why.PROVIDER_DOWN.value}"
        effects: list[Effect] = [Notice(text, is_warning=True)]
        for result in results:
            effects += [Store(result), RoundClosed(result)]
        return effects + self._finalize(current, RoundNumber(last.round + 1), ClientSet(), now_ms)

    def _lost_result(self, number: RoundNumber) -> RoundResult:
        expected = len(self._final.expected) if self._final else 0
        outcome = Outcome(RoundStatus.LOST, Why.PROVIDER_DOWN, ClientSet())
        return self._result(number, outcome, expected, 0, self.desk.parameters.schedule.period_ms)

    def _close(self, open_round: Round, outcome: Outcome, now_ms: int) -> list[Effect]:
        effects: list[Effect] = []
        if self._is_bus_whole:
            for client in sorted(open_round.silent):
                if self.desk.is_present(client):
                    effects += self.desk.move(self.desk.members[client], MemberState.AWAY)
        elif outcome.status not in _WITH_SUM:
            outcome = Outcome(RoundStatus.LOST, Why.BUS_DOWN, ClientSet())
        duration_ms = now_ms - self.desk.parameters.schedule.start(open_round.number)
        result = self._result(open_round.number, outcome, open_round.expected, open_round.attempt, duration_ms)
        effects += [Store(result), RoundClosed(result)]
        return effects + self._finalize(open_round.number, open_round.number, outcome.included, now_ms)

    def _finalize(self, number: RoundNumber, void_from: RoundNumber, included: ClientSet, now_ms: int) -> list[Effect]:
        """Sign, store and send the FINAL of a round, open the next one, and tend to members and edges."""
        forgotten = self.admission.forget(now_ms) if self._final is not None else []
        startable = self.admission.startable()
        expected = self._summable(self.admission.eligible(), startable)
        starting = [edge for edge in startable if edge.pair <= expected]
        starts = self.admission.start(starting)
        started = tuple(edge.tunnel for edge in starting)
        previous = view_of(self._final_frame) if self._final_frame else NO_VIEW
        order = RoundFinal(self._suite.code, number, previous, void_from, included, ClientSet.of(expected), started)
        frame = self.desk.announce(Notification.FINAL, order.encode(), now_ms)
        self._final, self._final_frame, self._correction = order, frame, None
        self._is_bus_whole = self._is_connected
        self._open_round(order)
        effects: list[Effect] = [*forgotten, *starts, Store(FinalRecord(self.desk.network, number, frame))]
        effects.append(self._retain(Broadcast.FINAL, frame, now_ms))
        if self.admission.was_asked:
            # Whoever wants in needs the rules, and anybody who may write there can have erased them on the broker.
            self.admission.was_asked = False
            effects.append(self._retain(Broadcast.ROSTER, self._roster, now_ms))
        return [*effects, *self.admission.finish_exits(now_ms), *self.admission.maintain(now_ms)]

    def _summable(self, clients: set[ClientId], startable: list[Edge]) -> set[ClientId]:
        """Who of `clients` can be expected when the startable edges are used as well."""
        rules = self.desk.parameters
        near = neighborhoods(clients, [*self.desk.graph.in_state(EdgeState.STARTED), *startable])
        return summable(clients, near, rules.masks_min, rules.members_min)

    def _open_round(self, last: RoundFinal) -> None:
        assert self._final_frame is not None
        self.desk.expected = frozenset(last.expected)
        near = neighborhoods(self.desk.expected, self.desk.graph.in_state(EdgeState.STARTED))
        number = RoundNumber(last.round + 1)
        self._round = Round(number, view_of(self._final_frame), self._suite, self.desk.parameters, near)

    def _result(
        self, number: RoundNumber, outcome: Outcome, members: int, attempts: int, duration_ms: int
    ) -> RoundResult:
        schedule = self.desk.parameters.schedule
        import_dwh, export_dwh, contributors = outcome.lanes or (None, None, None)
        in_network = len(self.desk.in_state(MemberState.PRESENT, MemberState.AWAY))
        return RoundResult(
            network=self.desk.network,
            region=self.desk.parameters.region,
            round=number,
            start_ms=schedule.start(RoundNumber(number - 1)),
            status=outcome.status,
            why=outcome.why,
            members=members,
            present=len(outcome.included),
            missing=members - len(outcome.included),
            away=max(in_network - members, 0),
            attempts=attempts,
            import_dwh=import_dwh,
            export_dwh=export_dwh,
            contributors=contributors,
            duration_ms=duration_ms,
        )
