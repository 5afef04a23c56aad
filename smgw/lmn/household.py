"""Simulated households: load by minute and the appliance runs behind it, as pure functions of seed and day.

People get up, leave, return and sleep; appliances run while somebody is home; the water heater, the heat pump,
the electric car and the photovoltaic system are extra. Local time is UTC+1 all year: simulated people ignore
summer time, so that each day has 1,440 minutes. Powers are whole watts, so energies add up exactly.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smgw.lmn.appliances import CAR, EVERYDAY, HEAT_PUMP, REFRIGERATOR, WATER_HEATER, Appliance
from smgw.lmn.draws import uniforms
from smgw.lmn.weather import season, sunshine, temperatures

DAY_MINUTES: Final = 1440
LOCAL_OFFSET_MS: Final = 3_600_000
"""Local winter time is this much ahead of UTC."""

APPLIANCES: Final = (*EVERYDAY, WATER_HEATER, HEAT_PUMP, CAR)
"""What a household may have. An appliance's place decides which random numbers are its own."""
_TRAITS, _EQUIPMENT, _PRESENCE, _HOLIDAYS = range(1, 5)
_FIRST_APPLIANCE: Final = 101
_ANY_DAY: Final = np.zeros(1, dtype=np.int64)
_PERSONS_SHARES: Final = np.cumsum((0.41, 0.34, 0.12, 0.09))


@dataclass(frozen=True, slots=True)
class HouseholdOptions:
    """What a household is told to be; None leaves it to the seed.

    Attributes:
        persons: 1 to 6 people.
        water_heater: whether an instantaneous water heater of 18 kW makes the hot water.
        heat_pump: whether a heat pump heats the house.
        car: whether an electric car is charged at home.
        pv_w: peak power of the photovoltaic system, 0 for none.
    """

    persons: int | None = None
    water_heater: bool | None = None
    heat_pump: bool = False
    car: bool = False
    pv_w: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One true run of an appliance: `start` in minutes since 1970-01-01 local winter time."""

    appliance: str
    start: int
    minutes: int
    energy_wmin: int


@dataclass(frozen=True, slots=True)
class Profile:
    """Watts by minute, from the first minute of the first day on."""

    load_w: NDArray[np.int64]
    pv_w: NDArray[np.int64]

    @property
    def import_w(self) -> NDArray[np.int64]:
        """What the import register (1.8.0) counts."""
        return np.asarray(np.maximum(self.load_w - self.pv_w, 0), dtype=np.int64)

    @property
    def export_w(self) -> NDArray[np.int64]:
        """What the export register (2.8.0) counts."""
        return np.asarray(np.maximum(self.pv_w - self.load_w, 0), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Presence:
    """Minutes of each day between which people are awake and out, shape (days, 1); and the weeks they are away."""

    wake: NDArray[np.float64]
    sleep: NDArray[np.float64]
    leave: NDArray[np.float64]
    back: NDArray[np.float64]
    is_away: NDArray[np.bool_]

    def somebody_is_home(self, minutes: NDArray[np.float64]) -> NDArray[np.bool_]:
        is_awake = (minutes >= self.wake) & (minutes < self.sleep)
        is_out = (minutes >= self.leave) & (minutes < self.back)
        return is_awake & ~is_out & ~self.is_away


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of one appliance: first minute (global) and stretch of each, shape (runs,)."""

    appliance: Appliance
    starts: NDArray[np.int64]
    stretches: NDArray[np.float64]

    def phases(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64], int]]:
        """First minute, minute after the last, and watts, for each phase of all runs."""
        result = []
        begin = self.starts
        for minutes, watts in self.appliance.phases:
            end = begin + np.rint(minutes * self.stretches).astype(np.int64)
            result.append((begin, end, watts))
            begin = end
        return result


