"""The energy of one round, as the meter's registers tell it."""

from dataclasses import dataclass
from enum import Enum

from common.identifiers import RoundNumber


class ReadingStatus(Enum):
    """Why a reading may be sent or not; only a valid one leaves the house, the others become the zero vector."""

    VALID = "valid"
    BOUNDARY_MISSING = "boundary missing"
    REGISTER_DECREASED = "register went down (meter exchanged?)"
    CLOCK_INVALID = "clock invalid"


@dataclass(frozen=True, slots=True)
class Reading:
    """Energy between two boundaries, in 0.1 Wh: differences of registers that were floored to 0.1 Wh first.

    The reading of round t covers the interval that ends where round t begins.
    Both energies are 0 when `status` is not valid.
    """

    round: RoundNumber
    import_dwh: int
    export_dwh: int
    status: ReadingStatus

    @property
    def is_valid(self) -> bool:
        """Whether the meter vouches for both ends of the interval."""
        return self.status is ReadingStatus.VALID
