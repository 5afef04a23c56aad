"""The battery: what it levels, what it cannot, and that it makes no energy."""

import numpy as np
import pytest

from launcher.analysis.battery import Battery, leveled


def test_a_constant_load_is_seen_as_it_is() -> None:
    load = np.full((3, 200), 400, dtype=np.float32)
    assert np.array_equal(leveled(load, 15, Battery()), load)


def test_a_large_battery_shows_a_constant_for_any_load_around_it() -> None:
    day = np.concatenate([np.full(48, 100), np.full(48, 700)]).astype(np.float32)
    seen = leveled(np.tile(day, (2, 3)), 15, Battery(capacity_wh=100_000))
    assert np.all(seen == 400)


def test_no_energy_is_made_or_lost_beyond_the_battery() -> None:
    load = np.random.default_rng(1).gamma(0.5, 800, (4, 2_000)).astype(np.float32)
    drawn_wh = (leveled(load, 15, Battery()) - load).sum(axis=1) / 4
    assert np.abs(drawn_wh).max() <= 2_500.1


def test_an_empty_battery_recovers_behind_a_raised_target() -> None:
    load = np.full((1, 200), 100, dtype=np.float32)
    load[0, 100:] = 2_500
    seen = leveled(load, 15, Battery(capacity_wh=1_000))
    assert seen[0, 101:115].max() > 2_500


def test_a_steady_stretch_hides_a_kettle() -> None:
    load = np.full((1, 200), 200, dtype=np.float32)
    load[0, 150] = 1_500
    assert leveled(load, 15, Battery())[0, 150] == pytest.approx(200)
