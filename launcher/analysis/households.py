"""Simulated households for the evaluation: populations, and their energy by interval.

The households are those of `smgw.lmn.household`, with its appliances calibrated by `bdew`. Every household has readings
by quarter-hour for five weeks, and by minute for the fifth, in which the attacks take place. Others of the same
population, which are in no group, teach the attacker what households do ("reference").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from launcher.analysis.bdew import BASE_W, calibrated
from launcher.analysis.options import Options
from smgw.lmn.appliances import HEAT_PUMP
from smgw.lmn.household import DAY_MINUTES, Household, HouseholdOptions

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

WEEKS: Final = 5
WEEK_DAYS: Final = 7
COARSE_MIN: Final = 15
PERIODS_MIN: Final = (1, 5, 15, 60)
FIRST_DAYS: Final = {"spring": 20_153, "summer": 20_272, "winter": 20_461}
"""Thursdays, on which the simulated weeks of absence begin: 2025-03-06, 2025-07-03, 2026-01-08; days since 1970."""
EVENT_W_MIN: Final = 1_000
"""Appliances of this power or more are what an edge detector is after; heat pumps, which nobody switches, are not."""
_SEED_SPAN: Final = 1_000_000
_Value = TypeVar("_Value", str, int)


@dataclass(frozen=True, slots=True)
class Population:
    """A kind of households, and what plots call it."""

    name: str
    title: str


POPULATIONS: Final = (
    Population("mixed", "mixed street"),
    Population("flats", "flats"),
    Population("houses", "houses"),
    Population("pv", "houses with PV"),
    Population("heat_pumps", "houses with heat pump"),
    Population("cars", "houses with electric car"),
)
_MIXTURE: Final = (("flats", 0.5), ("houses", 0.26), ("pv", 0.08), ("heat_pumps", 0.08), ("cars", 0.08))
_FLAT_PERSONS: Final = ((1, 0.55), (2, 0.32), (3, 0.13))
_HOUSE_PERSONS: Final = ((1, 0.15), (2, 0.38), (3, 0.2), (4, 0.19), (5, 0.08))


@dataclass(frozen=True, slots=True)
class Event:
    """A strong appliance is switched on: minute of the test week, and by how many watts the load rises."""

    minute: int
    watts: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Households of one population.

    Attributes:
        coarse_w: mean net power (import less export) by `coarse_min`, shape (households, days, slots).
        load_w: the same of the load behind the meter, without photovoltaic output.
        fine_w: net power of the last week by `fine_min`, shape (households, 7, slots).
        import_w: mean imported power of the last week, like `fine_w`.
        reference_w: net power of other households by `fine_min`, shape (households, days, slots).
        is_away: whether nobody is at home, shape (households, weeks).
        events: true events of the last week for each household; None when nobody knows them.
    """

    coarse_w: Singles
    load_w: Singles
    fine_w: Singles
    import_w: Singles
    reference_w: Singles
    is_away: NDArray[np.bool_]
    events: list[list[Event]] | None
    fine_min: int = 1
    coarse_min: int = COARSE_MIN

    @property
    def count(self) -> int:
        """How many households groups are made of."""
        return len(self.coarse_w)


@dataclass(frozen=True, slots=True)
class Extent:
    """How many households are simulated, and when."""

    households: int = 1_000
    reference: int = 250
    season: str = "spring"


