"""The gateway's settings: a TOML file, and environment variables DCNET_SMGW_* that override it.

`DCNET_SMGW_HOME`, `DCNET_SMGW_BROKER__PORT` and so on: two underscores stand between a table and its key.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from broker.settings import BusSettings, HomePath, Name
from broker.toml import FileSettings, load_settings
from common.sizes import MEMBERS_MIN
from smgw.lmn.settings import MeterSettings

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class GatewaySettings(FileSettings):
    """Everything that the owner of a gateway decides; a network whose rules are weaker is refused."""

    model_config = SettingsConfigDict(env_prefix="DCNET_SMGW_")

    name: Name = Field(description="The gateway's pseudonym on the bus: a-z, 0-9 and -, at most 32 characters")
    region: Name = Field(description="The region whose network it joins: a-z, 0-9 and -, at most 32 characters")
    home: HomePath = Field(
        description="Directory of credentials and vault, for this gateway alone, private; enrolling makes it"
    )
    suite: Literal["hardened", "basic"] = Field(
        "hardened", description="hardened against a lying provider too; basic, the thesis' own, against a curious one"
    )
    members_min: int = Field(
        MEMBERS_MIN, ge=2, le=65_535, description="No reading leaves when fewer members are expected"
    )
    masks_min: int = Field(3, ge=1, le=255, description="No reading leaves under fewer masks")
    period_min_s: float = Field(900, ge=1, le=86_400, description="No rounds are shorter: quick sums tell more")
    draws_min: int | None = Field(
        None, ge=1, le=255, description="Neighbors that it draws at least, beyond 25 members; default 24, basic 6"
    )
    degree_max: int = Field(255, ge=1, le=255, description="Neighbors that the gateway may have")
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
        for key in ("masks_min", "draws_min"):
            if (getattr(self, key) or 0) > self.degree_max:
                raise ValueError(f"{key} = {getattr(self, key)} must not be above degree_max = {self.degree_max}")
        return self


def load(path: Path) -> GatewaySettings:
    """Read the settings file and the environment.

    Raises:
        SettingsError: A key or value is not allowed; the message names the file, the key and what is.
    """
    return load_settings(GatewaySettings, path)
