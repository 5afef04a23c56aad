"""Simulated households: one seed, one street; and what they use is near what is measured."""

from pathlib import Path

import numpy as np
import pytest

from launcher.analysis import calibration
from launcher.analysis.households import (
    COARSE_MIN,
    EVENT_W_MIN,
    FIRST_DAYS,
    POPULATIONS,
    Extent,
    averaged,
    hourly_w,
    simulate,
)
from tests.analysis.samples_of import options

FEW = Extent(households=12, reference=3)


def test_one_seed_gives_the_same_households_and_another_gives_others(tmp_path: Path) -> None:
    first, again = (simulate("mixed", FEW, options(tmp_path)) for _ in range(2))
    other = simulate("mixed", FEW, options(tmp_path, seed=8))
    assert np.array_equal(first.fine_w, again.fine_w)
    assert first.events == again.events
    assert not np.array_equal(first.fine_w, other.fine_w)


@pytest.mark.parametrize("population", [one.name for one in POPULATIONS])
def test_minutes_add_up_to_the_quarter_hours_of_the_last_week(population: str, tmp_path: Path) -> None:
    sample = simulate(population, Extent(3, 1), options(tmp_path))
    assert averaged(sample.fine_w, COARSE_MIN) == pytest.approx(sample.coarse_w[:, -7:], abs=0.01)
    assert sample.import_w.min() >= 0


def test_events_are_rises_of_the_load(tmp_path: Path) -> None:
    sample = simulate("flats", FEW, options(tmp_path))
    events = [(place, event) for place, found in enumerate(sample.events or []) for event in found if event.minute]
    series = sample.fine_w.reshape(FEW.households, -1)
    rises = [
        series[place, event.minute] - series[place, event.minute - 1] >= 0.8 * event.watts for place, event in events
    ]
    assert min(event.watts for _, event in events) >= EVENT_W_MIN
    assert np.mean(rises) > 0.8


def test_weeks_of_absence_use_little(tmp_path: Path) -> None:
    sample = simulate("flats", Extent(60, 1), options(tmp_path))
    weekly = sample.load_w.reshape(60, 5, -1).mean(axis=2)
    assert sample.is_away.any()
    assert weekly[sample.is_away].mean() < 0.6 * weekly[~sample.is_away].mean()


def test_photovoltaic_systems_feed_in(tmp_path: Path) -> None:
    assert simulate("pv", Extent(3, 1), options(tmp_path)).fine_w.min() < -500


def test_the_mean_household_is_near_the_standard_profile(tmp_path: Path) -> None:
    assert calibration.deviation({"calibration_hours": calibration._hours(options(tmp_path))}) < 0.08


def test_the_mean_household_uses_about_2500_kwh_a_year(tmp_path: Path) -> None:
    power = hourly_w("any", 60, FIRST_DAYS["spring"], 364, options(tmp_path))
    assert 2_100 < power.mean() * 8.76 < 2_900
