"""CLOCK: whatever a gateway's own clock says, it is told the provider's time."""

import pytest

from common.frames import Notification
from common.payloads import ClockAnswer
from tests.provider.core.bench import operating
from tests.provider.core.builders import START, everybody, message, ordered, refusals

DAY_MS = 86_400_000


@pytest.mark.parametrize("off_ms", [0, 42_000, -42_000, DAY_MS, -DAY_MS])
def test_a_question_is_answered_with_its_own_time_and_now(off_ms: int) -> None:
    bench = operating(everybody(7))
    asked = message(3, Notification.CLOCK, at_ms=START + off_ms)
    answer = ordered(3, Notification.CLOCK, ClockAnswer(START + off_ms).encode(), START)
    assert bench.receive(asked) == [answer]


def test_a_clock_that_was_set_back_may_ask_again() -> None:
    bench = operating(everybody(7))
    bench.receive(message(3, Notification.CLOCK, at_ms=START + 100_000))
    assert refusals(bench.receive(message(3, Notification.CLOCK, at_ms=START))) == []


def test_only_members_are_answered() -> None:
    bench = operating(everybody(7))
    said = message(3, Notification.CLOCK, by=None), message(8, Notification.CLOCK)
    assert refusals(bench.receive(*said)) == ["UNKNOWN_CLIENT"]
