"""Registers of a simulated meter: reproducible, never falling, adding up, and honest about a wrong clock."""

import time
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.identifiers import RoundNumber
from smgw.lmn.household import HouseholdOptions
from smgw.lmn.meter import Meter
from smgw.lmn.simulated import SimulatedMeter
from smgw.lmn.source import RegisterSample
from tests.smgw.lmn.conditions import HandClock

NOON = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()) * 1000
DAY_MS = 86_400_000
METER = SimulatedMeter(7, HouseholdOptions(pv_w=5_000))


def register(meter: SimulatedMeter, moment_ms: int) -> RegisterSample:
    sample = meter.register_at(moment_ms)
    assert sample is not None
    return sample


@given(offsets=st.lists(st.integers(0, 400 * DAY_MS), min_size=1, max_size=5))
@settings(max_examples=15, deadline=None)
def test_restarted_meter_finds_the_same_registers_in_any_order(offsets: list[int]) -> None:
    fresh = SimulatedMeter(7, HouseholdOptions(pv_w=5_000))
    for offset in offsets:
        assert fresh.register_at(NOON + offset) == METER.register_at(NOON + offset)


@given(offset=st.integers(-400 * DAY_MS, 400 * DAY_MS), later=st.integers(0, 3 * DAY_MS))
@settings(deadline=None)
def test_registers_never_go_down(offset: int, later: int) -> None:
    first, second = register(METER, NOON + offset), register(METER, NOON + offset + later)
    assert second.import_dwh >= first.import_dwh
    assert (second.export_dwh or 0) >= (first.export_dwh or 0)


def test_register_runs_over_midnight_without_a_jump() -> None:
    meter = SimulatedMeter(3)
    midnight = int(datetime(2026, 3, 1, 23, tzinfo=UTC).timestamp()) * 1000
    before, after = register(meter, midnight - 1), register(meter, midnight)
    assert 0 <= after.import_dwh - before.import_dwh <= 1


def test_register_grows_by_the_power_of_the_minute() -> None:
    meter = SimulatedMeter(3)
    begin, end = register(meter, NOON), register(meter, NOON + 60_000)
    assert begin.power_w is not None
    assert abs((end.import_dwh - begin.import_dwh) - begin.power_w / 6) <= 1
    middle = register(meter, NOON + 30_000)
    assert abs(2 * middle.import_dwh - begin.import_dwh - end.import_dwh) <= 2


def test_meter_without_photovoltaics_has_no_export_register() -> None:
    assert register(SimulatedMeter(3), NOON).export_dwh is None


def test_meters_of_two_seeds_differ() -> None:
    assert register(SimulatedMeter(3), NOON).import_dwh != register(SimulatedMeter(4), NOON).import_dwh


def test_events_are_the_true_runs_of_that_time() -> None:
    meter = SimulatedMeter(3)
    events = meter.events(NOON, NOON + DAY_MS)
    assert [event.start_ms for event in events] == sorted(event.start_ms for event in events)
    assert all(NOON <= event.start_ms < NOON + DAY_MS for event in events)
    halves = meter.events(NOON, NOON + DAY_MS // 2) + meter.events(NOON + DAY_MS // 2, NOON + DAY_MS)
    assert halves == events
    assert {"refrigerator", "lights"} <= {event.appliance for event in events}
    for event in events:
        grown = register(meter, event.end_ms).import_dwh - register(meter, event.start_ms).import_dwh
        assert grown >= event.energy_dwh


async def test_clock_before_the_installation_is_explained() -> None:
    hand = HandClock(0)
    meter = SimulatedMeter(3, installed=date(2026, 1, 1), clock=hand.clock())
    await meter.open()
    assert meter.register_at(0) is None
    assert meter.problem() == (
        "the simulated meter was installed on 2026-01-01, but the clock says 1970-01-01; check the clock"
    )
    hand.wall_ms = NOON
    assert meter.problem() is None


async def test_demo_rounds_of_five_seconds_add_up() -> None:
    hand = HandClock(NOON)
    meter = Meter(SimulatedMeter(7, clock=hand.clock()), clock=hand.clock())
    total = 0
    async with meter:
        for number in range(1, 721):
            hand.pass_time(5_000)
            reading = await meter.take(RoundNumber(number), hand.wall_ms - 5_000, hand.wall_ms)
            assert reading.is_valid
            total += reading.import_dwh
    plain = SimulatedMeter(7)
    assert total == register(plain, NOON + 3_600_000).import_dwh - register(plain, NOON).import_dwh
    assert total > 500


@pytest.mark.parametrize("options", [HouseholdOptions(), HouseholdOptions(pv_w=8_000, heat_pump=True)])
def test_first_register_takes_little_time_even_years_after_the_installation(options: HouseholdOptions) -> None:
    meter = SimulatedMeter(1, options)
    started = time.process_time()
    register(meter, NOON + 3 * 365 * DAY_MS)
    assert time.process_time() - started < 2.0
