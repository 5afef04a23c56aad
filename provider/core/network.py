"""The network machine: one DC-net as its provider runs it, as messages and moments in and effects out.

Every round of the clock ends with a FINAL: signed, stored, then sent; it names who is in the sum and who is expected
next, and so opens the next round. Its parts: `inbox` hears members, `admission` makes and ends them, `rosters` lists
them, `tunnels` brings them together, `expectation` says who is expected, `round` counts one round.
Source: thesis section 3.3.2; docs/protocol.md.
"""

import random
from typing import Final, final

from common.batch import Row
from common.clients import ClientSet
from common.frames import Notification, decode
from common.identifiers import ClientId, NetworkId, RoundNumber
from common.payloads import NO_VIEW, Correction, RoundFinal, view_of
from common.refusal import Refusal, RefusedError
from common.signing import SIGNATURE_BYTES, Direction, Identity, is_signed
from common.topics import Broadcast, Topic
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
    StoreContents,
    Why,
)
from provider.core.expectation import Expectation
from provider.core.inbox import Inbox
from provider.core.keygraph import Edge, KeyGraph, neighborhoods
from provider.core.opening import Draft
from provider.core.openings import Openings
from provider.core.rosters import Rosters
from provider.core.round import Outcome, Round
from provider.core.trust import Trust
from provider.core.tunnels import Tunnels

VOID_LINES_MAX: Final = 10_000
"""How many rounds of one outage get a result line of their own; the latest ones do."""

_WITH_SUM: Final = frozenset({RoundStatus.COMPLETE, RoundStatus.CORRECTED, RoundStatus.PENDING})


