"""How close the simulated households come to what is known of German ones: BDEW's profile H25, and a year's spread."""

from typing import Final

import numpy as np

from launcher.analysis.bdew import H25_MARCH
from launcher.analysis.cache import Cache
from launcher.analysis.households import FIRST_DAYS, Floats, hourly_w
from launcher.analysis.options import Options, Tell, silent
from launcher.analysis.tables import Results, Rows, rounded

KINDS: Final = ("workday", "Saturday", "Sunday")
_MARCH_DAYS: Final = 28
_YEAR_DAYS: Final = 364
_HOUSEHOLDS: Final = 500
_OF_A_YEAR: Final = 150
_KWH_OF_W: Final = 8.76


def results(options: Options, tell: Tell = silent) -> Results:
    """Hour by hour beside H25 (`calibration_hours`), and the energy of a year (`calibration_year`)."""
    tell("calibration", 0, 1)
    cache = Cache(options)
    hours = cache.rows("calibration_hours", {"households": _HOUSEHOLDS}, lambda: _hours(options))
    year = cache.rows("calibration_year", {"households": _OF_A_YEAR}, lambda: _year(options))
    tell("calibration", 1, 1)
    return {"calibration_hours": hours, "calibration_year": year}


def deviation(found: Results) -> float:
    """Mean distance from H25, as a share of the mean power of March."""
    rows = found["calibration_hours"]
    weights = [{"workday": 5}.get(str(row["day"]), 1) for row in rows]
    distances = [abs(float(row["simulated"] or 0) - float(row["h25"] or 0)) for row in rows]
    return float(np.average(distances, weights=weights))


def _hours(options: Options) -> Rows:
    # The simulated weeks begin on a Thursday.
    power = hourly_w("any", _HOUSEHOLDS, FIRST_DAYS["spring"], _MARCH_DAYS, options).mean(axis=0)
    day = (np.arange(_MARCH_DAYS) + 3) % 7
    profiles = [power[(day < 5, day == 5, day == 6)[kind]].mean(axis=0) for kind in range(3)]
    standard = np.array(H25_MARCH)
    simulated = np.array(profiles) / _week_mean(np.array(profiles))
    standard = standard / _week_mean(standard)
    return [
        {
            "day": KINDS[kind],
            "hour": hour,
            "simulated": rounded(float(simulated[kind, hour]), 4),
            "h25": rounded(float(standard[kind, hour]), 4),
        }
        for kind in range(3)
        for hour in range(24)
    ]


def _week_mean(profiles: Floats) -> float:
    return float(np.average(profiles.mean(axis=1), weights=(5, 1, 1)))


def _year(options: Options) -> Rows:
    power = hourly_w("any", _OF_A_YEAR, FIRST_DAYS["spring"], _YEAR_DAYS, options)
    energies = power.mean(axis=(1, 2)) * _KWH_OF_W
    low, middle, high = np.percentile(energies, (5, 50, 95))
    peak = float(power.mean(axis=(0, 1)).max())
    numbers = {"mean_kwh": energies.mean(), "p5_kwh": low, "p50_kwh": middle, "p95_kwh": high, "peak_hour_w": peak}
    return [{"households": _OF_A_YEAR, **{name: rounded(float(value), 4) for name, value in numbers.items()}}]
