"""The cross-check of the clock: what is asked, what is found, and that no reading leaves while it is wrong."""

from dataclasses import replace
from itertools import pairwise

import pytest

from common.frames import Notification
from common.payloads import ClockAnswer
from common.refusal import Refusal
from common.schedule import Schedule
from common.topics import Broadcast
from smgw.core.events import (
    Calibration,
    ClockStepped,
    Connected,
    Disconnected,
    Effect,
    Level,
    LogLevel,
    Notice,
    Outcome,
    Publish,
    ReadingTaken,
    Received,
    Refuse,
    Store,
    VaultContents,
)
from tests.smgw.core.builders import (
    SEND_AT,
    START,
    Bench,
    announced,
    announcement,
    contents,
    correction,
    final,
    not_sent,
    order,
    published,
    refusals,
    roster,
    said,
    valid,
    view,
)
from tests.smgw.core.rosters import PARAMETERS, ROUND, SCHEDULE, root, roster_of

TOLERANCE_MS = 9_000
"""1 % of a quarter of an hour."""

BEFORE = START - 60_000


def asking(at_ms: int) -> Publish:
    return said(Notification.CLOCK, b"", at_ms)


def answered(asked_ms: int, theirs_ms: int) -> Received:
    return order(Notification.CLOCK, ClockAnswer(asked_ms).encode(), at_ms=theirs_ms)


def connected(at_ms: int = BEFORE) -> tuple[Bench, list[Effect]]:
    """A member that has just connected and got the rules; and what it said."""
    bench = Bench(now_ms=at_ms, asks_time=True)
    return bench, bench.handle(Connected(), roster())


def wrong(off: str, at_ms: int) -> list[Effect]:
    text = f"The clock of this gateway is {off} the provider's signed time; nothing is sent."
    return [
        Store(Calibration(at_ms, LogLevel.ERROR, text, Outcome.FAILURE)),
        Notice(Level.CRITICAL, f"{text} Look at chrony (chronyc tracking)."),
    ]


def right(at_ms: int) -> list[Effect]:
    text = "The clock of this gateway agrees with the provider's signed time again."
    return [
        Store(Calibration(at_ms, LogLevel.INFO, text, Outcome.SUCCESS)),
        Notice(Level.INFO, f"{text} Readings are sent."),
    ]


def test_a_member_asks_as_soon_as_it_knows_the_rules() -> None:
    bench, effects = connected()
    assert asking(BEFORE) in effects
    assert Notification.CLOCK not in published(Bench(asks_time=True).handle(Connected()))
    stranger = Bench(VaultContents(), asks_time=True)
    assert Notification.CLOCK not in published(stranger.handle(Connected()) + stranger.run(START))
    assert bench.handle(answered(BEFORE, BEFORE)) == []


