"""Profiles: which networks a demonstration runs, and what happens in them. Files in `config/profiles`."""

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from broker.toml import SettingsError, check_settings, load_settings
from common.schedule import Schedule
from launcher.errors import LauncherError
from launcher.script import Step, faults, fitting
from provider.settings import NetworkSettings

_PROFILES = files("config").joinpath("profiles")

Region = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,24}$")]
"""Short enough for the gateways' names, which begin with it."""


class MeterChoice(BaseModel):
    """The meter of one gateway; who has none of these simulates a household."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gateway: int = Field(ge=1, description="The gateway's number")
    kind: Literal["simulator", "csv", "emulator"] = Field(
        description="simulator; csv, a recording; emulator, SML telegrams through a pseudo-terminal"
    )
    path: Path | None = Field(None, description="The recording; default: the sample that comes with the program")
    heat_pump: bool = Field(False, description="Whether the simulated household has a heat pump")
    car: bool = Field(False, description="Whether it charges an electric car")
    pv_w: int = Field(0, ge=0, le=30_000, description="Peak power of its photovoltaic system in W")


class NetworkPlan(BaseModel):
    """One network with its gateways. The rules are the provider's settings of the same names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    region: Region = Field(description="The region: a-z, 0-9 and -, at most 24 characters")
    gateways: int = Field(ge=2, le=1_000, description="How many gateways it begins with")
    suite: Literal["hardened", "basic"] = Field("hardened", description="The protocol's suite")
    members_min: int = Field(5, ge=2, le=1_000, description="No round with fewer members")
    masks_min: int = Field(3, ge=1, le=255, description="No reading leaves its gateway under fewer masks")
    demonstration: bool = Field(False, description="Whether members_min may be below every safe size")
    meter: tuple[MeterChoice, ...] = Field((), description="Meters that are no simple simulated household")

    @property
    def has_real_meter(self) -> bool:
        """Whether a gateway hears its meter through a port, and so knows nothing of the time before it started."""
        return any(choice.kind == "emulator" for choice in self.meter)


class Profile(BaseModel):
    """A demonstration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(description="What there is to see, in a line")
    period_s: float = Field(ge=1, le=86_400, description="Length of a round in seconds")
    rounds: int = Field(12, ge=0, description="How many rounds to play; 0 plays until Ctrl-C")
    network: tuple[NetworkPlan, ...] = Field(min_length=1, description="The networks, each as [[network]]")
    step: tuple[Step, ...] = Field((), description="The script, each line as [[step]]")

    @model_validator(mode="after")
    def _is_playable(self) -> Self:
        regions = [plan.region for plan in self.network]
        if len(set(regions)) < len(regions):
            raise ValueError("two [[network]] have the same region: each needs its own")
        for step in self.step:
            if step.region not in (regions if len(regions) > 1 else [None, *regions]):
                raise ValueError(f"[[step]] of round {step.round}: region must be one of {', '.join(regions)}")
        for plan in self.network:
            if plan.gateways < plan.members_min:
                raise ValueError(
                    f"{plan.gateways} gateways are fewer than members_min = {plan.members_min} of region {plan.region},"
                    f" so no round would be summed. Run {plan.members_min} or more"
                )
            if found := faults(self.steps_of(plan), plan.gateways):
                raise ValueError(f"{found[0]} (region {plan.region})")
        return self

    def steps_of(self, plan: NetworkPlan) -> list[Step]:
        """The script of one network, in the order in which it is played."""
        own = [step for step in self.step if step.region in (None, plan.region)]
        return sorted(own, key=lambda step: (step.round, step.delay_s))

    @property
    def schedule(self) -> Schedule:
        """The times of a round, as the provider's defaults make them of the period.

        Raises:
            LauncherError: The rules of a network contradict each other.
        """
        try:
            schedules = [_provider_rules(plan, self.period_s).schedule for plan in self.network]
        except SettingsError as error:
            raise LauncherError(str(error)) from error
        return schedules[0]


def _provider_rules(plan: NetworkPlan, period_s: float) -> NetworkSettings:
    """The network as its provider will read it."""
    rules = plan.model_dump(include={"region", "suite", "members_min", "masks_min", "demonstration"})
    return check_settings(NetworkSettings, {"id": 1, "period_s": period_s, **rules}, f"region {plan.region}")


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says instead of the profile; None leaves it as it is."""

    gateways: int | None = None
    rounds: int | None = None
    period_s: float | None = None
    suite: str | None = None


def profile_names() -> list[str]:
    """The profiles that come with the program."""
    return sorted(entry.name.removesuffix(".toml") for entry in _PROFILES.iterdir() if entry.name.endswith(".toml"))


def load_profile(name: str, overrides: Overrides) -> Profile:
    """Read a profile by its name, or by the path of a TOML file, and change what the command line changes.

    Raises:
        LauncherError: There is none of this name, or it holds what cannot be played.
    """
    try:
        if name.endswith(".toml"):
            return _overridden(load_settings(Profile, Path(name)), overrides, name)
        if name not in profile_names():
            known = ", ".join(profile_names())
            raise LauncherError(f"There is no profile {name!r}. Take one of {known}, or the path of a .toml file.")
        with as_file(_PROFILES.joinpath(f"{name}.toml")) as path:
            return _overridden(load_settings(Profile, path), overrides, name)
    except SettingsError as error:
        raise LauncherError(str(error)) from error


def _overridden(profile: Profile, overrides: Overrides, name: str) -> Profile:
    table = profile.model_dump()
    if overrides.rounds is not None:
        table["rounds"] = overrides.rounds
    if overrides.suite is not None:
        for network in table["network"]:
            network["suite"] = overrides.suite
    if (gateways := overrides.gateways) is not None:
        table["step"] = [
            step.model_copy(update={"region": plan.region}).model_dump()
            for plan in profile.network
            for step in fitting(profile.steps_of(plan), plan.gateways, gateways, plan.members_min)
        ]
        for network in table["network"]:
            network["gateways"] = gateways
            network["meter"] = [meter for meter in network["meter"] if meter["gateway"] <= gateways]
    if overrides.period_s is not None:
        table["period_s"] = overrides.period_s
        for step in table["step"]:
            step["delay_s"] *= overrides.period_s / profile.period_s
    return check_settings(Profile, table, f"profile {name} with these options")