@final
class Network:
    """One DC-net. `inbox` takes messages, `superposition` those of a round, `tick` the moment that `deadline` named."""

    def __init__(
        self, setup: NetworkSetup, identity: Identity, entropy: random.Random, now_ms: int, trust: Trust
    ) -> None:
        """Continue from what the store held.

        Raises:
            RefusedError: BAD_CERTIFICATE, when a stored certificate is not of this administrator.
        """
        contents, parameters = setup.contents, setup.parameters
        graph = KeyGraph(Edge(e.tunnel, e.initiator, e.responder, e.state) for e in contents.edges)
        self.desk: Final = Desk(setup.network, parameters, identity, trust, _members(contents, trust), graph)
        self.rosters: Final = Rosters(self.desk, contents.rosters)
        self._tunnels: Final = Tunnels(self.desk, self.rosters, entropy)
        self.admission: Final = Admission(self.desk, self.rosters, self._tunnels)
        self._openings: Final = Openings(self.desk, contents)
        self.inbox: Final = Inbox(self.desk, self.admission, self._tunnels, self._openings)
        self._expectation: Final = Expectation(self.desk, self.rosters)
        self._final_frame = contents.final
        self._final = RoundFinal.decode(decode(contents.final).frame.data) if contents.final else None
        self._round: Round | None = None
        self._correction: Publish | None = None
        self._is_connected = False
        self._is_bus_whole = False
        self._is_excused = False
        self._waiting_for: int | None = None
        self._present_said = 0
        if self._final is not None and self._final.round >= parameters.schedule.round_at(now_ms):
            self._open_round(self._final)

    # Time

    @property
    def deadline(self) -> int:
        """The next moment, in Unix milliseconds, at which the machine wants a `tick`."""
        due = (self._round_due, self.rosters.deadline, self._tunnels.deadline)
        return min(moment for moment in due if moment is not None)

    @property
    def _round_due(self) -> int:
        if self._round is not None:
            return self.desk.parameters.schedule.deadline(self._round.number, self._round.attempt)
        return self._waiting_for or 0

    def tick(self, now_ms: int) -> list[Effect]:
        """Do what is due: a roster, a correction, the end of a round, an idle round while the network is too small."""
        effects = self.rosters.tick(self._first_round(now_ms), now_ms) + self._tunnels.tick(now_ms)
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
        order = Correction(self.desk.parameters.suite, open_round.number, open_round.view, open_round.attempt, missing)
        frame = self.desk.announce(Notification.CORRECTION, order.encode(), now_ms)
        due = self.desk.parameters.schedule.deadline(open_round.number, open_round.attempt)
        self._correction = self.desk.broadcast(Broadcast.CORRECTION, frame, due)
        text = f"round {open_round.number}: {len(missing)} missing, correction {open_round.attempt}"
        return [self._correction, Notice(text)]

    def _first_round(self, now_ms: int) -> RoundNumber:
        """The first round in which a roster that is made now is in force: the next FINAL says so."""
        current = self.desk.parameters.schedule.round_at(now_ms)
        opened = self._final.round + 1 if self._final else 0
        return RoundNumber(max(current, opened) + 1)

    # The bus

    def connected(self, now_ms: int) -> list[Effect]:
        """The bus is there: say again what it may have lost."""
        self._is_connected = True
        effects: list[Effect] = [self.desk.tell_revocations(now_ms)]
        effects += self.rosters.connected(self._first_round(now_ms), now_ms)
        effects += self.tick(now_ms)
        if self._final_frame is not None:
            effects.append(self.desk.retain(Broadcast.FINAL, self._final_frame, now_ms))
        if self._correction is not None:
            effects.append(self._correction)
        return effects + self._openings.connected(now_ms)

    def disconnected(self) -> None:
        """The bus is gone: whoever is silent in this round may not be to blame."""
        self._is_connected = self._is_bus_whole = False

    def trusts(self, trust: Trust, now_ms: int) -> list[Effect]:
        """The administrator's list was renewed: everybody is told, and the revoked leave."""
        self.desk.trust = trust
        return [self.desk.tell_revocations(now_ms), *self.admission.retire(now_ms)]

    # Messages

    def superposition(self, row: Row, topic: Topic, now_ms: int) -> None:
        """Take a frame of notification 5, already decoded.

        Raises:
            RefusedError: it does not count.
        """
        client, network = ClientId(row.client), NetworkId(row.network)
        member = self.inbox.sender(client, network, topic, Notification.SUPERPOSITION)
        self.inbox.require_fresh(row.timestamp_ms, now_ms)
        if self._final is not None and row.round <= self._final.round:
            raise RefusedError(Refusal.LATE)
        if self._round is None or row.round != self._round.number:
            raise RefusedError(Refusal.WRONG_ROUND)
        self._round.require_acceptable(row)
        sealed = self._round.read(row)
        signed, signature = row.raw[:-SIGNATURE_BYTES], row.raw[-SIGNATURE_BYTES:]
        if not is_signed(member.public_key, Direction.UP, signed, signature):
            raise RefusedError(Refusal.BAD_SIGNATURE)
        self._round.accept(row, sealed)
        member.hear(now_ms)
        if sealed is not None and not row.attempt:
            self._expectation.learn(client, sealed)

    def settle(self, now_ms: int) -> list[Effect]:
        """Close the round early when every frame is in, and open the sums of those whose shares are."""
        effects = self._openings.settle(now_ms)
        if self._round is None or not self._round.expected or not self._round.is_full:
            return effects
        return effects + self._close(self._round, self._round.close(), now_ms)

    # The end of a round

    def _found(self, current: RoundNumber, now_ms: int) -> list[Effect]:
        """The network has never operated: begin as soon as it is large enough."""
        effects = self.admission.retire(now_ms)
        present = {member.client for member in self.desk.in_state(MemberState.PRESENT)}
        if self._expectation.summable(present, self._expectation.startable()):
            return effects + self._finalize(current, current, ClientSet(), now_ms)
        effects += self._remind(now_ms) + self._tend(now_ms)
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
        effects: list[Effect] = [Notice(text, is_warning=True), *self._openings.review(current, now_ms)]
        for result in results:
            effects += self._closed(result)
        return effects + self._finalize(current, RoundNumber(last.round + 1), ClientSet(), now_ms)

    def _lost_result(self, number: RoundNumber) -> RoundResult:
        expected = len(self._final.expected) if self._final else 0
        outcome = Outcome(RoundStatus.LOST, Why.PROVIDER_DOWN, ClientSet())
        return self._result(number, outcome, expected, 0, self.desk.parameters.schedule.period_ms)

    def _close(self, open_round: Round, outcome: Outcome, now_ms: int) -> list[Effect]:
        effects: list[Effect] = []
        if not self._is_bus_whole and outcome.status not in _WITH_SUM:
            outcome = Outcome(RoundStatus.LOST, Why.BUS_DOWN, ClientSet())
        # Where nobody sends, all may lack neighbors who are there and were not expected: as long as each lot is called
        # away in turn, no edge between them starts. So once they are all expected together.
        self._is_excused = outcome.why is Why.NOBODY and not self._is_excused
        silent = sorted(open_round.silent if self._is_bus_whole and not self._is_excused else ())
        self._expectation.note_round(open_round.number, open_round.came, silent)
        for client in silent:
            if self.desk.is_present(client):
                effects += self.desk.move(self.desk.members[client], MemberState.AWAY)
        duration_ms = now_ms - self.desk.parameters.schedule.start(open_round.number)
        result = self._result(open_round.number, outcome, open_round.expected, open_round.attempt, duration_ms)
        if outcome.status is RoundStatus.PENDING:
            waiting = (open_round, Draft(result.members, result.away, result.attempts, result.missing))
            return effects + self._finalize(open_round.number, open_round.number, outcome.included, now_ms, waiting)
        effects += self._closed(result)
        return effects + self._finalize(open_round.number, open_round.number, outcome.included, now_ms)

    def _closed(self, result: RoundResult) -> list[Effect]:
        certified = self.desk.trust.revocations.valid_in(self.desk.parameters.region)
        return [Store(result), RoundClosed(result, certified)]

    def _finalize(
        self,
        number: RoundNumber,
        void_from: RoundNumber,
        included: ClientSet,
        now_ms: int,
        waiting: tuple[Round, Draft] | None = None,
    ) -> list[Effect]:
        """Sign, store and send the FINAL of a round, open the next one, and tend to members and edges.

        `waiting` is the round itself when its sum waits for the shares that the FINAL asks for.
        """
        effects: list[Effect] = list(self._expectation.forget(now_ms)) if self._final is not None else []
        effects += self.admission.retire(now_ms)
        startable = self._expectation.startable()
        expected = self._expectation.expect(RoundNumber(number + 1), startable)
        starting = [edge for edge in startable if edge.pair <= expected]
        effects += self._expectation.start(starting)
        order = self._order(number, void_from, included, expected, starting)
        frame = self.desk.announce(Notification.FINAL, order.encode(), now_ms)
        self._final, self._final_frame, self._correction = order, frame, None
        self._is_bus_whole = self._is_connected
        self._open_round(order)
        effects.append(Store(FinalRecord(self.desk.network, number, frame)))
        effects.append(self.desk.retain(Broadcast.FINAL, frame, now_ms))
        if waiting is not None:
            effects += self._openings.add(*waiting, frame)
        effects += self._openings.review(number, now_ms)
        return effects + self._remind(now_ms) + self._tend(now_ms)

    def _remind(self, now_ms: int) -> list[Effect]:
        """Whoever wants in needs list and rules, and who may write there can have erased them on the broker."""
        if not self.admission.was_asked:
            return []
        self.admission.was_asked = False
        return [self.desk.tell_revocations(now_ms), *self.rosters.remind(now_ms)]

    def _order(
        self,
        number: RoundNumber,
        void_from: RoundNumber,
        included: ClientSet,
        expected: set[ClientId],
        starting: list[Edge],
    ) -> RoundFinal:
        """What the FINAL of a round says."""
        at = self.rosters.current
        assert at is not None, "nobody is expected before there is a roster"
        return RoundFinal(
            self.desk.parameters.suite,
            number,
            view_of(self._final_frame) if self._final_frame else NO_VIEW,
            void_from,
            at.epoch,
            at.root,
            included,
            ClientSet.of(expected),
            tuple(edge.tunnel for edge in starting),
        )

    def _tend(self, now_ms: int) -> list[Effect]:
        """Between two rounds: let go who leaves, say so when many have, and open the tunnels that are wanted."""
        effects = self.admission.finish_exits(now_ms)
        effects += self.rosters.review(self._first_round(now_ms), now_ms)
        return effects + self._tunnels.maintain(now_ms)

    def _open_round(self, last: RoundFinal) -> None:
        assert self._final_frame is not None
        self.desk.expected = frozenset(last.expected)
        near = neighborhoods(self.desk.expected, self.desk.graph.in_state(EdgeState.STARTED))
        number = RoundNumber(last.round + 1)
        self._round = Round(number, view_of(self._final_frame), self.desk.suite, self.desk.parameters, near)

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


def _members(contents: StoreContents, trust: Trust) -> dict[ClientId, Member]:
    """The members that the store held, whose client identifiers have no gap."""
    members: dict[ClientId, Member] = {}
    for r in contents.members:
        assert r.client == len(members) + 1, "client identifiers are given one after the other"
        certificate = trust.authority.certificate(r.certificate)
        members[r.client] = Member(r.client, certificate, r.draw_root, r.state, r.epoch, r.exit_frame)
    return members
