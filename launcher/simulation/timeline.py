"""Virtual time: what happens next, in an order that follows from the seed alone."""

import heapq
from collections.abc import Callable
from typing import final

Action = Callable[[], None]


@final
class Timeline:
    """A heap of actions. Actions of one instant run in the order in which they were planned."""

    def __init__(self, now: int) -> None:
        """`now` in Unix milliseconds."""
        self.now = now
        self._heap: list[tuple[int, int, Action]] = []
        self._planned = 0

    def at(self, time: int, action: Action) -> None:
        """Plan an action; what is past happens now."""
        self._planned += 1
        heapq.heappush(self._heap, (max(time, self.now), self._planned, action))

    def after(self, delay_ms: int, action: Action) -> None:
        """Plan an action `delay_ms` from now."""
        self.at(self.now + delay_ms, action)

    def run_until(self, end: int) -> None:
        """Let everything happen that lies before `end`, and arrive there."""
        heap = self._heap
        while heap and heap[0][0] < end:
            self.now, _, action = heapq.heappop(heap)
            action()
        self.now = max(self.now, end)


@final
class Alarm:
    """One action whose time may move at any moment; the timeline holds few entries for it."""

    def __init__(self, timeline: Timeline, action: Action) -> None:
        self._timeline = timeline
        self._action = action
        self._due: int | None = None
        self._queued: int | None = None

    def set(self, due: int | None) -> None:
        """Ring at `due`, or never."""
        self._due = due
        if due is not None and (self._queued is None or due < self._queued):
            self._queued = max(due, self._timeline.now)
            self._timeline.at(due, lambda queued=self._queued: self._fire(queued))  # type: ignore[misc]

    def _fire(self, queued: int) -> None:
        if queued != self._queued:
            return
        self._queued = None
        if self._due is None:
            return
        if self._due > self._timeline.now:
            self.set(self._due)
            return
        self._due = None
        self._action()
