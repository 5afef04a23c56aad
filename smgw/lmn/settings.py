"""The gateway's `[meter]` settings, and the meter they describe.

Each kind's modules are loaded when such a meter is made: only a simulated household needs numpy and its 13 MB.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from smgw.lmn.clock import SYSTEM_CLOCK, Clock
from smgw.lmn.meter import TOLERANCE_DEFAULT_MS, Meter
from smgw.lmn.source import MeterSource


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    tolerance_s: float = Field(
        TOLERANCE_DEFAULT_MS / 1000, ge=0.5, le=60, description="How old the register at the end of a round may be"
    )


class SimulatorSettings(_Settings):
    """A simulated household; what is None is left to the seed."""

    kind: Literal["simulator"] = "simulator"
    seed: int = Field(ge=0, lt=1 << 63, description="Which household; the same seed gives the same one")
    persons: int | None = Field(None, ge=1, le=6, description="Who lives in it; default: the seed decides")
    water_heater: bool | None = Field(None, description="Whether one of 18 kW makes the hot water; default: as persons")
    heat_pump: bool = Field(False, description="Whether it has a heat pump")
    car: bool = Field(False, description="Whether it charges an electric car")
    pv_w: int = Field(0, ge=0, le=30_000, description="Peak power of its photovoltaic system in W")
    installed: date | None = Field(
        None, ge=date(2000, 1, 1), le=date(2100, 1, 1), description="When the meter began to count; default 2025-01-01"
    )


class CsvSettings(_Settings):
    """A recording: `begin` "recorded" keeps the rows' times, "now" puts the first row at the start of the gateway."""

    kind: Literal["csv"]
    path: Path = Field(description="The recording; docs/meters.md describes the format")
    begin: Literal["recorded", "now"] = Field("recorded", description="When its first row is")
    repeat: bool = Field(True, description="Whether it begins again after its end")


class SmlSettings(_Settings):
    """A real meter behind an infrared head on a serial port."""

    kind: Literal["sml"]
    port: Path = Field(description="The serial port of the infrared head, such as /dev/ttyUSB0")


MeterSettings = Annotated[SimulatorSettings | CsvSettings | SmlSettings, Field(discriminator="kind")]
"""One of the three, told apart by `kind`."""


def open_meter(settings: SimulatorSettings | CsvSettings | SmlSettings, *, clock: Clock = SYSTEM_CLOCK) -> Meter:
    """The meter these settings describe; enter it with `async with` to open it."""
    match settings:
        case SimulatorSettings():
            source = _simulated(settings, clock)
        case CsvSettings():
            source = _replayed(settings, clock)
        case SmlSettings():
            source = _read(settings, clock)
    return Meter(source, tolerance_ms=round(settings.tolerance_s * 1000), clock=clock)


def _simulated(settings: SimulatorSettings, clock: Clock) -> MeterSource:
    from smgw.lmn.household import HouseholdOptions  # noqa: PLC0415 -- see above
    from smgw.lmn.simulated import INSTALLED_DEFAULT, SimulatedMeter  # noqa: PLC0415

    options = HouseholdOptions(
        persons=settings.persons,
        water_heater=settings.water_heater,
        heat_pump=settings.heat_pump,
        car=settings.car,
        pv_w=settings.pv_w,
    )
    return SimulatedMeter(settings.seed, options, installed=settings.installed or INSTALLED_DEFAULT, clock=clock)


def _replayed(settings: CsvSettings, clock: Clock) -> MeterSource:
    from smgw.lmn.replay import ReplaySource  # noqa: PLC0415

    begins_now = settings.begin == "now"
    return ReplaySource(settings.path, begins_now=begins_now, repeats=settings.repeat, clock=clock)


def _read(settings: SmlSettings, clock: Clock) -> MeterSource:
    from smgw.lmn.sml import SmlSource  # noqa: PLC0415

    return SmlSource(settings.port, clock=clock)
