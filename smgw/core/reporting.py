"""One reading per round: the local superposition, its correction, and the rule that a mask is never used twice.

Source: thesis section 3.3.2 (normal operation, connection loss); docs/protocol.md, "Rounds" and "Correction".
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, final

from common import topics
from common.clients import ClientSet
from common.frames import Notification, SignedFrame, decode
from common.identifiers import RoundNumber, TunnelId
from common.payloads import Correction, Superposition
from common.refusal import Refusal, RefusedError
from common.schedule import Schedule
from common.suites import EdgePad
from common.superposition import ZERO, vector
from smgw.core.events import Edge, Effect, Level, Notice, Publish, Refuse, Sent, TakeReading
from smgw.core.grievances import Grievances
from smgw.core.quorum import DrawnMasks, Holders
from smgw.core.reading import Reading, ReadingStatus
from smgw.core.rounds import Heard, Rounds
from smgw.core.situation import KnownFinal, Situation

FEW_ROUNDS: Final = 3
"""After so many rounds in a row with too few members the owner is told: after a start it takes some to gather them."""


@final
class Reporting:
    """The part of the member machine that sends readings."""

    def __init__(
        self, situation: Situation, rounds: Rounds, grievances: Grievances, metered_until_ms: int, now_ms: int
    ) -> None:
        """Energy up to `metered_until_ms` was reported before, in whichever network."""
        self._situation: Final = situation
        self._rounds: Final = rounds
        self._grievances: Final = grievances
        self._drawn_masks: Final = DrawnMasks(situation)
        self._metered_until_ms = metered_until_ms
        self._started_ms: Final = now_ms
        self._earliest_ms = now_ms
        self._round: RoundNumber | None = None
        self._decided: RoundNumber | None = None
        self._reading: Reading | None = None
        self._few_rounds = 0
        sent = rounds.last
        if sent is not None and decode(sent.frame).frame.client != situation.client:
            self.move()  # it was sent from another place in this network

    @property
    def _sent(self) -> Sent | None:
        return self._rounds.last

    def deadline(self) -> int | None:
        """When `tick` wants to be called next."""
        schedule = self._situation.schedule
        if schedule is None or self._situation.membership is None:
            return None
        if self._round is None:
            return 0
        if self._decided == self._round:
            return schedule.start(RoundNumber(self._round + 1))
        if self._reading is None or self._is_final_awaited(self._round):
            return schedule.start(self._round) + schedule.window_ms
        return schedule.send_at(self._round, self._situation.identity.public_key)

    def tick(self, now_ms: int) -> list[Effect]:
        """Begin the round that the clock shows, and send when it is time."""
        schedule = self._situation.schedule
        if schedule is None or self._situation.membership is None:
            return []
        effects: list[Effect] = []
        self._earliest_ms = min(self._earliest_ms, now_ms)
        current = schedule.round_at(now_ms)
        if current != self._round:
            self._round, self._reading = current, None
            previous = RoundNumber(current - 1)
            effects.append(TakeReading(current, schedule.start(previous), schedule.start(current)))
        if self._decided != current and now_ms >= schedule.send_at(current, self._situation.identity.public_key):
            effects += self._send_if_ready(current, schedule, now_ms)
        return effects

    def take(self, reading: Reading, now_ms: int) -> list[Effect]:
        """The meter has answered."""
        if reading.round == self._round:
            self._reading = reading
        return self.tick(now_ms)

    def repeat(self, now_ms: int) -> list[Effect]:
        """The bus is back: what was sent in a round that still awaits it is sent again, byte for byte."""
        schedule, sent = self._situation.schedule, self._sent
        if (
            schedule is None
            or sent is None
            or self._rounds.is_closed(sent.round)
            or schedule.round_at(now_ms) != sent.round
        ):
            return []
        if now_ms >= self._awaited_until(sent, schedule) or self._is_overtaken(sent):
            return []
        if self._situation.is_clock_wrong:  # nobody knows whether the deadline is past
            return []
        return [self._publish(sent, schedule)]

    def _is_overtaken(self, sent: Sent) -> bool:
        """Whether a correction has named this gateway, or a neighbor whose mask the last frame still carries."""
        heard = self._rounds.heard.get(sent.round)
        if heard is None:
            return False
        order = heard.order
        peers = {edge.peer for tunnel in sent.tunnels if (edge := self._situation.edges.get(tunnel))}
        return self._situation.client in order.missing or any(peer in order.missing for peer in peers)

    def move(self) -> None:
        """Another membership begins, with seeds of its own, or none. What was reported stays reported."""
        self._drawn_masks.forget()
        self._rounds.forget()
        self._round = self._decided = self._reading = None
        self._few_rounds = 0

    def correct(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """Answer notification 4: the same reading without the masks toward the missing. Nothing to do if it sent none.

        Raises:
            RefusedError: the order is not for a round that this gateway is in, or would leave it too few masks.
        """
        order, sent = Correction.decode(signed.frame.data), self._sent
        if sent is None or order.round > sent.round:
            return self._stay_silent(order)
        if order.round != sent.round:
            raise RefusedError(Refusal.WRONG_ROUND)
        if self._rounds.is_closed(sent.round):
            raise RefusedError(Refusal.ROUND_CLOSED)
        if order.suite != self._situation.rules.suite.code:
            raise RefusedError(Refusal.WRONG_SUITE)
        if order.view != sent.view:
            raise RefusedError(Refusal.WRONG_VIEW)
        self._require_consistent(order, sent, signed.raw, now_ms)
        self._rounds.heard[sent.round] = Heard(order, signed.raw)
        if self._situation.client in order.missing:
            raise RefusedError(Refusal.NAMES_ITSELF)
        return self._resend(order, sent, now_ms)

    def _stay_silent(self, order: Correction) -> list[Effect]:
        """A correction of a round in which this gateway has not sent yet: whatever it sent now would come late.

        A late frame, with the answers of its neighbors to this very order, would tell the reading.
        """
        known = self._situation.final
        is_next = known is not None and (order.round, order.view) == (known.round + 1, known.view)
        if not is_next or not self._situation.is_expected or self._decided == order.round:
            return []
        self._decided = order.round
        return self._refuse_round(order.round, Refusal.LATE)

    def _require_consistent(self, order: Correction, sent: Sent, frame: bytes, now_ms: int) -> None:
        heard = self._rounds.heard.get(sent.round)
        known = heard.order if heard is not None else None
        missing, attempt = (known.missing, known.attempt) if known else (sent.missing, sent.attempt)
        reason = None
        if order.attempt == attempt and order.missing != missing:
            reason = Refusal.CONTRADICTION
        elif order.attempt == attempt and known:
            reason = Refusal.REPEATED
        elif order.attempt < attempt:
            reason = Refusal.STALE if order.missing <= missing else Refusal.LIST_SHRINKS
        elif not missing <= order.missing:
            reason = Refusal.LIST_SHRINKS
        if reason in (Refusal.CONTRADICTION, Refusal.LIST_SHRINKS):
            first = heard.frame if heard is not None else b""
            raise self._grievances.two_corrections(reason, sent.round, first, frame, now_ms)
        if reason is not None:
            raise RefusedError(reason)

    def _resend(self, order: Correction, sent: Sent, now_ms: int) -> list[Effect]:
        situation, schedule, known = self._situation, self._situation.schedule, self._situation.final
        edges = [situation.edges[tunnel] for tunnel in sent.tunnels if tunnel in situation.edges]
        dropped = [edge for edge in edges if edge.peer in order.missing]
        kept = tuple(edge.tunnel for edge in edges if edge.peer not in order.missing)
        if not dropped:
            return []
        if len(edges) != len(sent.tunnels):
            raise RefusedError(Refusal.WRONG_MASKS)
        if len(kept) < situation.masks_min:
            raise RefusedError(Refusal.TOO_FEW_MASKS)
        body = Superposition.decode(decode(sent.frame).frame.data).body
        if not self._is_covered_by(sent, body, [situation.edges[tunnel] for tunnel in kept]):
            raise RefusedError(Refusal.TOO_FEW_DRAWN)
        if schedule is None or known is None or known.view != sent.view:
            raise RefusedError(Refusal.WRONG_VIEW)
        changed = replace(sent, attempt=order.attempt, tunnels=kept, missing=sent.missing | order.missing)
        if situation.is_clock_wrong:
            raise RefusedError(Refusal.CLOCK_WRONG)
        if situation.rules.suite.has_release and self._rounds.is_forgotten(sent.round):
            raise RefusedError(Refusal.FORGOTTEN)
        if now_ms >= self._awaited_until(changed, schedule):
            raise RefusedError(Refusal.LATE)
        if len(known.expected - order.missing) < situation.members_min:
            raise RefusedError(Refusal.TOO_FEW_MEMBERS)
        masks = [pad.mask for pad in self._pads(dropped, sent.round, sent.view, schedule).values()]
        corrected = situation.rules.suite.correct(body, order.attempt, kept, masks)
        return self._emit(changed, corrected, schedule, now_ms)

    def _is_covered_by(self, sent: Sent, body: bytes, kept: Sequence[Edge]) -> bool:
        """Whether enough of the drawn neighbors stay under a corrected frame: of those who can open its self-mask."""
        sealing = self._situation.rules.suite.read(body).sealing
        if sealing is None:
            return self._drawn_masks.holders(sent.round, kept) is not None
        holders = sealing.holders.among(sent.neighbors)
        return sum(edge.peer in holders for edge in kept) >= sealing.needed

    def _send_if_ready(self, round_: RoundNumber, schedule: Schedule, now_ms: int) -> list[Effect]:
        if self._sent is not None and self._sent.round == round_:
            self._decided = round_
            return []
        is_last_call = now_ms >= schedule.start(round_) + schedule.window_ms
        if self._is_final_awaited(round_):
            if not is_last_call:
                return []
            self._decided = round_
            is_in = any(edge.is_started for edge in self._situation.edges.values())
            return self._refuse_round(round_, Refusal.NO_FINAL) if is_in else []
        if self._reading is None and not is_last_call:
            return []
        self._decided = round_
        few = self._note_few()
        if not self._situation.is_expected or self._is_closed_by_final(round_):
            return few
        if self._grievances.keeps_away(round_):
            return few + self._refuse_round(round_, Refusal.STAYS_AWAY)
        reading = self._reading or Reading(round_, 0, 0, ReadingStatus.BOUNDARY_MISSING)
        return self._send(reading, schedule, now_ms)

    def _note_few(self) -> list[Effect]:
        """Tell the owner, once, that nothing is sent because the network expects too few members, or none at all."""
        known, members_min = self._situation.final, self._situation.members_min
        is_few = known is not None and len(known.expected) < members_min
        self._few_rounds = self._few_rounds + 1 if is_few else 0
        if known is None or self._few_rounds != FEW_ROUNDS:
            return []
        text = (
            f"For {FEW_ROUNDS} rounds the network has expected {len(known.expected)} members, and this gateway sends"
            f" with {members_min} at least. It sends as soon as there are enough."
        )
        return [Notice(Level.INFO, text)]

    def _send(self, reading: Reading, schedule: Schedule, now_ms: int) -> list[Effect]:
        situation, known = self._situation, self._situation.final
        assert known is not None
        edges = list(situation.started_edges(known.expected).values())
        tunnels, neighbors = tuple(edge.tunnel for edge in edges), tuple(edge.peer for edge in edges)
        draft = Sent(reading.round, known.view, reading, 0, tunnels, ClientSet(), b"", neighbors)
        reason = self._objection(reading.round, known, edges, schedule)
        holders = self._drawn_masks.holders(reading.round, edges)
        if reason is None and holders is None:
            reason = Refusal.TOO_FEW_DRAWN
        if reason is None and now_ms >= self._awaited_until(draft, schedule):
            reason = Refusal.LATE
        if reason is not None or holders is None:
            return self._refuse_round(reading.round, reason or Refusal.TOO_FEW_DRAWN)
        body = self._conceal(reading, edges, holders, schedule)
        effects = self._emit(draft, body, schedule, now_ms)
        if not reading.is_valid:
            text = f"No valid reading for round {reading.round} ({reading.status.value}); the zero vector was sent."
            effects.append(Notice(Level.WARNING, text))
        return effects

    def _objection(
        self, round_: RoundNumber, known: KnownFinal, edges: Sequence[Edge], schedule: Schedule
    ) -> Refusal | None:
        if schedule.start(RoundNumber(round_ - 1)) < self._metered_until_ms:
            return Refusal.ROUND_NOT_NEW
        day = schedule.day(round_)
        if any(edge.seed.day > day for edge in edges):
            return Refusal.ROUND_NOT_NEW
        if self._situation.is_clock_wrong:
            return Refusal.CLOCK_WRONG
        if self._may_have_sent_before(round_, schedule):
            return Refusal.STARTED_WITHIN_ROUND
        if len(known.expected) < self._situation.members_min:
            return Refusal.TOO_FEW_MEMBERS
        return Refusal.TOO_FEW_MASKS if len(edges) < self._situation.masks_min else None

    def _conceal(self, reading: Reading, edges: Sequence[Edge], holders: Holders, schedule: Schedule) -> bytes:
        situation, suite = self._situation, self._situation.rules.suite
        assert situation.final is not None
        lanes = vector(reading.import_dwh, reading.export_dwh) if reading.is_valid else ZERO
        pads = self._pads(edges, reading.round, situation.final.view, schedule)
        self._rounds.held[reading.round] = {tunnel: pad.held for tunnel, pad in pads.items()}
        lent = {edge.peer: pads[edge.tunnel].lent if edge.peer in holders.clients else None for edge in edges}
        cover = suite.cover(situation.context(reading.round, situation.final.view), lent, holders.needed)
        return suite.conceal(lanes, {tunnel: pad.mask for tunnel, pad in pads.items()}, cover)

    def _may_have_sent_before(self, round_: RoundNumber, schedule: Schedule) -> bool:
        """Whether an earlier life, of which a restored vault knows nothing, may have sent in this round.

        A clock that was ahead at the start and then set back counts as a start at that moment: otherwise the gateway
        would be silent until the clock is there again.
        """
        return round_ <= schedule.round_at(self._earliest_ms) or round_ == schedule.round_at(self._started_ms)

    def _pads(
        self, edges: Sequence[Edge], round_: RoundNumber, view: bytes, schedule: Schedule
    ) -> dict[TunnelId, EdgePad]:
        day, context, suite = schedule.day(round_), self._situation.context(round_, view), self._situation.rules.suite
        pads = suite.pads({edge.peer: edge.seed.on(day) for edge in edges}, context)
        return {edge.tunnel: pad for edge, pad in zip(edges, pads, strict=True)}

    def _emit(self, draft: Sent, body: bytes, schedule: Schedule, now_ms: int) -> list[Effect]:
        situation = self._situation
        data = Superposition(situation.rules.suite.code, draft.round, draft.view, body).encode()
        sent = replace(draft, frame=situation.up(Notification.SUPERPOSITION, data, now_ms).payload)
        self._metered_until_ms = max(self._metered_until_ms, schedule.start(sent.round))
        return [self._rounds.keep(sent), self._publish(sent, schedule)]

    def _publish(self, sent: Sent, schedule: Schedule) -> Publish:
        membership = self._situation.membership
        assert membership is not None
        expires_ms = self._awaited_until(sent, schedule)
        return Publish(topics.up(membership.network, self._situation.rules.name), sent.frame, expires_ms)

    def _awaited_until(self, sent: Sent, schedule: Schedule) -> int:
        """When the provider calls the sender missing, and its neighbors take their masks off.

        From then on the frame never leaves: beside the corrected frames of the neighbors it would show the reading.
        """
        return schedule.deadline(sent.round, min(sent.attempt, schedule.attempts_max))

    def _refuse_round(self, round_: RoundNumber, reason: Refusal) -> list[Effect]:
        text = f"The reading of round {round_} was not sent: {reason.sentence}."
        return [Refuse(reason, Notification.SUPERPOSITION), Notice(Level.TEMPORARY, text)]

    def _is_final_awaited(self, round_: RoundNumber) -> bool:
        return self._situation.final is None or self._situation.final.round < round_ - 1

    def _is_closed_by_final(self, round_: RoundNumber) -> bool:
        return self._situation.final is not None and self._situation.final.round >= round_
