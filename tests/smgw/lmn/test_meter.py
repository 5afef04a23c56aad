"""One reading per interval: differences of floored registers, statuses, and what the owner is told."""

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import RoundNumber
from smgw.core.reading import ReadingStatus
from smgw.lmn.meter import Meter
from smgw.lmn.source import RegisterSample
from tests.smgw.lmn.conditions import HandClock, HandSource, until

T0 = 1_800_000_000_000
PERIOD = 3_000


def sample(offset_ms: int, import_dwh: int, export_dwh: int | None = None) -> RegisterSample:
    return RegisterSample(T0 + offset_ms, import_dwh, export_dwh)


class Bench:
    """A meter on a hand-fed source, asked round by round."""

    def __init__(self, *samples: RegisterSample) -> None:
        self.hand = HandClock(T0)
        self.source = HandSource(*samples)
        self.meter = Meter(self.source, clock=self.hand.clock())

    async def take(self, number: int) -> tuple[ReadingStatus, int, int]:
        """The reading of the interval that ends `number` periods after T0."""
        end = T0 + number * PERIOD
        elapsed = end - self.hand.wall_ms
        self.hand.pass_time(max(0, elapsed))
        reading = await self.meter.take(RoundNumber(number), end - PERIOD, end)
        assert reading.round == number
        return reading.status, reading.import_dwh, reading.export_dwh


async def test_reading_is_the_difference_of_the_registers_at_the_boundaries() -> None:
    bench = Bench(sample(-500, 1_000, 50), sample(2_900, 1_007, 53), sample(3_100, 9_999, 99))
    assert await bench.take(1) == (ReadingStatus.VALID, 7, 3)


async def test_next_interval_begins_with_the_register_that_closed_the_last() -> None:
    bench = Bench(sample(0, 100), sample(2_000, 110))
    assert await bench.take(1) == (ReadingStatus.VALID, 10, 0)
    bench.source.samples += [sample(2_990, 117), sample(5_500, 120)]
    assert await bench.take(2) == (ReadingStatus.VALID, 10, 0)


async def test_same_interval_asked_again_gives_the_same_reading() -> None:
    bench = Bench(sample(0, 100), sample(2_000, 110))
    first = await bench.take(1)
    bench.source.samples.append(sample(2_990, 117))
    assert await bench.take(1) == first


async def test_register_older_than_the_tolerance_is_no_boundary() -> None:
    bench = Bench(sample(-2_000, 100))
    bench.source.samples.append(sample(-1_999, 100))
    assert (await bench.take(1))[0] is ReadingStatus.VALID
    bench = Bench(sample(-2_001, 100))
    assert await bench.take(1) == (ReadingStatus.BOUNDARY_MISSING, 0, 0)


async def test_interval_after_a_silence_is_missing_until_both_ends_are_known() -> None:
    bench = Bench()
    statuses = [(await bench.take(1))[0]]
    bench.source.samples.append(sample(5_900, 500))
    statuses.append((await bench.take(2))[0])
    bench.source.samples.append(sample(8_900, 512))
    assert await bench.take(3) == (ReadingStatus.VALID, 12, 0)
    assert statuses == [ReadingStatus.BOUNDARY_MISSING] * 2


async def test_exchanged_meter_gives_no_reading_and_the_next_interval_counts_on() -> None:
    bench = Bench(sample(0, 5_000), sample(2_900, 10))
    assert await bench.take(1) == (ReadingStatus.REGISTER_DECREASED, 0, 0)
    bench.source.samples.append(sample(5_900, 14))
    assert await bench.take(2) == (ReadingStatus.VALID, 4, 0)


async def test_falling_export_register_refuses_import_too() -> None:
    bench = Bench(sample(0, 10, 80), sample(2_900, 20, 70))
    assert await bench.take(1) == (ReadingStatus.REGISTER_DECREASED, 0, 0)


async def test_export_is_zero_unless_both_ends_have_that_register() -> None:
    bench = Bench(sample(0, 10, None), sample(2_900, 20, 70_000))
    assert await bench.take(1) == (ReadingStatus.VALID, 10, 0)


async def test_empty_or_reversed_interval_is_a_clock_fault() -> None:
    bench = Bench(sample(0, 10))
    for end in (T0, T0 - 1):
        reading = await bench.meter.take(RoundNumber(1), T0, end)
        assert (reading.status, reading.import_dwh) == (ReadingStatus.CLOCK_INVALID, 0)


@pytest.mark.parametrize(
    ("step_ms", "status"),
    [
        (501, ReadingStatus.CLOCK_INVALID),
        (-501, ReadingStatus.CLOCK_INVALID),
        (500, ReadingStatus.VALID),
        (-500, ReadingStatus.VALID),
    ],
)
async def test_clock_step_above_half_a_second_is_noticed(step_ms: int, status: ReadingStatus) -> None:
    bench = Bench(sample(0, 10), sample(2_900, 11))
    bench.hand.wall_ms += step_ms
    bench.hand.pass_time(PERIOD)
    reading = await bench.meter.take(RoundNumber(1), T0, T0 + PERIOD)
    assert reading.status is status


