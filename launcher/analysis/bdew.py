"""The standard load profile of German households of 2025, and the appliances that are calibrated to meet it.

`H25_MARCH` is the profile H25 of BDEW (made of measurements of 2018 and 2019), dynamized and averaged by hour over the
days of March 2025, relative to its mean of the year; taken from demandlib 0.2.2 (oemof, MIT license), `bdew.H25`.
`HOUR_FACTORS` multiply how often an appliance is used in each hour. They and `USE_FACTOR` were fitted once, so that
1,000 simulated households come close to H25 in March; every report measures how close.
"""

from dataclasses import replace
from typing import Final

from smgw.lmn.appliances import EVERYDAY, REFRIGERATOR, Appliance
from smgw.lmn.household import APPLIANCES

# fmt: off
H25_MARCH: Final = (
    (0.722, 0.634, 0.606, 0.606, 0.642, 0.740, 0.926, 0.967, 0.905, 0.873, 0.875, 0.959,
     0.995, 0.982, 0.956, 0.979, 1.062, 1.249, 1.520, 1.635, 1.498, 1.323, 1.159, 0.915),
    (0.806, 0.697, 0.651, 0.635, 0.646, 0.668, 0.770, 0.997, 1.201, 1.299, 1.361, 1.458,
     1.427, 1.354, 1.312, 1.295, 1.317, 1.430, 1.611, 1.649, 1.494, 1.337, 1.219, 1.014),
    (0.835, 0.724, 0.677, 0.654, 0.649, 0.671, 0.742, 0.937, 1.199, 1.394, 1.541, 1.701,
     1.612, 1.449, 1.338, 1.284, 1.290, 1.431, 1.627, 1.659, 1.526, 1.337, 1.167, 0.922),
)
"""Hours 0 to 23 of a workday, a Saturday and a Sunday."""

HOUR_FACTORS: Final = (
    0.31, 0.31, 0.31, 0.31, 0.31, 8.00, 2.67, 0.22, 0.78, 0.76, 0.54, 0.57,
    0.52, 0.94, 1.39, 1.21, 0.64, 0.28, 0.24, 0.29, 0.39, 0.47, 1.97, 4.13,
)
# fmt: on
USE_FACTOR: Final = 0.78
BASE_W: Final = 50.0
"""Mean of what runs all day beyond the generator's standby and refrigerator: freezers, routers, pumps."""


def calibrated(factors: tuple[float, ...] = HOUR_FACTORS, use: float = USE_FACTOR) -> tuple[Appliance, ...]:
    """The generator's appliances with these factors; what does not depend on people stays."""
    return tuple(
        _calibrated(appliance, factors, use) if appliance in EVERYDAY and appliance is not REFRIGERATOR else appliance
        for appliance in APPLIANCES
    )


def _calibrated(appliance: Appliance, factors: tuple[float, ...], use: float) -> Appliance:
    hours = tuple(weight * factor for weight, factor in zip(appliance.hours, factors, strict=True))
    return replace(
        appliance,
        hours=hours,
        uses_household=appliance.uses_household * use,
        uses_person=appliance.uses_person * use,
    )
