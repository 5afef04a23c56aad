"""Meter source that replays registers from a CSV file; `docs/meters.md` describes the format."""

import asyncio
import csv
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from smgw.lmn.clock import SYSTEM_CLOCK, Clock
from smgw.lmn.source import MeterError, RegisterSample

HEADERS: Final = (["time", "import_wh"], ["time", "import_wh", "export_wh"])
_ROWS_MAX: Final = 1_000_000
_WH_MAX: Final = Decimal(10) ** 12
_UNIX_S_MAX: Final = Decimal(10) ** 11
_MWH_PER_DWH: Final = 100
"""Thousandths of a watt hour in 0.1 Wh."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Rows of one file: Unix times in ms, strictly rising; registers in thousandths of a watt hour, never falling."""

    times_ms: list[int]
    import_mwh: list[int]
    export_mwh: list[int] | None

    @property
    def length_ms(self) -> int:
        """Time from the first row to the last."""
        return self.times_ms[-1] - self.times_ms[0]


class ReplaySource:
    """Registers between the rows are interpolated; after the last row, the recording begins again on top of it.

    Args:
        path: the CSV file.
        begins_now: whether the first row counts as the moment of opening; otherwise rows keep their own times.
        repeats: whether the recording is repeated before and after its own time.
        clock: tells the moment of opening.
    """

    def __init__(
        self, path: Path, *, begins_now: bool = False, repeats: bool = True, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._path = path
        self._begins_now = begins_now
        self._repeats = repeats
        self._clock = clock
        self._shift_ms = 0
        self._recording: Recording | None = None

    @property
    def name(self) -> str:
        """What messages to the owner call this meter."""
        return f"the meter replayed from {self._path}"

    async def open(self) -> None:
        """Read the file.

        Raises:
            MeterError: if it is missing or a line is not as the format says.
        """
        self._recording = await asyncio.to_thread(load, self._path)
        if self._begins_now:
            self._shift_ms = self._clock.wall_ms() - self._recording.times_ms[0]

    async def run(self) -> None:
        """Return: there is nothing to collect."""

    def register_at(self, boundary_ms: int) -> RegisterSample | None:
        """The registers at exactly that moment; None outside the recording if it does not repeat."""
        recording = self._recording
        if recording is None:
            return None
        laps, rest_ms = divmod(boundary_ms - self._shift_ms - recording.times_ms[0], recording.length_ms)
        if laps and not self._repeats:
            if (laps, rest_ms) != (1, 0):
                return None
            laps, rest_ms = 0, recording.length_ms
        export = recording.export_mwh
        return RegisterSample(
            time_ms=boundary_ms,
            import_dwh=_register(recording, recording.import_mwh, laps, rest_ms),
            export_dwh=None if export is None else _register(recording, export, laps, rest_ms),
        )

    def problem(self) -> str | None:
        """A recording that is over, or has not begun, is the only trouble."""
        if self._recording is None or self.register_at(self._clock.wall_ms()) is not None:
            return None
        ends = (self._recording.times_ms[0] + self._shift_ms, self._recording.times_ms[-1] + self._shift_ms)
        first, last = (datetime.fromtimestamp(end / 1000, UTC).isoformat(timespec="seconds") for end in ends)
        return f"{self._path} holds registers from {first} to {last} only; let it repeat, or let it begin now"

    def forget(self) -> None:
        """Keep everything: registers follow from the time alone."""


def load(path: Path) -> Recording:
    """Read and check a file.

    Raises:
        MeterError: with file, line, what is wrong and what is allowed.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _parse(path, csv.reader(file))
    except OSError as error:
        raise MeterError(f"cannot read {path}: {error.strerror}; set the path of a CSV file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise MeterError(f"{path} is not a CSV file in UTF-8: {error}") from error


def _parse(path: Path, lines: Iterable[list[str]]) -> Recording:
    numbered = ((number, [cell.strip() for cell in cells]) for number, cells in enumerate(lines, 1) if any(cells))
    number, header = next(numbered, (1, []))
    if header not in HEADERS:
        allowed = " or ".join(",".join(names) for names in HEADERS)
        raise MeterError(f"{path}, line {number}: the first line must be {allowed}, not {','.join(header)!r}")
    rows = list(_rows(path, len(header), numbered))
    if len(rows) < 2:
        raise MeterError(f"{path}: a recording needs at least 2 rows below its header")
    columns = [list(column) for column in zip(*rows, strict=True)]
    return Recording(columns[0], columns[1], columns[2] if len(header) == 3 else None)


def _rows(path: Path, width: int, numbered: Iterator[tuple[int, list[str]]]) -> Iterator[list[int]]:
    """Each row as time in ms and registers, checked against the row before."""
    before: list[int] | None = None
    for count, (number, cells) in enumerate(numbered, 1):
        place = f"{path}, line {number}"
        if len(cells) != width:
            raise MeterError(f"{place}: {len(cells)} columns, but the header has {width}")
        if count > _ROWS_MAX:
            raise MeterError(f"{place}: more than {_ROWS_MAX} rows; split the recording")
        row = [_time_ms(place, cells[0]), *(_register_mwh(place, cell) for cell in cells[1:])]
        if before is not None and row[0] <= before[0]:
            raise MeterError(f"{place}: time {cells[0]} is not after the row before; times must rise")
        if before is not None and any(now < then for now, then in zip(row[1:], before[1:], strict=True)):
            raise MeterError(f"{place}: a register is below the row before; registers never go down")
        before = row
        yield row


def _time_ms(place: str, text: str) -> int:
    """Unix seconds, or ISO 8601 with its zone."""
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        return _iso_ms(place, text)
    if not seconds.is_finite() or not 0 <= seconds <= _UNIX_S_MAX:
        raise MeterError(f"{place}: time {text} is out of range; Unix time in seconds is allowed")
    return int(seconds * 1000)


def _iso_ms(place: str, text: str) -> int:
    allowed = "ISO 8601 with a zone (2026-01-31T18:00:00Z) or Unix seconds are allowed"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise MeterError(f"{place}: time {text!r} cannot be read; {allowed}") from error
    if moment.tzinfo is None:
        raise MeterError(f"{place}: time {text} has no zone; {allowed}")
    return round(moment.timestamp() * 1000)


def _register_mwh(place: str, text: str) -> int:
    try:
        register = Decimal(text)
    except InvalidOperation as error:
        raise MeterError(f"{place}: register {text!r} is not a number; Wh such as 12345.6 are allowed") from error
    if not register.is_finite() or not 0 <= register <= _WH_MAX:
        raise MeterError(f"{place}: register {text} is out of range; 0 to {_WH_MAX:.0e} Wh are allowed")
    return int(register * 1000)


def _register(recording: Recording, column: list[int], laps: int, rest_ms: int) -> int:
    """The register in 0.1 Wh, `rest_ms` into the recording, after so many whole laps; linear between rows."""
    moment_ms = recording.times_ms[0] + rest_ms
    right = min(bisect_right(recording.times_ms, moment_ms), len(column) - 1)
    begin_ms, end_ms = recording.times_ms[right - 1], recording.times_ms[right]
    grown = (column[right] - column[right - 1]) * (moment_ms - begin_ms) // (end_ms - begin_ms)
    return (column[right - 1] + grown + laps * (column[-1] - column[0])) // _MWH_PER_DWH
