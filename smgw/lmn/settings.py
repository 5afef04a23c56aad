"""The gateway's `[meter]` settings, and the meter they describe."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from smgw.lmn.clock import SYSTEM_CLOCK, Clock
from smgw.lmn.household import HouseholdOptions
from smgw.lmn.meter import TOLERANCE_DEFAULT_MS, Meter
from smgw.lmn.replay import ReplaySource
from smgw.lmn.simulated import INSTALLED_DEFAULT, SimulatedMeter
from smgw.lmn.sml import SmlSource
from smgw.lmn.source import MeterSource


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    tolerance_s: float = Field(TOLERANCE_DEFAULT_MS / 1000, ge=0.5, le=60)
    """How old the register at a boundary may be."""


class SimulatorSettings(_Settings):
    """A simulated household; what is None is left to the seed."""

    kind: Literal["simulator"] = "simulator"
    seed: int = Field(ge=0, lt=1 << 63)
    persons: int | None = Field(None, ge=1, le=6)
    water_heater: bool | None = None
    heat_pump: bool = False
    car: bool = False
    pv_w: int = Field(0, ge=0, le=30_000)
    installed: date = Field(INSTALLED_DEFAULT, ge=date(2000, 1, 1), le=date(2100, 1, 1))


class CsvSettings(_Settings):
    """A recording: `begin` "recorded" keeps the rows' times, "now" puts the first row at the start of the gateway."""

    kind: Literal["csv"]
    path: Path
    begin: Literal["recorded", "now"] = "recorded"
    repeat: bool = True


class SmlSettings(_Settings):
    """A real meter behind an infrared head on a serial port."""

    kind: Literal["sml"]
    port: Path


MeterSettings = Annotated[SimulatorSettings | CsvSettings | SmlSettings, Field(discriminator="kind")]
"""One of the three, told apart by `kind`."""


def open_meter(settings: SimulatorSettings | CsvSettings | SmlSettings, *, clock: Clock = SYSTEM_CLOCK) -> Meter:
    """The meter these settings describe; enter it with `async with` to open it."""
    return Meter(_source(settings, clock), tolerance_ms=round(settings.tolerance_s * 1000), clock=clock)


def _source(settings: SimulatorSettings | CsvSettings | SmlSettings, clock: Clock) -> MeterSource:
    match settings:
        case SimulatorSettings():
            return SimulatedMeter(settings.seed, _options(settings), installed=settings.installed, clock=clock)
        case CsvSettings():
            begins_now = settings.begin == "now"
            return ReplaySource(settings.path, begins_now=begins_now, repeats=settings.repeat, clock=clock)
        case SmlSettings():
            return SmlSource(settings.port, clock=clock)


def _options(settings: SimulatorSettings) -> HouseholdOptions:
    return HouseholdOptions(
        persons=settings.persons,
        water_heater=settings.water_heater,
        heat_pump=settings.heat_pump,
        car=settings.car,
        pv_w=settings.pv_w,
    )
