"""The meter as the agent sees it: one reading per interval, from any source.

Interval energy is the difference of the registers at its two boundaries (never integrated power), each floored
to 0.1 Wh before. The register that closed one interval opens the next, so intervals add up to the register.
"""

import asyncio
import logging
from types import TracebackType
from typing import Final, Self

from common.identifiers import RoundNumber
from smgw.core.reading import Reading, ReadingStatus
from smgw.lmn.clock import SYSTEM_CLOCK, Clock
from smgw.lmn.source import MeterSource, RegisterSample

logger = logging.getLogger(__name__)

TOLERANCE_DEFAULT_MS: Final = 5_000
"""How old the register at a boundary may be: a meter speaks every 1 to 4 s, and a telegram takes up to 0.5 s."""

WATCH_EVERY_S: Final = 3
"""How often the source is asked whether all is well: who sets up a meter shall not wait for a round to hear."""

_STEP_MIN_MS: Final = 500
_COMPLAINT_EVERY_MS: Final = 60_000
_BOUNDARIES_KEPT: Final = 8


class Meter:
    """Readings of one household; an async context manager that owns the tasks which collect telegrams and watch."""

    def __init__(
        self, source: MeterSource, *, tolerance_ms: int = TOLERANCE_DEFAULT_MS, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._source = source
        self._tolerance_ms = tolerance_ms
        self._clock = clock
        self._offset_ms = self._clock_offset_ms()
        self._boundaries: dict[int, RegisterSample] = {}
        self._complained_ms: dict[ReadingStatus, int] = {}
        self._tasks = asyncio.TaskGroup()
        self._work: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Open the source and start to collect.

        Raises:
            MeterError: if the settings name something that cannot be used.
        """
        await self._source.open()
        self._offset_ms = self._clock_offset_ms()
        await self._tasks.__aenter__()
        self._work = [self._tasks.create_task(each) for each in (self._source.run(), self._watch())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop collecting. An error of the body passes unchanged; only one of the source arrives in a group."""
        for task in self._work:
            task.cancel()
        if isinstance(error, asyncio.CancelledError):
            await self._tasks.__aexit__(kind, error, trace)
        else:
            await self._tasks.__aexit__(None, None, None)

    @property
    def name(self) -> str:
        """What messages to the owner call this meter."""
        return self._source.name

    def problem(self) -> str | None:
        """What keeps the meter from giving registers, as a sentence for the owner; None while all is well."""
        return self._source.problem()

    def latest(self) -> RegisterSample | None:
        """The newest registers, for the owner's own display; changes nothing."""
        return self._source.register_at(self._clock.wall_ms())

    async def take(self, round_number: RoundNumber, start_ms: int, end_ms: int) -> Reading:
        """The energy of the interval from `start_ms` to `end_ms` (Unix time); to be called right at `end_ms`.

        Answers at once and never raises for a silent meter: the status tells. Asking again for an interval
        gives the same answer.
        """
        reading = self._reading(round_number, start_ms, end_ms)
        if not reading.is_valid:
            self._complain(reading.status)
        return reading

    async def _watch(self) -> None:
        """Tell the owner of a meter that gives no registers, before the first round and between long ones."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            if self._source.problem() is not None:
                self._complain(ReadingStatus.BOUNDARY_MISSING)

    def _reading(self, round_number: RoundNumber, start_ms: int, end_ms: int) -> Reading:
        is_clock_valid = end_ms > start_ms and not self._clock_was_stepped(end_ms - start_ms)
        # Even then both registers are noted: the next interval begins with this one's end.
        start, end = self._register(start_ms), self._register(end_ms)
        if not is_clock_valid:
            return Reading(round_number, 0, 0, ReadingStatus.CLOCK_INVALID)
        if start is None or end is None:
            return Reading(round_number, 0, 0, ReadingStatus.BOUNDARY_MISSING)
        return difference(round_number, start, end)

    def _register(self, boundary_ms: int) -> RegisterSample | None:
        """The register of this boundary: the one it had before if it was asked for already."""
        if boundary_ms in self._boundaries:
            return self._boundaries[boundary_ms]
        sample = self._source.register_at(boundary_ms)
        if sample is None or boundary_ms - sample.time_ms > self._tolerance_ms:
            return None
        self._boundaries[boundary_ms] = sample
        while len(self._boundaries) > _BOUNDARIES_KEPT:
            del self._boundaries[next(iter(self._boundaries))]
        return sample

    def _clock_was_stepped(self, interval_ms: int) -> bool:
        """Tell whether wall and steady clock parted since the last reading by more than 1 % of the interval.

        A step of 1 % moves no more energy between two rounds than that; below 0.5 s it could be the clock's slewing.
        """
        offset_ms = self._clock_offset_ms()
        parted_ms = abs(offset_ms - self._offset_ms)
        self._offset_ms = offset_ms
        if parted_ms <= max(_STEP_MIN_MS, interval_ms // 100):
            return False
        self._boundaries.clear()
        self._source.forget()
        return True

    def _clock_offset_ms(self) -> int:
        return self._clock.wall_ms() - self._clock.steady_ms()

    def _complain(self, status: ReadingStatus) -> None:
        """Tell the owner why there is no reading, at most once a minute for each reason."""
        now_ms = self._clock.steady_ms()
        last_ms = self._complained_ms.get(status)
        if last_ms is not None and now_ms - last_ms < _COMPLAINT_EVERY_MS:
            return
        self._complained_ms[status] = now_ms
        logger.warning("%s", self._explain(status))

    def _explain(self, status: ReadingStatus) -> str:
        if status is ReadingStatus.CLOCK_INVALID:
            return "the clock was stepped; this round has no reading. If this repeats, check the time service (NTP)"
        if status is ReadingStatus.REGISTER_DECREASED:
            return f"{self.name} counts less than before; this round has no reading. Was the meter exchanged?"
        return self._source.problem() or f"{self.name} was not heard near both ends of this round; it has no reading"


def difference(round_number: RoundNumber, start: RegisterSample, end: RegisterSample) -> Reading:
    """The reading between two samples; 0 for export unless both have that register."""
    import_dwh = end.import_dwh - start.import_dwh
    has_export = start.export_dwh is not None and end.export_dwh is not None
    export_dwh = (end.export_dwh or 0) - (start.export_dwh or 0) if has_export else 0
    if import_dwh < 0 or export_dwh < 0:
        return Reading(round_number, 0, 0, ReadingStatus.REGISTER_DECREASED)
    return Reading(round_number, import_dwh, export_dwh, ReadingStatus.VALID)
