"""The log of a run, the same bytes for the same seed, and the count of what was injected and refused."""

from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from typing import final

from common.frames import Notification, decode
from common.refusal import RefusedError
from launcher.simulation.timeline import Timeline


class ViolationError(AssertionError):
    """Something happened that must never happen; the sentence says what."""


@final
class Trace:
    """Lines with virtual timestamps, kept only as a hash unless `sink` wants them; nothing at all when not `is_on`."""

    def __init__(self, timeline: Timeline, sink: Callable[[str], None] | None = None, *, is_on: bool = True) -> None:
        self.is_on = is_on or sink is not None
        self._timeline = timeline
        self._origin = timeline.now
        self._sink = sink
        self._hash = blake2b(digest_size=16)

    def say(self, who: str, text: str) -> None:
        """Add a line."""
        if not self.is_on:
            return
        elapsed = self._timeline.now - self._origin
        line = f"{elapsed // 1000:6d}.{elapsed % 1000:03d} {who:<9} {text}"
        self._hash.update(line.encode() + b"\n")
        if self._sink is not None:
            self._sink(line)

    @property
    def digest(self) -> str:
        """The hash of all lines so far."""
        return self._hash.hexdigest()


@final
class Tally:
    """How often each fault was injected."""

    def __init__(self) -> None:
        self.faults: Counter[str] = Counter()

    def count(self, fault: str) -> None:
        """One more."""
        self.faults[fault] += 1


def label(payload: bytes) -> str:
    """A frame in a few words: what it says, and a fingerprint of its bytes."""
    digest = blake2b(payload, digest_size=4).hexdigest()
    try:
        frame = decode(payload).frame
    except RefusedError as error:
        return f"({error.reason.name.lower()}) {digest}"
    round_ = f" of {int.from_bytes(frame.data[1:9])}" if frame.notification in _WITH_ROUND else ""
    return f"{frame.notification.name}{round_} client {frame.client} {digest}"


_WITH_ROUND = (Notification.SUPERPOSITION, Notification.CORRECTION, Notification.FINAL)
