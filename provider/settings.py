"""The provider's settings: a TOML file, and environment variables DCNET_PROVIDER_* that override it.

`DCNET_PROVIDER_HOME`, `DCNET_PROVIDER_BROKER__PORT` and so on; `network` is given in the file.
Source: docs/protocol.md, "Rounds" and "Sizes".
"""

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import SettingsConfigDict

from broker.access import INSPECTOR_NAME
from broker.settings import BrokerSettings, BusSettings, HomePath, Name
from broker.toml import FileSettings, load_settings
from common.identifiers import NetworkId
from common.parameters import DRAWS_MAX, Parameters
from common.roster import MESH_MAX
from common.schedule import Schedule
from common.sizes import MEMBERS_MIN, PRIVATE_MIN, RECOMMENDED_MIN
from common.suites import BASIC, BASIC_WARNING, NAMED
from provider.results import DEMONSTRATION

TLS_PORT: Final = 8883
"""Where a broker that runs elsewhere listens unless the settings say otherwise: MQTT over TLS, as registered (IANA)."""

DEGREE_MIN: Final = MESH_MAX - 1
"""In a mesh, everybody is everybody's neighbor."""


class BrokerChoice(BrokerSettings):
    """Which broker: one that the provider starts itself, with the limits below, or one that runs elsewhere."""

    embedded: bool = Field(True, description="Whether to start Mosquitto as a child process")

    inspectors: tuple[Name, ...] = Field(
        (), description="Names of inspectors, who with a certificate for that may read all topics and publish nothing"
    )


class NetworkSettings(BaseModel):
    """One DC-net. `id`, `region`, `suite` and `period_s` never change once the network was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int = Field(ge=1, le=2**32 - 1, description="The network's identifier, used for no other network ever")
    region: Name = Field(description="The region it serves: a-z, 0-9 and -, at most 32 characters")
    suite: Literal["hardened", "basic"] = Field(
        "hardened", description="hardened against a lying provider too; basic, the thesis' own, against a curious one"
    )
    period_s: float = Field(900, ge=1, le=86_400, description="Length of a round")
    window_s: float | None = Field(None, gt=0, description="Frames leave within this; default 20 % of it, at most 60")
    grace_s: float | None = Field(None, ge=0, description="Awaited this much longer; default 10 %, at most 30")
    correction_s: float | None = Field(None, gt=0, description="Limit of a correction; default 10 %, at most 60")
    attempts_max: int = Field(3, ge=1, le=10, description="Corrections in a round")
    members_min: int = Field(MEMBERS_MIN, ge=2, le=65_535, description="No round with fewer members")
    masks_min: int = Field(3, ge=1, le=255, description="No reading leaves its gateway under fewer masks")
    draws: int | None = Field(
        None, ge=1, le=DRAWS_MAX, description=f"Neighbors that each draws, above {MESH_MAX}; default 24, basic 6"
    )
    degree_max: int = Field(255, ge=DEGREE_MIN, le=255, description="Neighbors that a gateway may have")
    demonstration: bool = Field(False, description=f"Whether members_min may be below {MEMBERS_MIN}")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.members_min < MEMBERS_MIN and not self.demonstration:
            raise ValueError(
                f"members_min = {self.members_min} protects nobody: give {MEMBERS_MIN} or more, {PRIVATE_MIN} for some "
                f"privacy, {RECOMMENDED_MIN} for good privacy. To try things out, add demonstration = true"
            )
        if self.masks_min >= self.members_min:
            raise ValueError(
                f"masks_min = {self.masks_min} must be below members_min = {self.members_min}: "
                "each mask needs a neighbor of its own"
            )
        if self.masks_min > self.degree_max:
            raise ValueError(f"masks_min = {self.masks_min} must not be above degree_max = {self.degree_max}")
        try:
            self.schedule  # noqa: B018 -- making it checks it
        except ValueError as error:
            raise ValueError(f"{error}. Shorten window_s, grace_s or correction_s, or lengthen period_s") from error
        return self

    @property
    def schedule(self) -> Schedule:
        """The times in milliseconds, with the defaults filled in.

        Raises:
            ValueError: They do not fit into the period.
        """
        return Schedule(
            _ms(self.period_s),
            _ms(self.window_s if self.window_s is not None else min(0.2 * self.period_s, 60)),
            _ms(self.grace_s if self.grace_s is not None else min(0.1 * self.period_s, 30)),
            _ms(self.correction_s if self.correction_s is not None else min(0.1 * self.period_s, 60)),
            self.attempts_max,
        )

    @property
    def network(self) -> NetworkId:
        """The identifier as its type."""
        return NetworkId(self.id)

    @property
    def parameters(self) -> Parameters:
        """The rules as they are told to the gateways."""
        suite = NAMED[self.suite]
        draws = self.draws if self.draws is not None else suite.draws
        return Parameters(
            suite.code, self.region, self.schedule, self.members_min, self.masks_min, draws, self.degree_max
        )

    @property
    def warning(self) -> str:
        """Why this network's sums may not be private; empty when they are."""
        if self.members_min >= PRIVATE_MIN:
            return ""
        return (
            f"network {self.id} ({self.region}): {DEMONSTRATION}: rounds with as few as {self.members_min} members are "
            f"summed (members_min); from {PRIVATE_MIN} on a sum hides some of a household, "
            f"from {RECOMMENDED_MIN} on most"
        )

    @property
    def suite_warning(self) -> str:
        """Why its suite should be another; empty when it should not."""
        return f"network {self.id} ({self.region}): {BASIC_WARNING}" if NAMED[self.suite] is BASIC else ""


class ProviderSettings(FileSettings):
    """Everything that one provider needs to know."""

    model_config = SettingsConfigDict(env_prefix="DCNET_PROVIDER_")

    home: HomePath = Field(description="Directory of key, certificates, store and results; private")
    name: Name = Field("provider", description="The provider's name on the bus, which its certificate must have")
    broker: BrokerChoice = Field(BrokerChoice(), description="The broker")
    mirror: bool = Field(False, description="Whether to show every frame as JSON too, on dcnet/1/<network>/decoded/...")
    network: tuple[NetworkSettings, ...] = Field(description="The networks, each as [[network]]")

    @model_validator(mode="after")
    def _are_networks_distinct(self) -> Self:
        if not self.network:
            raise ValueError("network is empty: give at least one [[network]] with id and region")
        if self.name in self.broker.inspectors:
            raise ValueError(f"{self.name!r} is the provider's name and cannot be an inspector's: give each its own")
        if other := next((name for name in self.broker.inspectors if not name.startswith(INSPECTOR_NAME)), None):
            raise ValueError(
                f"inspectors in [broker] has {other!r}: names of inspectors begin with {INSPECTOR_NAME!r}, which no "
                f"gateway's does. Enroll it as {INSPECTOR_NAME}-{other}"
            )
        for key in ("id", "region"):
            values = [getattr(network, key) for network in self.network]
            if twice := next((value for value in values if values.count(value) > 1), None):
                raise ValueError(f"two [[network]] have {key} = {twice!r}: each needs its own")
        return self

    def bus(self, host: str, port: int) -> BusSettings:
        """How to reach the broker. The provider is one client, so it may come back at once."""
        return BusSettings(host=host, port=port, reconnect_first_s=0.2, reconnect_max_s=2)


def load(path: Path) -> ProviderSettings:
    """Read the settings file and the environment.

    Raises:
        SettingsError: A key or value is not allowed; the message names the file, the key and what is.
    """
    return load_settings(ProviderSettings, path)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
