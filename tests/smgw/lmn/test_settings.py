"""The `[meter]` settings: what they accept, what they refuse, which meter they open."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from common.identifiers import RoundNumber
from smgw.core.reading import ReadingStatus
from smgw.lmn.settings import CsvSettings, MeterSettings, SimulatorSettings, SmlSettings, open_meter
from smgw.lmn.source import MeterError
from tests.smgw.lmn.conditions import HandClock

ADAPTER: TypeAdapter[SimulatorSettings | CsvSettings | SmlSettings] = TypeAdapter(MeterSettings)
T0 = 1_800_000_000_000


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"kind": "simulator", "seed": 7}, SimulatorSettings),
        ({"kind": "simulator", "seed": 7, "persons": 3, "pv_w": 8_000, "installed": "2026-01-01"}, SimulatorSettings),
        ({"kind": "csv", "path": "mine.csv", "begin": "now", "repeat": False}, CsvSettings),
        ({"kind": "sml", "port": "/dev/ttyUSB0", "tolerance_s": 10}, SmlSettings),
    ],
)
def test_kind_chooses_the_settings(fields: dict[str, Any], kind: type) -> None:
    assert type(ADAPTER.validate_python(fields)) is kind


@pytest.mark.parametrize(
    "fields",
    [
        {"seed": 7},
        {"kind": "mqtt"},
        {"kind": "simulator"},
        {"kind": "simulator", "seed": -1},
        {"kind": "simulator", "seed": 7, "persons": 0},
        {"kind": "simulator", "seed": 7, "pv_w": 99_999},
        {"kind": "simulator", "seed": 7, "port": "/dev/ttyUSB0"},
        {"kind": "csv"},
        {"kind": "csv", "path": "mine.csv", "begin": "tomorrow"},
        {"kind": "sml", "port": "/dev/ttyUSB0", "tolerance_s": 0},
    ],
)
def test_nonsense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(fields)


async def test_simulator_settings_open_a_meter_that_reads() -> None:
    hand = HandClock(T0)
    options = {"kind": "simulator", "seed": 7, "persons": 2, "heat_pump": True, "pv_w": 3_000}
    async with open_meter(ADAPTER.validate_python(options), clock=hand.clock()) as meter:
        hand.pass_time(900_000)
        reading = await meter.take(RoundNumber(1), T0, T0 + 900_000)
        assert reading.status is ReadingStatus.VALID
        assert meter.name == "the simulated meter"


async def test_csv_that_is_not_there_is_told_at_opening(tmp_path: Path) -> None:
    with pytest.raises(MeterError, match="set the path of a CSV file"):
        async with open_meter(CsvSettings(kind="csv", path=tmp_path / "none.csv")):
            pass


def test_sml_settings_name_the_port() -> None:
    assert open_meter(SmlSettings(kind="sml", port=Path("/dev/ttyUSB0"))).name == "the meter on /dev/ttyUSB0"


@pytest.mark.parametrize(
    ("settings", "loaded"),
    [
        ("SimulatorSettings(seed=1)", {"numpy"}),
        ("CsvSettings(kind='csv', path='mine.csv')", set()),
        ("SmlSettings(kind='sml', port='/dev/ttyUSB0')", {"sml"}),
    ],
)
def test_a_gateway_loads_only_what_its_kind_of_meter_needs(settings: str, loaded: set[str]) -> None:
    code = f"import sys, smgw.__main__; from smgw.lmn.settings import *; open_meter({settings}); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, encoding="utf-8")
    assert {"numpy", "sml"} & set(ran.stdout.split()) == loaded
