"""What several tests of the meter sources share: a clock set by hand, a source set by hand, waiting for a condition."""

import asyncio
from collections.abc import Callable

from smgw.lmn.clock import Clock
from smgw.lmn.source import RegisterSample


class HandClock:
    """Wall and steady time that move only when a test moves them."""

    def __init__(self, wall_ms: int) -> None:
        self.wall_ms = wall_ms
        self.steady_ms = 0

    def clock(self) -> Clock:
        return Clock(lambda: self.wall_ms, lambda: self.steady_ms)

    def pass_time(self, ms: int) -> None:
        self.wall_ms += ms
        self.steady_ms += ms


class HandSource:
    """A source whose samples the test provides."""

    def __init__(self, *samples: RegisterSample) -> None:
        self.samples = list(samples)
        self.trouble: str | None = None
        self.error: Exception | None = None
        self.is_running = False

    @property
    def name(self) -> str:
        return "the meter of the test"

    async def open(self) -> None:
        return

    async def run(self) -> None:
        if self.error is not None:
            raise self.error
        self.is_running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.is_running = False

    def register_at(self, boundary_ms: int) -> RegisterSample | None:
        return next((sample for sample in reversed(self.samples) if sample.time_ms <= boundary_ms), None)

    def problem(self) -> str | None:
        return self.trouble

    def forget(self) -> None:
        self.samples.clear()


async def until(condition: Callable[[], bool], limit_s: float = 10.0) -> None:
    """Wait until the condition holds; TimeoutError after the limit."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - any condition, also ones that no event announces
            await asyncio.sleep(0.005)
