"""Weather that all simulated households share: temperature for heat pumps, sunshine for photovoltaic systems.

A year of central Germany in round figures: 10 degrees on average, 9 more in July, 51 degrees north. Days are
counted from 1970-01-01 in local winter time, as everywhere in the simulator.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from smgw.lmn.draws import uniforms

_SEED: Final = 0x57454154484552
_LATITUDE: Final = np.deg2rad(51.0)
_YEAR_DAYS: Final = 365.2425
_COLDEST_DAY: Final = 20


def season(days: NDArray[np.int64]) -> NDArray[np.float64]:
    """Where in the year each day lies: 1 on the coldest day, -1 half a year later."""
    wave: NDArray[np.float64] = np.cos(2 * np.pi * (days - _COLDEST_DAY) / _YEAR_DAYS)
    return wave


def temperatures(days: NDArray[np.int64]) -> NDArray[np.float64]:
    """Outdoor temperature in degrees Celsius at the start of each hour, shape (len(days), 24)."""
    spread = uniforms(_SEED, 1, days, 2).sum(axis=1) - 1
    daily = 10 - 9 * season(days) + 8 * spread
    hours = -3 * np.cos(2 * np.pi * (np.arange(24) - 4) / 24)
    return np.asarray(daily[:, np.newaxis] + hours, dtype=np.float64)


def sunshine(days: NDArray[np.int64]) -> NDArray[np.float64]:
    """Output of a photovoltaic system by minute as a share of its peak power, shape (len(days), 1440).

    The height of the sun from the usual formula for declination; clouds dim a whole day and each quarter-hour.
    """
    declination = np.deg2rad(-23.44 * np.cos(2 * np.pi * (days + 10) / _YEAR_DAYS))[:, np.newaxis]
    hour_angle = 2 * np.pi * (np.arange(1440) - 740) / 1440
    height = np.sin(_LATITUDE) * np.sin(declination) + np.cos(_LATITUDE) * np.cos(declination) * np.cos(hour_angle)
    draws = uniforms(_SEED, 2, days, 97)
    day_clouds = 0.15 + 0.85 * draws[:, :1]
    passing_clouds = np.repeat(1 - 0.5 * draws[:, 1:] * (1 - draws[:, :1]), 15, axis=1)
    return np.asarray(0.95 * np.clip(height, 0, None) * day_clouds * passing_clouds, dtype=np.float64)
