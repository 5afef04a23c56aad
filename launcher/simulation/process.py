"""A simulated process: a clock that may be wrong, a deadline, and a fuse that kills it between two effects."""

from collections.abc import Callable
from typing import final

from launcher.simulation.site import SPINS_MAX, TICK_APART_MS
from launcher.simulation.timeline import Alarm, Timeline
from launcher.simulation.trace import ViolationError


class KilledError(Exception):
    """The fuse has burned down: nothing after this point happens."""


@final
class Fuse:
    """Kills a process after a number of steps, wherever that is."""

    def __init__(self) -> None:
        self._steps: int | None = None
        self._then: Callable[[], None] = lambda: None

    @property
    def is_lit(self) -> bool:
        """Whether the process is about to be killed."""
        return self._steps is not None

    def light(self, steps: int, then: Callable[[], None]) -> None:
        """Kill after `steps` more steps, and then call `then`."""
        self._steps, self._then = steps, then

    def put_out(self) -> None:
        """Let it live."""
        self._steps = None

    def step(self) -> None:
        """One step more.

        Raises:
            KilledError: that was the last.
        """
        if self._steps is None:
            return
        self._steps -= 1
        if self._steps < 0:
            self._steps = None
            raise KilledError

    def burned(self) -> None:
        """The process is dead: say so to whoever lit the fuse."""
        self._then()


@final
class Ticker:
    """Rings when the machine's own clock reaches its deadline, and notices a machine that spins."""

    def __init__(self, timeline: Timeline, tick: Callable[[], None]) -> None:
        self.offset_ms = 0
        self._timeline = timeline
        self._tick = tick
        self._alarm = Alarm(timeline, self._ring)
        self._spins = 0
        self._earliest = 0

    @property
    def now_ms(self) -> int:
        """The time on the process's own clock."""
        return self._timeline.now + self.offset_ms

    def set(self, deadline: int | None) -> None:
        """The machine wants a tick at `deadline` on its own clock."""
        if deadline is None:
            self._alarm.set(None)
            return
        due = deadline - self.offset_ms
        if due > self._timeline.now:
            self._spins = 0
        self._alarm.set(max(due, self._earliest))

    def _ring(self) -> None:
        self._spins += 1
        if self._spins > SPINS_MAX:
            raise ViolationError(f"a machine spins: {SPINS_MAX} ticks left its deadline in the past")
        self._earliest = self._timeline.now + TICK_APART_MS
        self._tick()
