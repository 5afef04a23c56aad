"""The cross-check of the gateway's clock against the provider's signed time.

Time comes from NTP or the administrator, never from the provider: the check only says when something is wrong, and
then no reading leaves. The clock is never adjusted here. Source: BSI TR-03109-1 (calibration log); docs/protocol.md,
"Clocks".
"""

import random
from typing import Final, final

from common.frames import Notification, SignedFrame
from common.payloads import ClockAnswer
from common.refusal import Refusal, RefusedError
from smgw.core.events import Calibration, Effect, Level, LogLevel, Notice, Outcome, Store
from smgw.core.situation import Situation

ASK_MS: Final = 60_000
"""Questions are at least this far apart in ordinary times, and an answer is awaited so long."""

DOUBT_MS: Final = 10_000
"""When an order makes the clock doubtful, questions are at least this far apart."""

TOLERANCE_MS: Final = 1_000
"""Allowed while the period of the network is not known."""


@final
class CrossCheck:
    """The part of the member machine that compares clocks."""

    def __init__(self, situation: Situation, entropy: random.Random) -> None:
        self._situation: Final = situation
        self._entropy: Final = entropy
        self._next_ms: int | None = None
        self._asked_ms: int | None = None
        self._is_answered = True

    @property
    def _tolerance_ms(self) -> int:
        schedule = self._situation.schedule
        return schedule.future_ms if schedule else TOLERANCE_MS

    def connected(self, now_ms: int) -> None:
        """The bus is there: ask as soon as the network's rules are known."""
        self._next_ms = now_ms

    def disconnected(self) -> None:
        """The bus is gone, and with it the answer."""
        self._next_ms = None
        self._is_answered = True

    def deadline(self) -> int | None:
        """When `tick` wants to be called next."""
        return self._next_ms if self._situation.membership and self._situation.schedule else None

    def tick(self, now_ms: int) -> list[Effect]:
        """Ask the provider for its time when it is time to."""
        situation, schedule = self._situation, self._situation.schedule
        if self._next_ms is None or situation.membership is None or schedule is None:
            return []
        interval_ms = max(schedule.period_ms, ASK_MS)
        self._next_ms = min(self._next_ms, now_ms + 2 * interval_ms)
        if now_ms < self._next_ms:
            return []
        if now_ms == self._asked_ms:  # two frames of one kind must not carry the same time
            self._next_ms = now_ms + 1
            return []
        self._asked_ms, self._is_answered = now_ms, False
        spread_ms = int(self._entropy.random() * interval_ms)
        self._next_ms = now_ms + max(interval_ms // 2 + spread_ms, ASK_MS)
        return [situation.up(Notification.CLOCK, b"", now_ms, ASK_MS)]

    def doubt(self, signed_ms: int, now_ms: int) -> None:
        """Look at the time in an order that the provider signed: from the future there are none."""
        if self._next_ms is None or signed_ms <= now_ms + self._tolerance_ms:
            return
        if not self._is_answered and self._asked_ms is not None and 0 <= now_ms - self._asked_ms < ASK_MS:
            return
        earliest_ms = now_ms if self._asked_ms is None else min(self._asked_ms, now_ms) + DOUBT_MS
        self._next_ms = min(self._next_ms, max(now_ms, earliest_ms))

    def answer(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """The provider has said what time it has.

        Raises:
            RefusedError: UNEXPECTED, when it answers no question.
        """
        said = ClockAnswer.decode(signed.frame.data)
        is_asked = not self._is_answered and said.asked_ms == self._asked_ms
        if not is_asked or now_ms < said.asked_ms or signed.frame.client != self._situation.client:
            raise RefusedError(Refusal.UNEXPECTED)
        self._is_answered = True
        theirs_ms, was_wrong = signed.frame.timestamp_ms, self._situation.is_clock_wrong
        ahead_ms, behind_ms = said.asked_ms - theirs_ms, theirs_ms - now_ms
        self._situation.is_clock_wrong = is_wrong = max(ahead_ms, behind_ms) > self._tolerance_ms
        if is_wrong and self._next_ms is not None:
            self._next_ms = min(self._next_ms, said.asked_ms + ASK_MS)
        if is_wrong and not was_wrong:
            off = f"{_seconds(ahead_ms)} ahead of" if ahead_ms > behind_ms else f"{_seconds(behind_ms)} behind"
            return _wrong(off, now_ms)
        return _right(now_ms) if was_wrong and not is_wrong else []

    def stepped(self, by_ms: int, now_ms: int) -> list[Effect]:
        """The wall clock was set: say so, and compare it anew."""
        if abs(by_ms) <= self._tolerance_ms:
            return []
        self._is_answered = True  # what was asked before bears a time of the old clock
        if self._next_ms is not None:
            self._next_ms = now_ms
        text = f"The clock of this gateway was set {'forward' if by_ms > 0 else 'back'} by {_seconds(abs(by_ms))}."
        return [
            Store(Calibration(now_ms, LogLevel.WARNING, text, Outcome.FAILURE)),
            Notice(Level.WARNING, f"{text} It is compared with the provider's signed time."),
        ]


def _seconds(span_ms: int) -> str:
    return f"{round(span_ms / 1000)} s"


def _wrong(off: str, now_ms: int) -> list[Effect]:
    text = f"The clock of this gateway is {off} the provider's signed time; nothing is sent."
    return [
        Store(Calibration(now_ms, LogLevel.ERROR, text, Outcome.FAILURE)),
        Notice(Level.CRITICAL, f"{text} Look at chrony (chronyc tracking)."),
    ]


def _right(now_ms: int) -> list[Effect]:
    text = "The clock of this gateway agrees with the provider's signed time again."
    return [
        Store(Calibration(now_ms, LogLevel.INFO, text, Outcome.SUCCESS)),
        Notice(Level.INFO, f"{text} Readings are sent."),
    ]
