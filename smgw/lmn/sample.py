"""Writes a recording of a simulated household with a photovoltaic system, in the format that `replay` reads.

python -m smgw.lmn.sample config/samples/household.csv
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from smgw.lmn.household import HouseholdOptions
from smgw.lmn.simulated import SimulatedMeter

SAMPLE_SEED: Final = 7
SAMPLE_DAY: Final = datetime(2026, 5, 6, tzinfo=UTC)
SAMPLE_OPTIONS: Final = HouseholdOptions(persons=3, pv_w=4000)


def sample_lines(seed: int, day: datetime, options: HouseholdOptions) -> Iterator[str]:
    """Header and one row a minute, from midnight to midnight UTC, so that a repetition keeps the time of day."""
    meter = SimulatedMeter(seed, options)
    yield "time,import_wh,export_wh"
    for minute in range(24 * 60 + 1):
        moment = day + timedelta(minutes=minute)
        sample = meter.register_at(int(moment.timestamp()) * 1000)
        assert sample is not None, "the sample lies in the meter's life"
        registers = (sample.import_dwh, sample.export_dwh or 0)
        yield ",".join((f"{moment:%Y-%m-%dT%H:%MZ}", *(f"{dwh // 10}.{dwh % 10}" for dwh in registers)))


def main(argv: Sequence[str] | None = None) -> None:
    """Write the sample to a file."""
    parser = argparse.ArgumentParser(prog="python -m smgw.lmn.sample", description="Write a sample recording.")
    parser.add_argument("path", type=Path, help="the CSV file to write")
    parser.add_argument("--seed", type=int, default=SAMPLE_SEED, help=f"which household (default {SAMPLE_SEED})")
    arguments = parser.parse_args(argv)
    lines = sample_lines(arguments.seed, SAMPLE_DAY, SAMPLE_OPTIONS)
    arguments.path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
