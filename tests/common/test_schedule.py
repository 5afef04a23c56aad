"""The times of a round."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import RoundNumber
from common.schedule import DAY_MS, Schedule
from tests.common.strategies import keys, moderate, schedules
from tests.vectors.members import DEMO, LARGE

_rounds = st.integers(0, 10**9).map(RoundNumber)


@moderate
@given(schedules(), st.integers(0, 10**15))
def test_every_instant_lies_in_one_round(times: Schedule, now_ms: int) -> None:
    round_ = times.round_at(now_ms)
    assert times.start(round_) <= now_ms < times.start(RoundNumber(round_ + 1))
    assert times.round_at(times.start(round_)) == round_


@moderate
@given(schedules(), _rounds, keys)
def test_a_gateway_sends_within_the_window_and_before_the_first_deadline(
    times: Schedule, round_: RoundNumber, key: bytes
) -> None:
    sent = times.send_at(round_, key)
    assert times.start(round_) <= sent < times.start(round_) + times.window_ms <= times.deadline(round_, 0)
    assert (sent - times.start(round_)) * 10 <= times.window_ms * 9


@moderate
@given(schedules(), _rounds, keys)
def test_a_gateway_keeps_its_place_from_round_to_round(times: Schedule, round_: RoundNumber, key: bytes) -> None:
    assert times.send_at(round_, key) - times.start(round_) == times.send_at(RoundNumber(0), key)


@moderate
@given(schedules(), _rounds)
def test_deadlines_rise_and_end_before_the_next_round(times: Schedule, round_: RoundNumber) -> None:
    deadlines = [times.deadline(round_, attempt) for attempt in range(times.attempts_max + 1)]
    assert deadlines == sorted(set(deadlines))
    assert deadlines[-1] < times.start(RoundNumber(round_ + 1))


@moderate
@given(schedules(), _rounds)
def test_days_never_fall_and_are_those_of_the_start(times: Schedule, round_: RoundNumber) -> None:
    day = times.day(round_)
    assert day * DAY_MS <= times.start(round_) < (day + 1) * DAY_MS
    assert times.day(RoundNumber(round_ + 1)) >= day


@moderate
@given(schedules())
def test_a_frame_of_the_future_is_tolerated_by_one_to_nine_seconds(times: Schedule) -> None:
    assert 1_000 <= times.future_ms <= 9_000
    assert times.stale_ms == times.period_ms


def test_places_fill_the_window_evenly() -> None:
    offsets = [LARGE.schedule.send_at(RoundNumber(0), i.to_bytes(32)) for i in range(2000)]
    for tenth in range(9):
        assert 150 < sum(tenth * 6_000 <= offset < (tenth + 1) * 6_000 for offset in offsets) < 300
    assert max(offsets) < 54_000


@pytest.mark.parametrize(
    "changes",
    [
        {"period_ms": 0},
        {"window_ms": 0},
        {"correction_ms": 0},
        {"attempts_max": 0},
        {"grace_ms": -1},
        {"window_ms": -1},
    ],
)
def test_times_that_are_not_positive_are_refused(changes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        replace(DEMO.schedule, **changes)


def test_corrections_leave_time_for_the_final() -> None:
    assert Schedule(10_001, 5_000, 2_000, 1_000, 3).deadline(RoundNumber(0), 3) == 10_000
    with pytest.raises(ValueError, match="leave nothing of the period of 10000 ms"):
        Schedule(10_000, 5_000, 2_000, 1_000, 3)
