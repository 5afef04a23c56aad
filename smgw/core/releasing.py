"""Shares for the self-masks of others: given once a FINAL includes them, and never for whom the own frame unmasks.

A gateway that took the mask toward a neighbor off its frame gives no share for it, and one that gave a share never
takes that mask off any more: a correction of a closed round is refused. So nobody gets both. Source: Bonawitz et al.
2017, section 6.1; docs/protocol.md, "Release".
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final, final

from common.clients import ClientSet
from common.frames import Notification, SignedFrame
from common.identifiers import ClientId, RoundNumber
from common.payloads import Hold, Release, RoundFinal, view_of
from common.refusal import Refusal, RefusedError
from common.schedule import Schedule
from common.sealing import Bits
from smgw.core.closings import Closings
from smgw.core.events import ROUNDS_KEPT, Edge, Effect, Refuse, Sent
from smgw.core.grievances import Grievances
from smgw.core.rounds import Rounds
from smgw.core.situation import Situation

PENDING_ROUNDS: Final = ROUNDS_KEPT - 1
"""So many rounds back a share is still given."""


@final
class Releasing:
    """The part of the member machine that opens the self-masks of its neighbors."""

    def __init__(self, situation: Situation, rounds: Rounds, closings: Closings, grievances: Grievances) -> None:
        self._situation: Final = situation
        self._rounds: Final = rounds
        self._closings: Final = closings
        self._grievances: Final = grievances

    def hold(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """The provider says who counts on this gateway: they get their shares of the last round too.

        It may say so of whom it likes: a share tells nothing to whoever does not count on it.
        """
        known, clients = self._situation.final, Hold.decode(signed.frame.data).clients
        effects: list[Effect] = [*self._situation.hold(clients)]
        if not effects or known is None:
            return effects
        return effects + self.release(known.order, known.view, now_ms)

    def take_late(self, signed: SignedFrame, now_ms: int) -> list[Effect] | None:
        """A FINAL of a round that is not above the known one: it closes this round if none has, and opens others.

        Returns:
            What comes of it; None when it is none of these, and to be taken as the present one.

        Raises:
            RefusedError: it is too old, or continues another chain.
            ReportedError: CONTRADICTION, when the round was closed by another.
        """
        known, schedule = self._situation.final, self._situation.schedule
        order, view = RoundFinal.decode(signed.frame.data), view_of(signed.raw)
        self._require_one(order.round, view, signed.raw, now_ms)
        if known is None or schedule is None or order.round > known.round:
            return None
        if not self._situation.rules.suite.has_release:
            return None
        sent = self._rounds.sent(order.round)
        if sent is None and view == known.view:
            return []
        if sent is None or not 0 <= schedule.round_at(now_ms) - order.round <= PENDING_ROUNDS:
            raise RefusedError(Refusal.STALE)
        if order.suite != self._situation.rules.suite.code:
            raise RefusedError(Refusal.WRONG_SUITE)
        if order.view != sent.view:
            raise RefusedError(Refusal.WRONG_VIEW)
        effects = self._closings.close(order, view, signed.raw, now_ms)
        return effects + self.release(order, view, now_ms)

    def _require_one(self, round_: RoundNumber, view: bytes, raw: bytes, now_ms: int) -> None:
        """See that no other FINAL has closed the round."""
        closing, known = self._rounds.closing(round_), self._situation.final
        is_other = closing is not None and closing.view != view
        if known is not None and known.has_closed(round_) and known.view != view:
            raise self._grievances.two_finals(round_, known.frame, raw, now_ms)
        if is_other:
            raise self._grievances.two_finals(round_, b"", raw, now_ms)

    def release(self, order: RoundFinal, view: bytes, now_ms: int) -> list[Effect]:
        """The shares that this gateway holds for the included, once this FINAL has closed the round in its store."""
        situation, schedule = self._situation, self._situation.schedule
        sent, closing = self._rounds.sent(order.round), self._rounds.closing(order.round)
        if not situation.rules.suite.has_release or sent is None or schedule is None or situation.is_refusing:
            return []
        if closing is None or closing.view != view or not closing.is_included or order.view != sent.view:
            return []
        if not 0 <= schedule.round_at(now_ms) - order.round <= PENDING_ROUNDS:
            return [Refuse(Refusal.STALE, Notification.RELEASE)]
        if len(order.included) < situation.members_min:
            return [Refuse(Refusal.TOO_FEW_MEMBERS, Notification.RELEASE)]
        if self._rounds.is_forgotten(order.round):
            return [Refuse(Refusal.FORGOTTEN, Notification.RELEASE)]
        opened = self._opened(sent, order.included, schedule.day(order.round))
        shares = self._shares(sent, list(opened.values()), schedule)
        bits = Bits.of(peer in opened for peer in sent.neighbors)
        data = Release(situation.rules.suite.code, order.round, view, bits, shares).encode()
        lifetime_ms = max(schedule.start(RoundNumber(order.round + PENDING_ROUNDS + 1)) - now_ms, 0)
        return [situation.up(Notification.RELEASE, data, now_ms, lifetime_ms)]

    def _shares(self, sent: Sent, edges: Sequence[Edge], schedule: Schedule) -> tuple[int, ...]:
        """What this gateway held of these neighbors when it sent; drawn anew when it has forgotten since."""
        held = self._rounds.held.get(sent.round)
        if held is not None and all(edge.tunnel in held for edge in edges):
            return tuple(held[edge.tunnel] for edge in edges)
        context, day = self._situation.context(sent.round, sent.view), schedule.day(sent.round)
        seeds = {edge.peer: edge.seed.on(day) for edge in edges}
        return tuple(pad.held for pad in self._situation.rules.suite.pads(seeds, context))

    def _opened(self, sent: Sent, included: ClientSet, day: int) -> dict[ClientId, Edge]:
        """The edges to those who count on this gateway, are in the sum, and are masked toward in its last frame.

        A clock that was ahead and is set back may have ratcheted the seeds beyond the round's day: they give nothing.
        """
        known, there = map(self._situation.edges.get, sent.tunnels), included - sent.missing
        edges = [edge for edge in known if edge is not None and edge.holds and edge.seed.day <= day]
        return {edge.peer: edge for edge in sorted(edges, key=attrgetter("peer")) if edge.peer in there}
