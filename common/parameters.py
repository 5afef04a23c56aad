"""The rules of one network, as its ROSTER frame states them."""

from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import Final, Self

from common.identifiers import is_name
from common.refusal import Refusal, RefusedError
from common.schedule import Schedule

_LAYOUT: Final = Struct(">BIIIIIBHBBBB")


@dataclass(frozen=True, slots=True)
class Parameters:
    """What all members of a network agree on.

    `members_min`: fewer expected members, no round. `masks_min`: a reading never leaves under fewer masks.
    `draws`: how many neighbors each gateway draws. `degree_max`: how many edges a member may have.
    """

    suite: int
    region: str
    schedule: Schedule
    members_min: int = 5
    masks_min: int = 3
    draws: int = 6
    degree_max: int = 24

    def __post_init__(self) -> None:
        if not is_name(self.region):
            raise ValueError("a region is 1 to 32 characters of a-z, 0-9 and -")
        if not 1 <= self.masks_min <= self.degree_max:
            raise ValueError("masks_min lies between 1 and degree_max")
        if self.members_min <= self.masks_min:
            raise ValueError("members_min is above masks_min: each mask needs a neighbor of its own")
        if not 1 <= self.draws <= self.degree_max:
            raise ValueError("draws lies between 1 and degree_max")

    def encode(self, epoch: int) -> bytes:
        """The data of a ROSTER frame."""
        s = self.schedule
        region = self.region.encode()
        head = _LAYOUT.pack(
            self.suite,
            epoch,
            s.period_ms,
            s.window_ms,
            s.grace_ms,
            s.correction_ms,
            s.attempts_max,
            self.members_min,
            self.masks_min,
            self.draws,
            self.degree_max,
            len(region),
        )
        return head + region

    @classmethod
    def decode(cls, data: bytes) -> tuple[int, Self]:
        """Read epoch and parameters.

        Raises:
            RefusedError: BAD_DATA.
        """
        try:
            (
                suite,
                epoch,
                period,
                window,
                grace,
                correction,
                attempts,
                members,
                masks,
                draws,
                degree,
                length,
            ) = _LAYOUT.unpack_from(data)
            region = data[_LAYOUT.size :].decode("ascii")
            if len(region) != length:
                raise RefusedError(Refusal.BAD_DATA)
            schedule = Schedule(period, window, grace, correction, attempts)
            return epoch, cls(suite, region, schedule, members, masks, draws, degree)
        except (StructError, ValueError) as error:
            raise RefusedError(Refusal.BAD_DATA) from error
