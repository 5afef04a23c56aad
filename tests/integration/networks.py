"""The networks of a field: the rules of each, and what its provider publishes about a round."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from common.identifiers import NetworkId

NORTH: Final = NetworkId(1)
SOUTH: Final = NetworkId(2)
REGIONS: Final = {NORTH: "north", SOUTH: "south"}


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one network, for its provider and its gateways alike.

    A round is full once its last gateway has sent, within 0.36 s; it waits twice as long for one that is slow.
    Up to 25 members, everybody is everybody's neighbor.
    """

    network: NetworkId = NORTH
    period_s: float = 2
    window_s: float = 0.4
    grace_s: float = 0.4
    correction_s: float = 0.35
    members_min: int = 5
    masks_min: int = 3

    @property
    def region(self) -> str:
        """The region that the network serves."""
        return REGIONS[self.network]

    @property
    def period_ms(self) -> int:
        """The length of a round."""
        return round(self.period_s * 1000)

    def toml(self) -> str:
        """The provider's table of this network."""
        return (
            f'[[network]]\nid = {self.network}\nregion = "{self.region}"\nperiod_s = {self.period_s}\n'
            f"window_s = {self.window_s}\ngrace_s = {self.grace_s}\ncorrection_s = {self.correction_s}\n"
            f"members_min = {self.members_min}\nmasks_min = {self.masks_min}\n"
            "demonstration = true\n"
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One line of results.csv; energies are None when there is no sum."""

    network: int
    round: int
    status: str
    why: str
    members: int
    present: int
    attempts: int
    import_dwh: int | None
    export_dwh: int | None
    contributors: int | None

    @classmethod
    def of(cls, row: Mapping[str, str]) -> Self:
        """Read a row."""

        def energy(key: str) -> int | None:
            return int(row[key]) if row[key] else None

        return cls(
            int(row["network"]),
            int(row["round"]),
            row["status"],
            row["why"],
            int(row["members"]),
            int(row["present"]),
            int(row["attempts"]),
            energy("import_dwh"),
            energy("export_dwh"),
            energy("contributors"),
        )

    @property
    def has_sum(self) -> bool:
        """Whether a sum was published."""
        return self.import_dwh is not None

    def is_complete(self, members: int) -> bool:
        """Whether so many members were expected and all of them are in the sum."""
        return self.status == "complete" and self.members == members
