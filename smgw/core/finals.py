"""Which FINAL a gateway goes by, and what grows old with each of them.

Source: docs/protocol.md, "FINAL", "Masks".
"""

from dataclasses import replace
from typing import Final, final

from common.frames import SignedFrame
from common.identifiers import RoundNumber
from common.payloads import RoundFinal, view_of
from common.refusal import Refusal, RefusedError
from common.schedule import Schedule
from smgw.core.events import Effect
from smgw.core.rosters import Rosters
from smgw.core.situation import KnownFinal, Situation

RATCHET_ROUNDS: Final = 8
"""The key of the day before is erased so many rounds into the new day."""

STANDING_ROUNDS: Final = 96
STANDING_MS: Final = 600_000
"""An edge that stands longer than both without being started is given up. The provider gives it up after half of that,
so that no FINAL starts what one end has forgotten; and long enough that the edges of a whole network, renewed one by
one, stand together once."""


@final
class Finals:
    """The part of the member machine that accepts FINALs."""

    def __init__(self, situation: Situation, rosters: Rosters) -> None:
        self._situation: Final = situation
        self._rosters: Final = rosters
        self._early: SignedFrame | None = None

    def forget(self) -> None:
        """Another membership begins."""
        self._early = None

    def early(self) -> SignedFrame | None:
        """The FINAL that came before the network's rules did, once."""
        early, self._early = self._early, None
        return early

    def take(self, signed: SignedFrame, now_ms: int) -> RoundFinal | None:
        """Go by this FINAL from now on; None when it is the one that is known, or waits for the network's rules.

        Raises:
            RefusedError: it is not the next one, or rests on another roster.
        """
        schedule = self._situation.schedule
        if schedule is None:
            self._early = signed
            return None
        order = RoundFinal.decode(signed.frame.data)
        view = view_of(signed.raw)
        if self._situation.final is not None and view == self._situation.final.view:
            return None
        self._require_next(order, schedule.round_at(now_ms))
        self._rosters.require_final(order, now_ms, schedule.period_ms)
        self._situation.final = KnownFinal(order, view, signed.raw)
        return order

    def _require_next(self, order: RoundFinal, current: RoundNumber) -> None:
        known = self._situation.final
        if order.suite != self._situation.rules.suite.code:
            raise RefusedError(Refusal.WRONG_SUITE)
        if known is not None and order.round == known.round:
            raise RefusedError(Refusal.CONTRADICTION)
        if order.round < current - 1 or (known is not None and order.round < known.round):
            raise RefusedError(Refusal.STALE)
        if order.round > current:
            raise RefusedError(Refusal.FUTURE)

    def age(self, round_: RoundNumber, schedule: Schedule, now_ms: int) -> list[Effect]:
        """Ratchet seeds whose day is over, and forget edges that stood long enough without being started."""
        day = schedule.day(RoundNumber(max(round_ - RATCHET_ROUNDS, 0)))
        stood_before_ms = now_ms - max(STANDING_ROUNDS * schedule.period_ms, STANDING_MS)
        effects: list[Effect] = []
        for edge in list(self._situation.edges.values()):
            if not edge.is_started and edge.stood_ms < stood_before_ms:
                effects += self._situation.erase(edge.tunnel)
            elif edge.seed.day < day:
                effects.append(self._situation.keep(replace(edge, seed=edge.seed.on(day))))
        return effects