def averaged(power_w: Singles, slots: int) -> Singles:
    """Mean power over so many consecutive slots of the last axis."""
    shape = (*power_w.shape[:-1], power_w.shape[-1] // slots, slots)
    return power_w if slots == 1 else power_w.reshape(shape).mean(axis=-1, dtype=np.float32)


def simulate(population: str, extent: Extent, options: Options) -> Sample:
    """The households of a population; about 5 ms and 0.2 MB each."""
    first_day, days = FIRST_DAYS[extent.season], WEEKS * WEEK_DAYS
    week = slice((WEEKS - 1) * WEEK_DAYS * DAY_MINUTES, None)
    members = list(_households(population, extent.households, options, "member"))
    coarse, load, fine, imported = [], [], [], []
    for household, base_w in members:
        profile = household.profile(first_day, days)
        load_w = (profile.load_w + base_w).astype(np.float32)
        net_w = load_w - profile.pv_w.astype(np.float32)
        coarse.append(averaged(net_w, COARSE_MIN).reshape(days, -1))
        load.append(averaged(load_w, COARSE_MIN).reshape(days, -1))
        fine.append(net_w[week].reshape(WEEK_DAYS, -1))
        imported.append(np.maximum(net_w[week], 0).reshape(WEEK_DAYS, -1))
    return Sample(
        coarse_w=np.array(coarse),
        load_w=np.array(load),
        fine_w=np.array(fine),
        import_w=np.array(imported),
        reference_w=_reference(population, extent, options),
        is_away=np.array([household.is_away(first_day, days)[::WEEK_DAYS] for household, _ in members]),
        events=[_events(household, first_day + days - WEEK_DAYS) for household, _ in members],
    )


def hourly_w(population: str, count: int, first_day: int, days: int, options: Options) -> Singles:
    """Mean load by hour, shape (count, days, 24), of households of a population; `any` has persons and no extras."""
    rows = [
        (household.profile(first_day, days).load_w + base_w).reshape(days, 24, 60).mean(axis=2, dtype=np.float32)
        for household, base_w in _households(population, count, options, "calibration")
    ]
    return np.array(rows)


def _reference(population: str, extent: Extent, options: Options) -> Singles:
    first_day, days = FIRST_DAYS[extent.season], (WEEKS - 1) * WEEK_DAYS
    result = np.empty((extent.reference, days, DAY_MINUTES), dtype=np.float32)
    others = _households(population, extent.reference, options, "reference")
    for place, (household, base_w) in enumerate(others):
        profile = household.profile(first_day, days)
        result[place] = (profile.load_w + base_w - profile.pv_w).reshape(days, -1)
    return result


def _households(population: str, count: int, options: Options, part: str) -> Iterator[tuple[Household, int]]:
    draws = options.generator("households", population, part)
    first = int(draws.integers(0, 2**40)) * _SEED_SPAN
    appliances = calibrated()
    for place in range(count):
        kind = _pick(_MIXTURE, draws.random()) if population == "mixed" else population
        household = Household(first + place, _equipment(kind, draws), appliances)
        yield household, round(BASE_W * float(np.exp(0.5 * draws.standard_normal() - 0.125)))


def _equipment(kind: str, draws: np.random.Generator) -> HouseholdOptions:
    chance, size = draws.random(), draws.random()
    if kind == "any":
        return HouseholdOptions()
    if kind == "flats":
        return HouseholdOptions(persons=_pick(_FLAT_PERSONS, chance))
    return HouseholdOptions(
        persons=_pick(_HOUSE_PERSONS, chance),
        heat_pump=kind == "heat_pumps",
        car=kind == "cars",
        pv_w=round(4_000 + 8_000 * size) if kind == "pv" else 0,
    )


def _pick(shares: tuple[tuple[_Value, float], ...], draw: float) -> _Value:
    for value, share in shares:
        draw -= share
        if draw < 0:
            return value
    return shares[-1][0]


def _events(household: Household, first_day: int) -> list[Event]:
    origin = first_day * DAY_MINUTES
    runs = [run for run in household.runs(first_day, WEEK_DAYS) if run.appliance != HEAT_PUMP.name]
    rises = [_rise(run.appliance, run.start, run.minutes) for run in runs]
    found = [Event(start - origin, watts) for start, watts in rises if watts >= EVENT_W_MIN]
    return [event for event in found if event.minute < WEEK_DAYS * DAY_MINUTES]


_NAME_TO_PHASES: Final = {appliance.name: appliance.phases for appliance in calibrated()}


def _rise(name: str, start: int, minutes: int) -> tuple[int, int]:
    """When a run draws most for the first time, and how much that is."""
    phases = _NAME_TO_PHASES[name]
    strongest = max(watts for _, watts in phases)
    before = 0
    for length, watts in phases:
        if watts == strongest:
            break
        before += length
    return start + round(before * minutes / sum(length for length, _ in phases)), strongest
