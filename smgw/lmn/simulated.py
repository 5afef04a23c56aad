"""A simulated household's meter: registers at any moment, as a pure function of seed, options and time.

The register is a seeded start value plus all energy since the day of installation, a fixed date. So it never
goes down, and a restarted process finds the same register at the same boundary. One pass over the days since
then (some 25 microseconds each) is made when the meter is opened; later, each new day is added once.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smgw.lmn.clock import SYSTEM_CLOCK, Clock
from smgw.lmn.draws import uniforms
from smgw.lmn.household import DAY_MINUTES, LOCAL_OFFSET_MS, Household, HouseholdOptions, Profile, Run
from smgw.lmn.source import RegisterSample

INSTALLED_DEFAULT: Final = date(2025, 1, 1)
_DAY_MS: Final = DAY_MINUTES * 60_000
_WMS_PER_DWH: Final = 360_000
"""Watt milliseconds in 0.1 Wh."""
_CHUNK_DAYS: Final = 366
_LIFE_DAYS: Final = 36_525
_START_STREAM: Final = 5


@dataclass(frozen=True, slots=True)
class ApplianceEvent:
    """What truly ran, in Unix time; for scoring what somebody claims to see in the readings."""

    appliance: str
    start_ms: int
    end_ms: int
    energy_dwh: int


@dataclass(frozen=True, slots=True)
class _Day:
    """Watts by minute and the watt minutes before each minute, for import and export."""

    import_w: NDArray[np.int64]
    export_w: NDArray[np.int64]
    import_wmin: NDArray[np.int64]
    export_wmin: NDArray[np.int64]


class SimulatedMeter:
    """Meter source of one simulated household."""

    def __init__(
        self,
        seed: int,
        options: HouseholdOptions | None = None,
        *,
        installed: date = INSTALLED_DEFAULT,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._household = Household(seed, options)
        self._has_export = bool(options and options.pv_w)
        self._first_day = (installed - date(1970, 1, 1)).days
        self._installed = installed
        self._clock = clock
        starts = uniforms(seed, _START_STREAM, np.zeros(1, dtype=np.int64), 2)[0]
        # Watt minutes before each day since installation; a used meter starts at 1 to 31 MWh.
        self._import_wmin = [round((1 + 30 * float(starts[0])) * 60e6)]
        self._export_wmin = [round((1 + 30 * float(starts[1])) * 60e6)]
        self._day = lru_cache(maxsize=2)(self._make_day)

    @property
    def name(self) -> str:
        """What messages to the owner call this meter."""
        return "the simulated meter"

    async def open(self) -> None:
        """Add up the days since installation, outside the event loop."""
        await asyncio.to_thread(self.register_at, self._clock.wall_ms())

    async def run(self) -> None:
        """Return: there is nothing to collect."""

    def register_at(self, boundary_ms: int) -> RegisterSample | None:
        """The registers at exactly that moment; None outside a century from the day of installation."""
        day, rest_ms = divmod(boundary_ms + LOCAL_OFFSET_MS, _DAY_MS)
        age = day - self._first_day
        if not 0 <= age < _LIFE_DAYS:
            return None
        self._add_up(age)
        profile = self._day(day)
        minute, part_ms = divmod(rest_ms, 60_000)
        imported = self._import_wmin[age] + int(profile.import_wmin[minute])
        exported = self._export_wmin[age] + int(profile.export_wmin[minute])
        import_w, export_w = int(profile.import_w[minute]), int(profile.export_w[minute])
        return RegisterSample(
            time_ms=boundary_ms,
            import_dwh=(imported * 60_000 + import_w * part_ms) // _WMS_PER_DWH,
            export_dwh=(exported * 60_000 + export_w * part_ms) // _WMS_PER_DWH if self._has_export else None,
            power_w=import_w - export_w,
        )

    def problem(self) -> str | None:
        """Only a clock that lies outside the meter's life keeps it from counting."""
        now_ms = self._clock.wall_ms()
        if self.register_at(now_ms) is not None:
            return None
        now = datetime.fromtimestamp(now_ms / 1000, UTC).date()
        return f"{self.name} was installed on {self._installed}, but the clock says {now}; check the clock"

    def forget(self) -> None:
        """Keep everything: registers follow from the time alone."""

    def events(self, start_ms: int, end_ms: int) -> list[ApplianceEvent]:
        """The true appliance runs that start in [start_ms, end_ms), in order of time."""
        first_day = (start_ms + LOCAL_OFFSET_MS) // _DAY_MS
        last_day = (end_ms - 1 + LOCAL_OFFSET_MS) // _DAY_MS
        runs = self._household.runs(first_day, max(0, last_day - first_day + 1))
        events = [_event(run) for run in runs]
        return [event for event in events if start_ms <= event.start_ms < end_ms]

    def _add_up(self, age: int) -> None:
        """Extend the sums until they hold the watt minutes before day `age`."""
        while len(self._import_wmin) <= age:
            done = len(self._import_wmin) - 1
            days = min(_CHUNK_DAYS, age - done)
            profile = self._household.profile(self._first_day + done, days)
            _extend(self._import_wmin, profile.import_w)
            _extend(self._export_wmin, profile.export_w)

    def _make_day(self, day: int) -> _Day:
        profile: Profile = self._household.profile(day, 1)
        import_w, export_w = profile.import_w, profile.export_w
        return _Day(import_w, export_w, np.cumsum(import_w) - import_w, np.cumsum(export_w) - export_w)


def _extend(sums: list[int], watts: NDArray[np.int64]) -> None:
    for energy_wmin in watts.reshape(-1, DAY_MINUTES).sum(axis=1).tolist():
        sums.append(sums[-1] + energy_wmin)


def _event(run: Run) -> ApplianceEvent:
    start_ms = run.start * 60_000 - LOCAL_OFFSET_MS
    return ApplianceEvent(run.appliance, start_ms, start_ms + run.minutes * 60_000, run.energy_wmin // 6)
