"""By which FINAL a round is closed, and what that shows of the provider.

Source: docs/protocol.md, "FINAL", "Release", "Evidence".
"""

from typing import Final, final

from common.payloads import RoundFinal
from smgw.core.events import Closed, Effect, Sent
from smgw.core.grievances import Grievances
from smgw.core.rounds import Rounds
from smgw.core.situation import Situation


@final
class Closings:
    """The part of the member machine that closes rounds, whenever their FINALs come."""

    def __init__(self, situation: Situation, rounds: Rounds, grievances: Grievances) -> None:
        self._situation: Final = situation
        self._rounds: Final = rounds
        self._grievances: Final = grievances

    def close(self, order: RoundFinal, view: bytes, frame: bytes, now_ms: int) -> list[Effect]:
        """Close the round of this FINAL, and those that it calls void, where the gateway sent and none has done so."""
        effects: list[Effect] = []
        has_release = self._situation.rules.suite.has_release
        for sent in self._rounds.open_between(order.void_from, order.round):
            is_included = sent.round == order.round and self._situation.client in order.included
            effects += self._rounds.close(Closed(sent.round, is_included, view), has_release=has_release)
            if sent.round == order.round:
                effects += self._judge(sent, order, frame, now_ms)
        return effects

    def _judge(self, sent: Sent, order: RoundFinal, frame: bytes, now_ms: int) -> list[Effect]:
        effects: list[Effect] = []
        is_one_chain, heard = order.view == sent.view, self._rounds.heard.get(sent.round)
        if heard is not None and heard.order.view == order.view and heard.order.missing & order.included:
            effects += self._grievances.named_and_included(sent.round, heard.frame, frame, now_ms)
        if order.included and self._situation.client not in order.included:
            effects += self._grievances.left_out(sent, frame, now_ms, is_proof=is_one_chain)
        return effects
