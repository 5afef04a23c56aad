"""One's own households: readings from a CSV file, in the place of simulated ones.

The file is UTF-8 text with commas. The first line is `start,` and a name for each household; each further line
holds the start of an interval (ISO 8601 with its zone) and each household's net energy in Wh, import less export:

    start,house 1,house 2,house 3
    2026-03-05T00:00+01:00,52.1,33.0,-120.5
    2026-03-05T00:15+01:00,49.8,31.2,-131.0

Intervals have one length, of 1, 5, 15 or 60 minutes, and follow each other without a gap; the last whole weeks count.
"""

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from launcher.analysis.households import COARSE_MIN, PERIODS_MIN, WEEK_DAYS, Floats, Sample, averaged
from launcher.errors import LauncherError

HOUSEHOLDS_MIN: Final = 10
WEEKS_MIN: Final = 3
_AWAY_SHARE: Final = 0.35
_LINES_MAX: Final = 600_000


def read(path: Path) -> Sample:
    """The households of a file.

    Nobody knows when they were away or what they switched on: a week counts as absence when a household uses less than
    35 % of its median week, and the events to be found are the edges of its own readings.

    Raises:
        LauncherError: The file cannot be read, or is not as described above; the text names the line.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            step_min, energy_wh = _parsed(path, csv.reader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise LauncherError(f"{path} cannot be read: {error}. Give a CSV file of readings.") from error
    slots = 24 * 60 // step_min
    weeks = energy_wh.shape[1] // (slots * WEEK_DAYS)
    if weeks < WEEKS_MIN:
        raise LauncherError(f"{path} holds {weeks} whole weeks; habits need {WEEKS_MIN}. Give a longer recording.")
    power_w = energy_wh[:, -weeks * WEEK_DAYS * slots :] * (60 / step_min)
    by_day = power_w.reshape(len(power_w), -1, slots).astype(np.float32)
    coarse_min = max(COARSE_MIN, step_min)
    coarse_w = averaged(by_day, coarse_min // step_min)
    weekly = by_day.reshape(len(by_day), weeks, -1).mean(axis=2)
    return Sample(
        coarse_w=coarse_w,
        load_w=coarse_w,
        fine_w=by_day[:, -WEEK_DAYS:],
        import_w=np.maximum(by_day[:, -WEEK_DAYS:], 0),
        reference_w=by_day[:, :-WEEK_DAYS],
        is_away=weekly < _AWAY_SHARE * np.median(weekly, axis=1, keepdims=True),
        events=None,
        fine_min=step_min,
        coarse_min=coarse_min,
    )


def _parsed(path: Path, lines: Iterator[list[str]]) -> tuple[int, Floats]:
    """The length of an interval, and energies of shape (households, intervals)."""
    header = next(lines, [])
    if len(header) < 1 + HOUSEHOLDS_MIN or header[0] != "start":
        raise LauncherError(
            f"{path}, line 1: must be `start,` and the names of {HOUSEHOLDS_MIN} households or more. Correct it."
        )
    starts: list[float] = []
    rows: list[list[float]] = []
    step_min = 0
    for number, fields in enumerate(lines, 2):
        start, energies = _line(path, number, fields, len(header))
        if starts:
            step_min = step_min or _step(path, number, start - starts[-1])
            if start - starts[-1] != 60 * step_min:
                raise LauncherError(f"{path}, line {number}: begins not {step_min} minutes after the line before.")
        if number > _LINES_MAX:
            raise LauncherError(f"{path} has more than {_LINES_MAX:,} lines. Give fewer weeks or longer intervals.")
        starts.append(start)
        rows.append(energies)
    if not step_min:
        raise LauncherError(f"{path} has fewer than two intervals. Give whole weeks, {WEEKS_MIN} at least.")
    return step_min, np.array(rows).T


def _line(path: Path, number: int, fields: list[str], width: int) -> tuple[float, list[float]]:
    if len(fields) != width:
        raise LauncherError(f"{path}, line {number}: has {len(fields)} fields, the header {width}. Correct that line.")
    try:
        start = datetime.fromisoformat(fields[0])
        energies = [float(field) for field in fields[1:]]
    except ValueError as error:
        raise LauncherError(
            f"{path}, line {number}: {error}. A line is a time as 2026-03-05T00:00+01:00 and a number of Wh for each "
            "household; fill gaps or leave the household out."
        ) from error
    if start.tzinfo is None or not np.isfinite(energies).all():
        raise LauncherError(f"{path}, line {number}: the time needs a zone (+01:00 or Z), and numbers must be finite.")
    return start.timestamp(), energies


def _step(path: Path, number: int, seconds: float) -> int:
    if seconds not in {60 * period for period in PERIODS_MIN}:
        raise LauncherError(
            f"{path}, line {number}: intervals of {seconds / 60:g} minutes. They must have 1, 5, 15 or 60 minutes."
        )
    return round(seconds / 60)
