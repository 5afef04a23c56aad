"""The two clocks a meter needs: the wall clock that names boundaries, and a steady one that betrays its steps."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """Both times in milliseconds; tests and simulations put their own functions here.

    Attributes:
        wall_ms: Unix time; may be stepped by NTP or a person.
        steady_ms: since some fixed moment; never stepped, and goes on while the machine is suspended.
    """

    wall_ms: Callable[[], int]
    steady_ms: Callable[[], int]


def _wall_ms() -> int:
    return time.time_ns() // _NS_PER_MS


def _steady_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // _NS_PER_MS


SYSTEM_CLOCK: Final = Clock(_wall_ms, _steady_ms)
