"""One direction of one client's connection to the broker, and the fate of each message on it."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

from launcher.simulation.scenario import MessageFaults
from launcher.simulation.timeline import Timeline
from launcher.simulation.trace import Tally


@dataclass(frozen=True, slots=True)
class Letter:
    """A message under way; worthless to its sender after `expires_at` (virtual time), None when it never expires.

    `number` tells in which order the messages were handed in.
    """

    topic: str
    payload: bytes
    is_retained: bool = False
    expires_at: int | None = None
    number: int = 0


@final
class Fates:
    """Draws what happens to a message: how long it takes, whether it arrives at all, twice, late or damaged."""

    def __init__(self, rng: random.Random, faults: MessageFaults, tally: Tally, late_ms: int) -> None:
        """`late_ms` is about how late a delayed message may be."""
        self.rng = rng
        self.faults = faults
        self._tally = tally
        self._late_ms = late_ms

    def calm(self) -> None:
        """No more faults."""
        self.faults = MessageFaults()

    def strikes(self, fault: str, probability: float) -> bool:
        """Whether this fault happens now; counted when it does."""
        if probability <= 0 or self.rng.random() >= probability:
            return False
        self._tally.count(fault)
        return True

    def latency(self) -> int:
        """The way to the broker or from it, in milliseconds."""
        return 1 + int(self.rng.random() * 30)

    def lateness(self) -> int:
        """By how much a message comes later still, in milliseconds; it then holds up no others."""
        if not self.strikes("delay", self.faults.delay):
            return 0
        return 1 + int(self.rng.random() ** 2 * self._late_ms)

    def damage(self, letter: Letter) -> Letter:
        """A copy with one bit flipped, or cut short."""
        payload = bytearray(letter.payload)
        if self.rng.random() < 0.3:
            del payload[self.rng.randrange(len(payload)) :]
        else:
            payload[self.rng.randrange(len(payload))] ^= 1 << self.rng.randrange(8)
        return replace(letter, payload=bytes(payload))


@final
class Pipe:
    """Carries letters in their order (unless a fault says otherwise), and keeps them while the connection is cut."""

    def __init__(
        self, timeline: Timeline, fates: Fates, arrive: Callable[[Letter], None], lose: Callable[[], None]
    ) -> None:
        """`arrive` takes a letter at the other end, `lose` breaks the connection."""
        self.is_open = False
        self.is_lossless = False
        self._timeline = timeline
        self._fates = fates
        self._arrive = arrive
        self._lose = lose
        self._waiting: deque[Letter] = deque()
        self._flying: dict[int, Letter] = {}
        self._extra: set[int] = set()
        self._number = 0
        self._last_arrival = 0

    def send(self, letter: Letter) -> None:
        """Take a letter."""
        if self.is_open:
            self._launch(letter)
        else:
            self._waiting.append(letter)

    def _launch(self, letter: Letter) -> None:
        fates, faults = self._fates, self._fates.faults
        if fates.strikes("loss", faults.loss):
            self._timeline.after(0, self._lose)
            return
        if not self.is_lossless and fates.strikes("drop", faults.drop):
            return
        if fates.strikes("duplicate", faults.duplicate):
            self._fly(letter, is_extra=True)
        if letter.payload and fates.strikes("corrupt", faults.corrupt):
            self._fly(fates.damage(letter), is_extra=True)
        self._fly(letter)

    def _fly(self, letter: Letter, *, is_extra: bool = False) -> None:
        """Send on its way; only the letter itself is sent again when the connection breaks, no extra copy."""
        at = self._timeline.now + self._fates.latency()
        late_ms = self._fates.lateness()
        if not late_ms and not self._fates.strikes("reorder", self._fates.faults.reorder):
            self._last_arrival = at = max(at, self._last_arrival)
        self._number += 1
        number = self._number
        self._flying[number] = letter
        if is_extra:
            self._extra.add(number)
        self._timeline.at(at + late_ms, lambda: self._land(number))

    def _land(self, number: int) -> None:
        letter = self._flying.pop(number, None)
        self._extra.discard(number)
        if letter is not None:
            self._arrive(letter)

    def open(self) -> None:
        """The connection stands: send what waited, except what has expired."""
        self.is_open = True
        self._last_arrival = 0
        waiting, self._waiting = self._waiting, deque()
        for letter in waiting:
            if letter.expires_at is None or letter.expires_at > self._timeline.now:
                self._launch(letter)

    def cut(self) -> None:
        """The connection breaks.

        Of what is under way a first part has arrived, the last of it without its acknowledgment; that one and the rest
        go back and are sent again (QoS 1).
        """
        self.is_open = False
        flying = [letter for number, letter in self._flying.items() if number not in self._extra]
        self._flying.clear()
        self._extra.clear()
        arrived = int(self._fates.rng.random() * (len(flying) + 1))
        self._waiting.extendleft(reversed(flying[max(arrived - 1, 0) :]))
        for letter in flying[:arrived]:
            self._arrive(letter)

    def clear(self) -> None:
        """Whoever held the letters is gone, and they with it; some were on the wire already and arrive."""
        self.cut()
        self._waiting.clear()
