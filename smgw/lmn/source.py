"""What every meter source offers: the register at a boundary, and a sentence for the owner when there is none."""

from dataclasses import dataclass
from typing import Protocol


class MeterError(Exception):
    """The meter cannot be used as it is set up; the text tells the owner what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class RegisterSample:
    """The registers at one moment, floored to 0.1 Wh.

    Attributes:
        time_ms: Unix time the registers belong to.
        import_dwh: 1-0:1.8.0, in 0.1 Wh.
        export_dwh: 1-0:2.8.0, in 0.1 Wh; None when the meter has no such register.
        power_w: 1-0:16.7.0, signed, for display only; None when the source does not know it.
    """

    time_ms: int
    import_dwh: int
    export_dwh: int | None
    power_w: int | None = None


class MeterSource(Protocol):
    """One way to learn registers; `smgw.lmn.meter.Meter` wraps it and is what the agent talks to."""

    @property
    def name(self) -> str:
        """What a message to the owner calls the meter, such as "the meter on /dev/ttyUSB0"."""
        ...

    async def open(self) -> None:
        """Load what is needed before the first question.

        Raises:
            MeterError: if the settings name something that cannot be used.
        """
        ...

    async def run(self) -> None:
        """Collect samples until canceled; return at once if there is nothing to collect."""
        ...

    def register_at(self, boundary_ms: int) -> RegisterSample | None:
        """The latest sample at or before the boundary, however old; None when there is none.

        Must be quick: it is asked inside the transmission window.
        """
        ...

    def problem(self) -> str | None:
        """What keeps the source from giving registers, as a sentence for the owner; None while all is well."""
        ...

    def forget(self) -> None:
        """Drop samples whose times mean nothing anymore, because the clock was stepped."""
        ...