async def test_long_interval_allows_one_percent_of_it() -> None:
    bench = Bench(sample(-100, 10), sample(900_000 - 100, 910))
    bench.hand.wall_ms += 9_000
    reading = await bench.meter.take(RoundNumber(1), T0, T0 + 900_000)
    assert (reading.status, reading.import_dwh) == (ReadingStatus.VALID, 900)


async def test_step_back_counts_no_energy_twice() -> None:
    bench = Bench(sample(0, 100), sample(2_900, 110), sample(5_900, 120))
    energies = [await bench.take(1), await bench.take(2)]
    bench.hand.wall_ms -= 4_000
    for number in (2, 3):
        end = T0 + number * PERIOD
        bench.hand.pass_time(end - bench.hand.wall_ms)
        bench.source.samples.append(sample(number * PERIOD - 100, 130))
        energies.append(await bench.take(number))
    assert sum(energy for _, energy, _ in energies) <= 30


async def test_owner_hears_of_a_silent_meter_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "smgw.lmn.meter")
    bench = Bench()
    bench.source.trouble = "the meter on /dev/ttyUSB0 has said nothing for 12 s; check the infrared head"
    for number in range(1, 42):
        await bench.take(number)
    assert caplog.messages == [bench.source.trouble] * 3


async def test_owner_hears_of_each_kind_of_trouble(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "smgw.lmn.meter")
    bench = Bench(sample(0, 5_000), sample(2_900, 10))
    await bench.take(1)
    await bench.meter.take(RoundNumber(1), T0, T0)
    await bench.take(9)
    assert len(caplog.messages) == 3
    assert "Was the meter exchanged?" in caplog.messages[0]
    assert "the clock was stepped" in caplog.messages[1]
    assert "was not heard near both ends" in caplog.messages[2]


async def test_context_collects_and_stops_collecting() -> None:
    source = HandSource(sample(0, 10))
    async with Meter(source, clock=HandClock(T0).clock()) as meter:
        await until(lambda: source.is_running)
        assert meter.latest() == source.samples[0]
    assert not source.is_running


async def test_error_of_the_body_passes_unchanged() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with Meter(HandSource()):
            raise KeyError("mine")


async def test_cancellation_passes_through_the_context() -> None:
    source = HandSource()

    async def body() -> None:
        async with Meter(source):
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await until(lambda: source.is_running)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not source.is_running


async def test_crash_of_the_source_ends_the_body() -> None:
    source = HandSource()
    source.error = ZeroDivisionError("our mistake")
    with pytest.raises(ExceptionGroup) as caught:
        async with Meter(source):
            await asyncio.Event().wait()
    assert caught.group_contains(ZeroDivisionError)


@given(
    steps=st.lists(st.tuples(st.integers(1, 4_000), st.integers(0, 90), st.integers(0, 90)), min_size=1, max_size=60),
    periods=st.integers(1, 20),
)
def test_valid_intervals_in_a_row_add_up_to_the_register_difference(
    steps: list[tuple[int, int, int]], periods: int
) -> None:
    samples = [sample(-1, 7, 9)]
    for wait_ms, import_dwh, export_dwh in steps:
        last = samples[-1]
        exported = (last.export_dwh or 0) + export_dwh
        samples.append(RegisterSample(last.time_ms + wait_ms, last.import_dwh + import_dwh, exported))
    bench = Bench(*samples)

    async def take_all() -> list[tuple[ReadingStatus, int, int]]:
        return [await bench.take(number) for number in range(1, periods + 1)]

    readings = asyncio.run(take_all())
    valid = [reading for reading in readings if reading[0] is ReadingStatus.VALID]
    assert readings[: len(valid)] == valid, "once the meter is silent it stays silent here"
    start, end = bench.source.register_at(T0), bench.source.register_at(T0 + len(valid) * PERIOD)
    assert start is not None
    assert end is not None
    assert sum(reading[1] for reading in valid) == end.import_dwh - start.import_dwh
    assert sum(reading[2] for reading in valid) == (end.export_dwh or 0) - (start.export_dwh or 0)


async def test_owner_is_told_of_a_silent_meter_before_any_round(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("smgw.lmn.meter.WATCH_EVERY_S", 0.001)
    bench = Bench()
    asked = 0

    def problem() -> str:
        nonlocal asked
        asked += 1
        return "the meter of the test has said nothing"

    monkeypatch.setattr(bench.source, "problem", problem)
    async with bench.meter:
        await until(lambda: asked >= 10)
        assert caplog.messages == ["the meter of the test has said nothing"]
        bench.hand.pass_time(60_000)
        await until(lambda: len(caplog.messages) == 2)
