"""Statistics of many simulated households, and exact bookkeeping of one."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from smgw.lmn.household import DAY_MINUTES, Household, HouseholdOptions

YEAR_2026 = 20_454
HOUSEHOLDS = 200


@dataclass(frozen=True, slots=True)
class Population:
    """Annual energy of each household, and the mean load of all by day and minute, shape (365, 1440)."""

    annual_kwh: NDArray[np.float64]
    mean_w: NDArray[np.float64]


@pytest.fixture(scope="module")
def population() -> Population:
    """200 households over 2026."""
    annual = np.zeros(HOUSEHOLDS)
    total = np.zeros(365 * DAY_MINUTES, dtype=np.int64)
    for seed in range(HOUSEHOLDS):
        load = Household(seed).profile(YEAR_2026, 365).load_w
        annual[seed] = load.sum() / 60_000
        total += load
    return Population(annual, total.reshape(365, DAY_MINUTES) / HOUSEHOLDS)


def test_annual_consumption_and_its_spread_are_german(population: Population) -> None:
    low, high = np.percentile(population.annual_kwh, [5, 95])
    assert population.annual_kwh.mean() == pytest.approx(2_400, rel=0.08)
    assert low == pytest.approx(1_370, rel=0.12)
    assert high == pytest.approx(4_830, rel=0.12)


def test_winter_evening_peaks_at_850_watts_per_household(population: Population) -> None:
    evening = population.mean_w[:59, 17 * 60 : 22 * 60]
    quarter_hours = evening.reshape(59, -1, 15).mean(axis=2)
    assert quarter_hours.max(axis=1).mean() == pytest.approx(850, rel=0.08)


def test_night_draws_110_watts_per_household(population: Population) -> None:
    assert population.mean_w[:, 60 : 5 * 60].mean() == pytest.approx(110, rel=0.08)


def test_day_has_its_shape_from_night_to_evening(population: Population) -> None:
    hours = population.mean_w.mean(axis=0).reshape(24, 60).mean(axis=1)
    assert hours[3] < hours[7] < hours[12] < hours[18]
    assert hours[18] > 2 * hours[15]


def test_winter_draws_more_than_summer(population: Population) -> None:
    assert population.mean_w[:59].mean() > 1.05 * population.mean_w[151:212].mean()


def test_profile_of_a_day_does_not_depend_on_what_else_is_asked() -> None:
    options = HouseholdOptions(heat_pump=True, car=True, pv_w=6_000)
    week = Household(5, options).profile(YEAR_2026, 7)
    for day in range(7):
        alone = Household(5, options).profile(YEAR_2026 + day, 1)
        part = slice(day * DAY_MINUTES, (day + 1) * DAY_MINUTES)
        assert np.array_equal(alone.load_w, week.load_w[part])
        assert np.array_equal(alone.pv_w, week.pv_w[part])


def test_energy_of_all_runs_is_exactly_the_energy_above_standby() -> None:
    household = Household(3, HouseholdOptions(water_heater=True))
    quiet = [day for day in range(YEAR_2026, YEAR_2026 + 60) if not _reach_into(household, day)]
    first, days = quiet[0], quiet[-1] - quiet[0]
    load = household.profile(first, days).load_w
    assert days > 20
    assert int((load - load.min()).sum()) == sum(run.energy_wmin for run in household.runs(first, days))


def _reach_into(household: Household, day: int) -> bool:
    return any(run.start + run.minutes > day * DAY_MINUTES for run in household.runs(day - 1, 1))


@pytest.mark.parametrize(
    ("options", "low", "high"),
    [
        (HouseholdOptions(heat_pump=True), 3_500, 6_500),
        (HouseholdOptions(car=True), 1_800, 3_500),
        (HouseholdOptions(water_heater=True), 600, 2_000),
    ],
)
def test_an_option_adds_what_it_uses_in_a_year(options: HouseholdOptions, low: int, high: int) -> None:
    plain = HouseholdOptions(water_heater=False)
    more = [
        int(Household(seed, options).profile(YEAR_2026, 365).load_w.sum())
        - int(Household(seed, plain).profile(YEAR_2026, 365).load_w.sum())
        for seed in (6, 8, 9, 10)
    ]
    assert low <= np.mean(more) / 60_000 <= high


def test_photovoltaic_year_is_that_of_central_germany() -> None:
    profile = Household(1, HouseholdOptions(pv_w=1_000)).profile(YEAR_2026, 365)
    assert 800 <= profile.pv_w.sum() / 60_000 <= 1_050
    assert np.all((profile.import_w == 0) | (profile.export_w == 0))
    assert np.array_equal(profile.import_w - profile.export_w, profile.load_w - profile.pv_w)
    assert profile.pv_w.reshape(365, DAY_MINUTES)[:, :180].max() == 0


def test_more_people_use_more() -> None:
    means = [
        np.mean([Household(s, HouseholdOptions(persons=n)).profile(YEAR_2026, 60).load_w.mean() for s in range(30)])
        for n in (1, 3, 5)
    ]
    assert means == sorted(means)