def test_it_asks_once_in_a_period_at_moments_of_its_own() -> None:
    bench, _ = connected()
    times = list[int]()
    while len(times) < 20:
        for effect in bench.tick(max(bench.member.deadline or 0, bench.now_ms)):
            if published([effect]) == [Notification.CLOCK]:
                times.append(bench.now_ms)
                bench.handle(answered(bench.now_ms, bench.now_ms))
    distances = [later - earlier for earlier, later in pairwise(times)]
    assert all(SCHEDULE.period_ms // 2 <= distance < 2 * SCHEDULE.period_ms for distance in distances)
    assert len(set(distances)) > 10


def test_in_a_network_of_short_periods_it_asks_once_a_minute() -> None:
    short = replace(PARAMETERS, schedule=Schedule(10_000, 2_000, 1_000, 1_000, 3))
    bench = Bench(replace(contents(), rosters=()), now_ms=BEFORE, asks_time=True)
    effects = bench.handle(Connected(), announced(roster_of(root(), parameters=short))) + bench.run(BEFORE + 300_000)
    assert 3 <= published(effects).count(Notification.CLOCK) <= 6


@pytest.mark.parametrize("off_ms", [-TOLERANCE_MS, 0, 400, 700 + TOLERANCE_MS])
def test_within_the_tolerance_and_the_time_that_the_answer_took_the_clock_is_right(off_ms: int) -> None:
    bench, _ = connected()
    bench.now_ms = BEFORE + 700
    assert bench.handle(answered(BEFORE, BEFORE + off_ms)) == []
    assert not bench.member.situation.is_clock_wrong


@pytest.mark.parametrize(
    ("off_ms", "off"),
    [(-TOLERANCE_MS - 1, "9 s ahead of"), (700 + TOLERANCE_MS + 1, "9 s behind"), (42_700, "42 s behind")],
)
def test_beyond_the_tolerance_the_owner_is_told_and_the_calibration_log_says_so(off_ms: int, off: str) -> None:
    bench, _ = connected()
    bench.now_ms = BEFORE + 700
    effects = bench.handle(answered(BEFORE, BEFORE + off_ms))
    assert [effect for effect in effects if not isinstance(effect, Publish)] == wrong(off, BEFORE + 700)


def wrong_since(at_ms: int = BEFORE) -> Bench:
    """A member, expected in `ROUND`, whose clock was found wrong."""
    bench, _ = connected(at_ms)
    bench.handle(final(at_ms=at_ms))
    bench.handle(answered(at_ms, at_ms + 30_000))
    return bench


def ask_again(bench: Bench) -> int:
    """Let time pass until it asks again."""
    while Notification.CLOCK not in published(bench.tick(max(bench.member.deadline or 0, bench.now_ms))):
        assert bench.now_ms < START + SCHEDULE.period_ms
    return bench.now_ms


def test_while_the_clock_is_wrong_no_reading_leaves() -> None:
    bench = wrong_since()
    bench.tick(START)
    bench.handle(ReadingTaken(valid()))
    assert [e for e in bench.tick(SEND_AT) if not isinstance(e, Publish)] == not_sent("CLOCK_WRONG")
    assert Notification.SUPERPOSITION not in published(bench.run(START + SCHEDULE.period_ms - 1))


def test_while_the_clock_is_wrong_it_asks_every_minute_and_says_nothing_twice() -> None:
    bench = wrong_since()
    first = ask_again(bench)
    assert first == BEFORE + 60_000
    assert bench.handle(answered(first, first + 30_000)) == []


def test_an_answer_that_is_right_again_lets_readings_go_and_is_recorded() -> None:
    bench = wrong_since()
    bench.tick(START - 100)
    asked_ms = ask_again(bench)
    assert bench.handle(answered(asked_ms, asked_ms)) == right(bench.now_ms)
    bench.tick(START)
    bench.handle(ReadingTaken(valid()))
    assert Notification.SUPERPOSITION in published(bench.tick(SEND_AT))


def test_while_the_clock_is_wrong_neither_a_correction_nor_a_new_connection_brings_a_frame() -> None:
    bench, _ = connected()
    bench.handle(answered(BEFORE, BEFORE), final(at_ms=BEFORE))
    bench.tick(START)
    bench.handle(ReadingTaken(valid()))
    assert Notification.SUPERPOSITION in published(bench.tick(SEND_AT))
    bench.handle(Disconnected(), Connected())
    asked_ms = bench.now_ms
    bench.handle(answered(asked_ms, asked_ms + 30_000))
    assert Notification.SUPERPOSITION not in published(bench.handle(Disconnected(), Connected()))
    missing = correction(5, of_view=view(final(at_ms=BEFORE)))
    assert refusals(bench.handle(missing, at_ms=SCHEDULE.deadline(ROUND, 0))) == ["CLOCK_WRONG"]


@pytest.mark.parametrize(
    "asked_ms", [BEFORE - 1, BEFORE + 1, 0, 2**63], ids=["earlier", "later", "never", "far from now"]
)
def test_an_answer_to_no_question_is_refused(asked_ms: int) -> None:
    bench, _ = connected()
    assert bench.handle(answered(asked_ms, BEFORE)) == [Refuse(Refusal.UNEXPECTED, Notification.CLOCK)]


def test_an_answer_counts_once_and_to_nobody_else() -> None:
    bench, _ = connected()
    elsewhere = announcement(Broadcast.FINAL, Notification.CLOCK, ClockAnswer(BEFORE).encode(), BEFORE)
    assert refusals(bench.handle(elsewhere)) == ["UNEXPECTED"]
    assert refusals(bench.handle(answered(BEFORE, BEFORE), answered(BEFORE, BEFORE))) == ["UNEXPECTED"]


def test_an_answer_from_before_a_clock_was_set_back_is_refused() -> None:
    bench, _ = connected()
    assert refusals(bench.handle(answered(BEFORE, BEFORE), at_ms=BEFORE - 1)) == ["UNEXPECTED"]


def test_an_unanswered_question_is_not_repeated_within_a_minute() -> None:
    bench, _ = connected()
    late = order(Notification.RESUMED, b"\x00\x00", at_ms=BEFORE + 60_000)
    assert Notification.CLOCK not in published(bench.handle(late) + bench.run(BEFORE + 59_999))


def test_an_order_from_the_future_makes_it_ask_at_once() -> None:
    bench, _ = connected()
    bench.handle(answered(BEFORE, BEFORE))
    bench.now_ms = BEFORE + 20_000
    early = order(Notification.RESUMED, b"\x00\x00", at_ms=bench.now_ms + TOLERANCE_MS)
    assert Notification.CLOCK not in published(bench.handle(early))
    future = order(Notification.RESUMED, b"\x00\x00", at_ms=bench.now_ms + TOLERANCE_MS + 1)
    assert asking(bench.now_ms) in bench.handle(future)


def test_orders_from_the_future_make_it_ask_every_ten_seconds_at_most() -> None:
    bench, _ = connected()
    bench.handle(answered(BEFORE, BEFORE))
    effects = list[Effect]()
    for passed_ms in range(0, 60_000, 1_000):
        bench.now_ms = BEFORE + passed_ms
        effects += (out := bench.handle(order(Notification.RESUMED, b"\x00\x00", at_ms=bench.now_ms + 99_000)))
        if Notification.CLOCK in published(out):
            bench.handle(answered(bench.now_ms, bench.now_ms))
    assert 4 <= published(effects).count(Notification.CLOCK) <= 6


@pytest.mark.parametrize(("by_ms", "how"), [(3_600_000, "forward by 3600 s"), (-12_000, "back by 12 s")])
def test_a_step_of_the_clock_is_recorded_told_and_checked(by_ms: int, how: str) -> None:
    bench, _ = connected()
    bench.handle(answered(BEFORE, BEFORE))
    at_ms = BEFORE + by_ms
    text = f"The clock of this gateway was set {how}."
    effects = bench.handle(ClockStepped(by_ms), at_ms=at_ms)
    assert effects == [
        Store(Calibration(at_ms, LogLevel.WARNING, text, Outcome.FAILURE)),
        Notice(Level.WARNING, f"{text} It is compared with the provider's signed time."),
        asking(at_ms),
    ]


def test_a_step_within_the_tolerance_is_nothing() -> None:
    bench, _ = connected()
    assert bench.handle(ClockStepped(TOLERANCE_MS), ClockStepped(-TOLERANCE_MS)) == []


def test_a_question_of_before_the_step_says_nothing_about_the_new_clock() -> None:
    bench, _ = connected()
    bench.handle(ClockStepped(-60_000), at_ms=BEFORE - 60_000)
    assert refusals(bench.handle(answered(BEFORE, BEFORE), at_ms=BEFORE + 1)) == ["UNEXPECTED"]
    assert not bench.member.situation.is_clock_wrong


def test_two_questions_never_carry_the_same_time() -> None:
    bench, effects = connected()
    effects += bench.handle(ClockStepped(3_600_000), Disconnected(), Connected()) + bench.tick(BEFORE + 1)
    asked = [effect for effect in effects if published([effect]) == [Notification.CLOCK]]
    assert asked == [asking(BEFORE), asking(BEFORE + 1)]


def test_without_a_connection_nothing_is_asked() -> None:
    bench, _ = connected()
    bench.handle(Disconnected())
    assert Notification.CLOCK not in published(bench.run(START + 5 * SCHEDULE.period_ms))
