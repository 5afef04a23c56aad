"""The rules of one network, as its ROSTER frame states them.

Source: docs/protocol.md, "Roster".
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final, Self

from common.identifiers import is_name
from common.reader import Reader
from common.refusal import Refusal, RefusedError
from common.schedule import Schedule
from common.sizes import MEMBERS_MIN

DRAWS_MAX: Final = 24
"""Neighbors that a gateway draws at most: a provider that raised it could use up the gateway's draw values."""

_LAYOUT: Final = Struct(">BIIIIBHBBB")


@dataclass(frozen=True, slots=True)
class Parameters:
    """What all members of a network agree on.

    `members_min`: fewer expected members, no round. `masks_min`: a reading never leaves under fewer masks.
    `draws`: how many neighbors each gateway draws, with more than 25 members. `degree_max`: how many neighbors
    a member may have, those that it drew and those that drew it.
    """

    suite: int
    region: str
    schedule: Schedule
    members_min: int = MEMBERS_MIN
    masks_min: int = 3
    draws: int = 6
    degree_max: int = 255

    def __post_init__(self) -> None:
        if not is_name(self.region):
            raise ValueError("a region is 1 to 32 characters of a-z, 0-9 and -")
        if not 1 <= self.masks_min <= self.degree_max:
            raise ValueError("masks_min lies between 1 and degree_max")
        if self.members_min <= self.masks_min:
            raise ValueError("members_min is above masks_min: each mask needs a neighbor of its own")
        if not 1 <= self.draws <= min(DRAWS_MAX, self.degree_max):
            raise ValueError(f"draws lies between 1 and {DRAWS_MAX}, and is not above degree_max")

    def encode(self) -> bytes:
        """Their part of the data of a ROSTER frame."""
        s = self.schedule
        head = _LAYOUT.pack(
            self.suite,
            s.period_ms,
            s.window_ms,
            s.grace_ms,
            s.correction_ms,
            s.attempts_max,
            self.members_min,
            self.masks_min,
            self.draws,
            self.degree_max,
        )
        region = self.region.encode()
        return head + bytes([len(region)]) + region

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Take them off the front of a data field.

        Raises:
            RefusedError: BAD_DATA.
        """
        suite, period, window, grace, correction, attempts, *counts = reader.unpack(_LAYOUT)
        region = reader.name()
        try:
            return cls(suite, region, Schedule(period, window, grace, correction, attempts), *counts)
        except ValueError as error:
            raise RefusedError(Refusal.BAD_DATA) from error
