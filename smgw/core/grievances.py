"""What the provider does to a gateway that it must not: kept as evidence, told to the owner, and answered.

Two signed orders that contradict each other are proof for anybody. That it left a gateway out which had sent may be an
accident of the network, so it is counted; after the third time in a day the gateway stays away for a while, so that
nobody learns from calling it missing at will. Source: docs/protocol.md, "Evidence".
"""

import random
from collections.abc import Iterable
from typing import Final, final

from common.identifiers import RoundNumber
from common.refusal import Refusal
from smgw.core.events import Effect, Evidence, Level, Notice, Offense, Sent, Store
from smgw.core.reports import ReportedError

DAY_MS: Final = 86_400_000
LEFT_OUT_MAX: Final = 3
"""When it is left out so often in a day although it sent, a gateway stays away."""

AWAY_ROUNDS_MAX: Final = 8
"""For at most so many rounds."""


@final
class Grievances:
    """The part of the member machine that remembers what the provider did."""

    def __init__(self, entropy: random.Random, left_out_ms: Iterable[int]) -> None:
        self._entropy: Final = entropy
        self._left_out_ms = list(left_out_ms)
        self._told: Final[set[tuple[RoundNumber, Offense]]] = set()
        self._away_until = RoundNumber(0)
        self.declared_missing = 0
        """How often, since the start, a FINAL left this gateway out although it had sent."""

    def keeps_away(self, round_: RoundNumber) -> bool:
        """Whether nothing is sent in this round."""
        return round_ < self._away_until

    def left_out(self, sent: Sent, final: bytes, now_ms: int, *, is_proof: bool) -> list[Effect]:
        """A FINAL is without this gateway, which has sent. It proves something only when both are of one chain."""
        self.declared_missing += 1
        self._left_out_ms = [at for at in self._left_out_ms if 0 <= now_ms - at < DAY_MS]
        self._left_out_ms.append(now_ms)
        times = len(self._left_out_ms)
        text = (
            f"The provider left this gateway out of round {sent.round} although it sent"
            f" ({times} times within a day, {self.declared_missing} times since the start)."
        )
        if times % LEFT_OUT_MAX == 0:
            rounds = self._entropy.randint(1, AWAY_ROUNDS_MAX)
            self._away_until = RoundNumber(sent.round + 1 + rounds)
            text += f" It stays away until round {self._away_until}."
        evidence = Evidence(now_ms, sent.round, Offense.LEFT_OUT, sent.frame, final)
        return [*([Store(evidence)] if is_proof else []), Notice(Level.WARNING, text)]

    def named_and_included(self, round_: RoundNumber, correction: bytes, final: bytes, now_ms: int) -> list[Effect]:
        """A correction has called somebody missing whom the FINAL of the round includes."""
        text = (
            f"The provider called members missing in round {round_} and then put them into its sum. This gateway gives"
            " no share for those whose masks it took off. Show the evidence to the gateway administrator (dcnet smgw"
            " evidence)."
        )
        return self._note(Evidence(now_ms, round_, Offense.NAMED_AND_INCLUDED, correction, final), text)

    def two_corrections(
        self, reason: Refusal, round_: RoundNumber, first: bytes, second: bytes, now_ms: int
    ) -> ReportedError:
        """Two lists of the missing in one round contradict each other; `first` is empty when it was not kept."""
        text = (
            f"The provider signed two lists of the missing in round {round_} that contradict each other."
            " This gateway goes by the first. Show the evidence to the gateway administrator (dcnet smgw evidence)."
        )
        evidence = Evidence(now_ms, round_, Offense.TWO_CORRECTIONS, first, second)
        return ReportedError(reason, Level.CRITICAL, text, self._keep(evidence))

    def two_finals(self, round_: RoundNumber, first: bytes, second: bytes, now_ms: int) -> ReportedError:
        """Two FINALs for one round; `first` is empty when it was not kept."""
        text = (
            f"The provider signed two different FINALs for round {round_}. This gateway goes by the first."
            " Show the evidence to the gateway administrator (dcnet smgw evidence)."
        )
        evidence = Evidence(now_ms, round_, Offense.TWO_FINALS, first, second)
        return ReportedError(Refusal.CONTRADICTION, Level.CRITICAL, text, self._keep(evidence))

    def _note(self, evidence: Evidence, text: str) -> list[Effect]:
        kept = self._keep(evidence)
        return [*kept, Notice(Level.CRITICAL, text)] if kept else []

    def _keep(self, evidence: Evidence) -> list[Effect]:
        """Once for each round and offense, and only with both frames: nobody shall fill the disk with it."""
        key = (evidence.round, evidence.offense)
        if not evidence.first or key in self._told:
            return []
        self._told.add(key)
        return [Store(evidence)]
