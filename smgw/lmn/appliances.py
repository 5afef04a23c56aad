"""The appliances of the simulated households: what they draw, how long, how often, at which hours.

Typical values of German households; the frequencies are calibrated so that 200 households together meet the
annual mean, the spread, the evening peak and the night that `docs/meters.md` states.
"""

from dataclasses import dataclass
from typing import Final

FLAT: Final = (1.0,) * 24
_MEALS: Final = (0, 0, 0, 0, 0, 0.3, 1, 1.2, 0.8, 0.5, 0.6, 1.8, 2.2, 1, 0.4, 0.6, 1.2, 2.6, 3.4, 2.4, 0.8, 0.3, 0.1, 0)
_HOT_MEALS: Final = (0, 0, 0, 0, 0, 0, 0.1, 0.2, 0.1, 0.2, 0.8, 2, 2, 0.6, 0.2, 0.4, 1.2, 3.4, 4.6, 2.6, 0.6, 0.1, 0, 0)
_EVENING: Final = (0.3, 0, 0, 0, 0, 0, 0.4, 0.6, 0.4, 0.3, 0.3, 0.4, 0.6, 0.6, 0.6, 0.8, 1.4, 2.6, 4, 5, 5, 3.6, 2, 0.8)
_DAYTIME: Final = (
    0,
    0,
    0,
    0,
    0,
    0,
    0.3,
    0.8,
    1.4,
    1.6,
    1.6,
    1.4,
    1.2,
    1.2,
    1.2,
    1.2,
    1.3,
    1.6,
    1.8,
    1.6,
    1,
    0.5,
    0.2,
    0,
)
_WASHING: Final = (
    0.1,
    0,
    0,
    0,
    0,
    0.4,
    2.6,
    3,
    1.6,
    0.8,
    0.6,
    0.6,
    0.6,
    0.5,
    0.5,
    0.6,
    0.9,
    1.5,
    2,
    2,
    1.8,
    1.6,
    1,
    0.4,
)
_AFTER_MEALS: Final = (
    0.2,
    0,
    0,
    0,
    0,
    0,
    0.1,
    0.4,
    0.8,
    0.8,
    0.4,
    0.4,
    0.8,
    1.8,
    1.4,
    0.6,
    0.4,
    0.6,
    1.4,
    3,
    3,
    1.8,
    0.8,
    0.3,
)
_HOMECOMING: Final = (0,) * 16 + (1, 2.5, 3, 2, 1, 0.5, 0, 0)


@dataclass(frozen=True, slots=True)
class Appliance:
    """One kind of appliance.

    Attributes:
        name: what it is called in events.
        phases: minutes and watts of each part of a run, in order.
        shortest, longest: a run's phases are stretched by a factor drawn between these two.
        uses_max: how many runs a day can hold at most.
        uses_household, uses_person: wanted runs per day while somebody is home, per household and per person.
        owned: share of households that have one.
        hours: weight of each hour of the local day.
        needs_people: whether it starts only while somebody is home and awake.
        winter: by how much use rises on the coldest day and falls on the warmest, as a share.
    """

    name: str
    phases: tuple[tuple[int, int], ...]
    uses_max: int
    uses_household: float
    uses_person: float
    hours: tuple[float, ...]
    shortest: float = 1.0
    longest: float = 1.0
    owned: float = 1.0
    needs_people: bool = True
    winter: float = 0.0


REFRIGERATOR: Final = Appliance("refrigerator", ((16, 95),), 24, 24.0, 0.0, FLAT, 0.8, 1.6, needs_people=False)
WATER_HEATER: Final = Appliance("water heater", ((3, 18000),), 14, 0.6, 1.9, _WASHING, 0.34, 2.2, owned=0.22)
HEAT_PUMP: Final = Appliance("heat pump", ((60, 1900),), 24, 24.0, 0.0, FLAT, needs_people=False)
CAR: Final = Appliance("electric car", ((75, 11000),), 1, 0.5, 0.0, _HOMECOMING, 0.4, 1.6, needs_people=False)

EVERYDAY: Final = (
    REFRIGERATOR,
    Appliance("lights", ((60, 65),), 12, 2.0, 2.2, _EVENING, 0.4, 2.2, winter=0.45),
    Appliance("television", ((95, 110),), 5, 1.4, 0.6, _EVENING, 0.4, 1.8, owned=0.95, winter=0.15),
    Appliance("computer", ((90, 95),), 8, 0.9, 1.5, _DAYTIME, 0.4, 2.2, owned=0.85),
    Appliance("kettle", ((4, 2000),), 8, 0.8, 0.9, _MEALS, 0.6, 1.3),
    Appliance("stove", ((24, 1500),), 4, 0.55, 0.3, _HOT_MEALS, 0.4, 1.8, winter=0.05),
    Appliance("oven", ((10, 2400), (28, 1000)), 2, 0.12, 0.08, _HOT_MEALS, 0.7, 1.4, owned=0.9, winter=0.1),
    Appliance(
        "dishwasher", ((15, 80), (17, 2100), (35, 80), (12, 2100), (12, 30)), 2, 0.16, 0.25, _AFTER_MEALS, owned=0.73
    ),
    Appliance("washing machine", ((4, 120), (16, 2050), (55, 190), (8, 450)), 3, 0.12, 0.26, _DAYTIME, owned=0.97),
    Appliance("tumble dryer", ((70, 1900),), 2, 0.05, 0.2, _DAYTIME, 0.7, 1.3, owned=0.43, winter=0.35),
)
"""The ten that any household may have."""