class Household:
    """One household, fixed by its seed and options."""

    def __init__(
        self, seed: int, options: HouseholdOptions | None = None, appliances: tuple[Appliance, ...] = APPLIANCES
    ) -> None:
        self._seed = seed
        self._appliances = appliances
        self._options = options or HouseholdOptions()
        traits = uniforms(seed, _TRAITS, _ANY_DAY, 5)[0]
        drawn = 1 + int(np.searchsorted(_PERSONS_SHARES, traits[0], side="right"))
        self.persons = self._options.persons or drawn
        self._activity = float(np.exp(0.3 * _normal(traits[1])))
        self._standby_w = round(61 * float(np.exp(0.35 * _normal(traits[2]))) + 7 * self.persons)
        self._works_outside = bool(traits[3] < (0.6 if self.persons <= 2 else 0.45))
        self._shift_min = 45 * _normal(traits[4])
        self._is_owner = uniforms(seed, _EQUIPMENT, _ANY_DAY, len(appliances))[0]

    def profile(self, first_day: int, days: int) -> Profile:
        """Load and photovoltaic output of `days` days by minute; day 0 is 1970-01-01 local winter time."""
        size = days * DAY_MINUTES
        origin = first_day * DAY_MINUTES
        steps = np.zeros(size + 1, dtype=np.int64)
        # A run belongs to the day it starts on and lasts less than a day: the day before can reach in.
        for runs in self._runs(first_day - 1, days + 1):
            for begin, end, watts in runs.phases():
                np.add.at(steps, np.clip(begin - origin, 0, size), watts)
                np.add.at(steps, np.clip(end - origin, 0, size), -watts)
        load = np.cumsum(steps[:-1]) + self._standby_w
        return Profile(load, self._pv(first_day, days))

    def runs(self, first_day: int, days: int) -> list[Run]:
        """The true appliance runs that start on these days, in order of time."""
        result = []
        for runs in self._runs(first_day, days):
            phases = runs.phases()
            energy = sum(((end - begin) * watts for begin, end, watts in phases), np.zeros_like(runs.starts))
            minutes = phases[-1][1] - runs.starts
            rows = zip(runs.starts.tolist(), minutes.tolist(), energy.tolist(), strict=True)
            result += [Run(runs.appliance.name, *row) for row in rows]
        return sorted(result, key=lambda run: (run.start, run.appliance))

    def is_away(self, first_day: int, days: int) -> NDArray[np.bool_]:
        """Whether nobody is at home all day (they are away for whole weeks), for each of these days."""
        numbers = np.arange(first_day, first_day + days, dtype=np.int64)
        return self._presence(numbers).is_away[:, 0]

    def _pv(self, first_day: int, days: int) -> NDArray[np.int64]:
        if not self._options.pv_w:
            return np.zeros(days * DAY_MINUTES, dtype=np.int64)
        shares = sunshine(np.arange(first_day, first_day + days, dtype=np.int64)).ravel()
        return np.rint(shares * self._options.pv_w).astype(np.int64)

    def _runs(self, first_day: int, days: int) -> list[_Runs]:
        numbers = np.arange(first_day, first_day + days, dtype=np.int64)
        presence = self._presence(numbers)
        return [
            self._appliance_runs(place, numbers, presence)
            for place, appliance in enumerate(self._appliances)
            if self._has(appliance, float(self._is_owner[place]))
        ]

    def _has(self, appliance: Appliance, draw: float) -> bool:
        if appliance is HEAT_PUMP:
            return self._options.heat_pump
        if appliance is CAR:
            return self._options.car
        if appliance is WATER_HEATER and self._options.water_heater is not None:
            return self._options.water_heater
        return draw < appliance.owned

    def _presence(self, days: NDArray[np.int64]) -> _Presence:
        draws = uniforms(self._seed, _PRESENCE, days, 5)
        is_weekend = ((days + 3) % 7 >= 5)[:, np.newaxis]
        wake = np.where(is_weekend, 480, 390) + self._shift_min + 60 * (draws[:, :1] - 0.5)
        sleep = np.minimum(1360 + self._shift_min + 110 * (draws[:, 1:2] - 0.5), 1440)
        works = ~is_weekend & self._works_outside & (draws[:, 2:3] < 0.9)
        strolls = ~works & (draws[:, 2:3] < 0.5)
        leave = np.where(works, wake + 70, 780 + 120 * draws[:, 3:4])
        back = np.where(works, 970 + 150 * draws[:, 4:5], leave + 30 + 180 * draws[:, 4:5])
        back = np.where(works | strolls, back, leave)
        is_away = uniforms(self._seed, _HOLIDAYS, days // 7, 1) < 0.06
        return _Presence(wake, sleep, leave, back, is_away)

    def _appliance_runs(self, place: int, days: NDArray[np.int64], presence: _Presence) -> _Runs:
        appliance = self._appliances[place]
        slots = appliance.uses_max
        draws = uniforms(self._seed, _FIRST_APPLIANCE + place, days, 3 * slots)
        happens, when, stretch = draws[:, :slots], draws[:, slots : 2 * slots], draws[:, 2 * slots :]
        stretches = appliance.shortest + (appliance.longest - appliance.shortest) * stretch
        if appliance is REFRIGERATOR or appliance is HEAT_PUMP:
            # One cycle an hour, begun early enough in its hour to end before the next begins.
            minutes = 60.0 * np.arange(slots) + 20 * when
            occurs = np.ones(minutes.shape, dtype=np.bool_)
            if appliance is HEAT_PUMP:
                minutes = np.broadcast_to(60.0 * np.arange(slots), when.shape)
                stretches = np.clip((16 - temperatures(days)) / 26, 0, 1)
        else:
            minutes = np.interp(when, _cumulative(appliance), np.arange(25) * 60.0)
            occurs = happens < self._chance(appliance, days)
            occurs &= presence.somebody_is_home(minutes) if appliance.needs_people else ~presence.is_away
        starts = days[:, np.newaxis] * DAY_MINUTES + minutes.astype(np.int64)
        return _Runs(appliance, starts[occurs], stretches[occurs])

    def _chance(self, appliance: Appliance, days: NDArray[np.int64]) -> NDArray[np.float64]:
        wanted = (appliance.uses_household + appliance.uses_person * self.persons) * self._activity
        return (wanted / appliance.uses_max * (1 + appliance.winter * season(days)))[:, np.newaxis]


def _cumulative(appliance: Appliance) -> NDArray[np.float64]:
    return np.concatenate(([0.0], np.cumsum(appliance.hours))) / sum(appliance.hours)


def _normal(uniform: float) -> float:
    """Roughly standard normal (logistic with the same variance): enough for the spread between households."""
    return float(np.log(uniform / (1 - uniform)) * np.sqrt(3) / np.pi) if 0 < uniform < 1 else 0.0
