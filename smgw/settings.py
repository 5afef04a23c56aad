"""The gateway's settings: a TOML file, and environment variables DCNET_SMGW_* that override it.

`DCNET_SMGW_HOME`, `DCNET_SMGW_BROKER__PORT` and so on: two underscores stand between a table and its key. They are
merged here and not by pydantic-settings, whose import alone takes a fifth of a gateway's start.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from broker.settings import BusSettings
from broker.toml import check_settings, read_toml
from smgw.lmn.settings import MeterSettings

_PREFIX: Final = "DCNET_SMGW_"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]
"""A name on the bus: 1 to 32 characters of a-z, 0-9 and -."""

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


def _absolute(path: Path) -> Path:
    if not path.is_absolute() and path.parts[:1] != ("~",):
        raise ValueError(f"{path} must be an absolute path, such as /var/lib/dcnet/smgw, or begin with ~/")
    return path.expanduser()


class _Config(ConfigDict, total=False):
    """Pydantic's configuration, and the prefix that messages about a faulty variable name (see `broker.toml`)."""

    env_prefix: str


class GatewaySettings(BaseModel):
    """Everything that the owner of a gateway decides; a network whose rules are weaker is refused."""

    model_config = _Config(frozen=True, extra="forbid", env_prefix=_PREFIX)

    name: Name = Field(description="The gateway's pseudonym on the bus: a-z, 0-9 and -, at most 32 characters")
    region: Name = Field(description="The region whose network it joins: a-z, 0-9 and -, at most 32 characters")
    home: Annotated[Path, AfterValidator(_absolute)] = Field(
        description="Directory of identity key and vault, for this gateway alone; made when missing, private"
    )
    provider_key: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="The provider's Ed25519 public key as it hands it out: 64 hexadecimal digits in lower case",
    )
    suite: Literal["basic"] = Field("basic", description="The protocol's suite")
    members_min: int = Field(5, ge=2, le=65_535, description="No reading leaves when fewer members are expected")
    masks_min: int = Field(3, ge=1, le=255, description="No reading leaves under fewer masks")
    degree_max: int = Field(24, ge=1, le=255, description="Neighbors that the gateway may have")
    ledger_frames: int = Field(
        40_000, ge=100, le=10_000_000, description="Sent frames kept with their readings; quarter hours: 35,040 a year"
    )
    log_level: LogLevel = Field("INFO", description="Least weight of a line on the standard error")
    broker: BusSettings = Field(default_factory=BusSettings, description="How to reach the provider's broker")
    meter: MeterSettings = Field(description="Where readings come from: a table [meter] that begins with its kind")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.masks_min >= self.members_min:
            raise ValueError(
                f"masks_min = {self.masks_min} must be below members_min = {self.members_min}: "
                "each mask needs a neighbor of its own"
            )
        if self.masks_min > self.degree_max:
            raise ValueError(f"masks_min = {self.masks_min} must not be above degree_max = {self.degree_max}")
        return self


def load(path: Path) -> GatewaySettings:
    """Read the settings file and the environment.

    Raises:
        SettingsError: A key or value is not allowed; the message names the file, the key and what is.
    """
    table = read_toml(path)
    _override(table, os.environ)
    return check_settings(GatewaySettings, table, str(path))


def _override(table: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Set each key that a variable names."""
    for variable in sorted(environment):
        if not variable.startswith(_PREFIX):
            continue
        *tables, key = variable.removeprefix(_PREFIX).lower().split("__")
        inner = table
        for name in tables:
            if not isinstance(inner.get(name), dict):
                inner[name] = {}
            inner = inner[name]
        inner[key] = environment[variable]
