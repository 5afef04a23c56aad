"""The superpositions of a recording, as arrays of words for statistical tests.

What may be tested together: the lanes of a round add up to its sum, so those of one gateway follow from all others'.
One gateway of each round is left out, another one each time; the words of those that remain are independent, whatever
their readings. A corrected frame differs from the one before by the masks that it drops. The last one of each gateway
and round makes a sample of its own, and one that dropped nothing is by design the same frame again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from broker.events import Message
from common import topics
from common.frames import Notification, decode
from common.payloads import Superposition
from common.refusal import RefusedError
from common.suites import BASIC
from common.superposition import Lanes
from common.topics import Channel

FRAMES_MAX: Final = 250_000
"""A recording of any length is read in bounded memory: what comes later is counted only."""

Words = NDArray[np.uint64]
Sender = tuple[int, str]
"""Network, and the gateway's name in the topic: the broker lets nobody else publish there."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a test needs of one SUPERPOSITION."""

    lanes: Lanes
    edges: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One frame of each of `senders` in each round, sorted by network and gateway, then round.

    `words` has a row for each frame and a column for each lane.
    """

    senders: list[Sender]
    rounds: NDArray[np.int64]
    words: Words

    @property
    def networks(self) -> NDArray[np.int64]:
        """The network of each frame."""
        return np.array([network for network, _ in self.senders], np.int64)

    @property
    def gateways(self) -> NDArray[np.int64]:
        """A number for the sender of each frame."""
        numbers = {sender: number for number, sender in enumerate(sorted(set(self.senders)))}
        return np.array([numbers[sender] for sender in self.senders], np.int64)


@dataclass(slots=True)
class Superpositions:
    """All SUPERPOSITIONs of a recording, by sender, round and attempt.

    `contradictions` counts those of which there is another one with other lanes, `ignored` what came after as many as
    are kept.
    """

    frames: dict[tuple[Sender, int], dict[int, Sent]] = field(default_factory=dict)
    kept: int = 0
    contradictions: int = 0
    ignored: int = 0

    def take(self, message: Message) -> None:
        """Take a message; what is no SUPERPOSITION is passed over, and so is one that came twice."""
        found = _superposition(message)
        if found is None:
            return
        sender, number, attempt, sent = found
        attempts = self.frames.setdefault((sender, number), {}) if self.kept < FRAMES_MAX else {}
        if self.kept >= FRAMES_MAX:
            self.ignored += 1
        elif attempt in attempts:
            self.contradictions += attempts[attempt].lanes != sent.lanes
        else:
            attempts[attempt] = sent
            self.kept += 1

    @property
    def uncovered(self) -> int:
        """How many corrected frames dropped masks, as their edges tell, and have the same lanes: these were zero."""
        return sum(
            corrected.lanes == first.lanes
            for first, corrected in (_ends(attempts) for attempts in self.frames.values())
            if corrected.edges != first.edges
        )

    def first(self) -> Sample:
        """The first frame of each gateway and round."""
        return _sample({key: _ends(attempts)[0].lanes for key, attempts in self.frames.items()})

    def corrected(self) -> Sample:
        """The last corrected frame of each gateway and round in which it dropped masks."""
        both = {key: _ends(attempts) for key, attempts in self.frames.items()}
        return _sample({key: last.lanes for key, (first, last) in both.items() if last.edges != first.edges})


def collect(messages: Iterable[Message]) -> Superpositions:
    """The superpositions among these messages."""
    found = Superpositions()
    for message in messages:
        found.take(message)
    return found


def _superposition(message: Message) -> tuple[Sender, int, int, Sent] | None:
    try:
        topic = topics.parse(message.topic)
        frame = decode(message.payload).frame
        if topic.channel is not Channel.UP or frame.notification is not Notification.SUPERPOSITION:
            return None
        it = Superposition.decode(frame.data)
    except RefusedError:
        return None
    if len(it.body) < BASIC.body.size:
        return None
    # Every suite's body begins with the fields that suite basic has; what one adds comes after them.
    a, b, c, attempt, _masks, edges = BASIC.body.unpack_from(it.body)
    return (topic.network, topic.name), it.round, attempt, Sent((a, b, c), edges)


def _ends(attempts: dict[int, Sent]) -> tuple[Sent, Sent]:
    """The first and the last frame of a gateway in a round."""
    return attempts[min(attempts)], attempts[max(attempts)]


def _sample(lanes: dict[tuple[Sender, int], Lanes]) -> Sample:
    rounds: dict[tuple[int, int], list[str]] = {}
    for (network, name), number in lanes:
        rounds.setdefault((network, number), []).append(name)
    for (_, number), names in rounds.items():
        if len(names) > 1:
            names.sort()
            del names[number % len(names)]
    kept = sorted(((network, name), number) for (network, number), names in rounds.items() for name in names)
    words = np.array([lanes[key] for key in kept], np.uint64).reshape(-1, 3)
    return Sample([sender for sender, _ in kept], np.array([number for _, number in kept], np.int64), words)
