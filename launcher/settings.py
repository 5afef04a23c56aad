"""The settings of a demonstration's processes, made of its profile."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from launcher.administration import INSPECTORS
from launcher.profile import MeterChoice, NetworkPlan, Profile
from launcher.scratch import Scratch
from launcher.toml_writer import Table

SAMPLES = Path(str(files("config").joinpath("samples")))
SAMPLE = SAMPLES / "household.csv"

_RECONNECT_MAX_S = 2
"""A demonstration's few gateways may come back at once when the broker does."""


class ProviderReady(BaseModel):
    """What the provider writes down once its bus stands."""

    model_config = ConfigDict(frozen=True)

    host: str
    port: int

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read the file; None while there is none."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """One gateway: its name on the bus, its number in its network, which is the `network_id`-th of the provider."""

    name: str
    number: int
    network_id: int
    plan: NetworkPlan
    period_s: float

    @property
    def meter(self) -> MeterChoice:
        """Its meter: the one that the profile names, else a simulated household."""
        named = (choice for choice in self.plan.meter if choice.gateway == self.number)
        return next(named, MeterChoice(gateway=self.number, kind="simulator"))

    @property
    def seed(self) -> int:
        """Which household it is."""
        return 1_000 * self.network_id + self.number


def gateway_plan(profile: Profile, network_id: int, number: int) -> GatewayPlan:
    """Name a gateway: `gateway-3`, or with several networks `north-3`."""
    plan = profile.network[network_id - 1]
    prefix = plan.region if len(profile.network) > 1 else "gateway"
    return GatewayPlan(f"{prefix}-{number}", number, network_id, plan, profile.period_s)


def provider_settings(profile: Profile, scratch: Scratch) -> Table:
    """The provider, with its own Mosquitto on a free port of this machine."""
    return {
        "home": scratch.provider_home,
        "broker": {"embedded": True, "port": 0, "inspectors": INSPECTORS},
        "network": [
            {
                "id": network_id,
                "region": plan.region,
                "period_s": profile.period_s,
                "suite": plan.suite,
                "members_min": plan.members_min,
                "masks_min": plan.masks_min,
                "demonstration": plan.demonstration,
            }
            for network_id, plan in enumerate(profile.network, 1)
        ],
    }


def gateway_settings(gateway: GatewayPlan, provider: ProviderReady, scratch: Scratch) -> Table:
    """A gateway of this provider."""
    return {
        "name": gateway.name,
        "region": gateway.plan.region,
        "home": scratch.gateway_home(gateway.name),
        "suite": gateway.plan.suite,
        "members_min": gateway.plan.members_min,
        "masks_min": gateway.plan.masks_min,
        "period_min_s": gateway.period_s,
        "broker": {"host": provider.host, "port": provider.port, "reconnect_max_s": _RECONNECT_MAX_S},
        "meter": _meter_settings(gateway, scratch),
    }


def _meter_settings(gateway: GatewayPlan, scratch: Scratch) -> Table:
    choice = gateway.meter
    match choice.kind:
        case "emulator":
            return {"kind": "sml", "port": scratch.meter_link(gateway.name)}
        case "csv":
            return {"kind": "csv", "path": (choice.path or SAMPLE).absolute()}
        case "simulator":
            options = choice.model_dump(include={"heat_pump", "car", "pv_w"})
            return {"kind": "simulator", "seed": gateway.seed, **options}
