"""Rounds of a virtual network, each phase measured over all gateways, or over all frames, at once."""

import random
import statistics
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from unittest.mock import patch

from common import topics
from common.clients import ClientSet
from common.frames import Notification, decode
from common.identifiers import RoundNumber
from common.payloads import Correction
from common.superposition import Lanes
from common.topics import Broadcast
from provider.core import events as provider_events
from provider.core.events import Effect, Message, PendingRecord, Publish, Received, RoundStatus, Tick
from provider.core.opening import Opening
from smgw.core import events as gateway_events
from smgw.core.member import Member
from smgw.core.reading import Reading, ReadingStatus
from tests.benchmark.network import NETWORK, SCHEDULE, NotAsExpectedError, VirtualNetwork
from tests.benchmark.stopwatch import Laps

FINAL_TOPIC: Final = topics.broadcast(NETWORK, Broadcast.FINAL)
CORRECTION_TOPIC: Final = topics.broadcast(NETWORK, Broadcast.CORRECTION)


@dataclass(slots=True)
class GatewayCosts:
    """CPU for each gateway: a round's parts, what a correction adds, and what comparing the clocks does.

    `final` is what a gateway does when FINAL comes, in suite `hardened` with its RELEASE.
    """

    begin: Laps = field(default_factory=Laps)
    frame: Laps = field(default_factory=Laps)
    final: Laps = field(default_factory=Laps)
    resend: Laps = field(default_factory=Laps)
    spared: Laps = field(default_factory=Laps)
    clock: Laps = field(default_factory=Laps)

    @property
    def round_us(self) -> float:
        """A whole round without correction."""
        return self.begin.least_us + self.frame.least_us + self.final.least_us


@dataclass(slots=True)
class ProviderCosts:
    """CPU of the provider: for each frame, order of correction, FINAL, RELEASE, opening of self-masks, and round."""

    frame: Laps = field(default_factory=Laps)
    order: Laps = field(default_factory=Laps)
    corrected: Laps = field(default_factory=Laps)
    closing: Laps = field(default_factory=Laps)
    release: Laps = field(default_factory=Laps)
    opening: Laps = field(default_factory=Laps)
    round: Laps = field(default_factory=Laps)
    clock: Laps = field(default_factory=Laps)
    resent: int = 0


@dataclass(slots=True)
class Sizes:
    """Payload bytes of what a round sends; of frames and RELEASEs the mean."""

    frame: float = 0
    final: int = 0
    release: float = 0
    correction: int = 0
    question: int = 0
    answer: int = 0


class Rounds:
    """Plays rounds and keeps what they cost.

    `is_full` tells whether all who were expected reported: while some of its neighbors are away, a gateway may have to
    stay silent. Of the last round: `frames`, the first ones that came; `corrected`, those that answered corrections;
    `releases`, and `gateway_records` of one gateway.
    """

    def __init__(self, network: VirtualNetwork) -> None:
        self.gateway: Final = GatewayCosts()
        self.provider: Final = ProviderCosts()
        self.sizes: Final = Sizes()
        self.played = self.finished = 0
        self.is_full = True
        self.frames: list[Message] = []
        self.corrected: list[Message] = []
        self.releases: list[Message] = []
        self.gateway_records: list[gateway_events.Record] = []
        self._network: Final = network
        self._final = self._pending = b""
        self._chance: Final = random.Random(len(network.gateways))

    def play(self, *, is_batch: bool, missing: float = 0) -> None:
        """One round: all but the `missing` share report, the provider takes the frames and closes, holders release."""
        self.frames, self.corrected = self.make_frames(missing), []
        self.sizes.frame = statistics.mean(len(frame.payload) for frame in self.frames)
        laps, said = Laps(), list[Publish]()
        with laps.lap():
            frames = self.frames
            if self.is_full:
                *frames, last = frames
                self._take(frames, self.provider.frame, is_batch)
                said = self._hand_in([last], self.provider.closing)
            else:
                self._take(frames, self.provider.frame, is_batch)
                said = self._correct(is_batch)
        self._final = next(message.payload for message in said if message.topic == FINAL_TOPIC)
        self.finish(self._final)
        if self.releases:
            records = reversed(self._network.records)
            self._pending = next(record.data for record in records if isinstance(record, PendingRecord))
            with laps.lap():
                self._take_releases(is_batch)
        self.played += 1
        if self.is_finished(self._network.results[-1]):
            self.finished += 1
            self.provider.round.seconds.append(sum(laps.seconds) - self._aside_s)

    _aside_s: float = 0.0
    """CPU of the gateways within the provider's lap."""

    def make_frames(self, missing: float = 0) -> list[Message]:
        """Begin the next round at all gateways that are expected and not `missing`, and let them report."""
        network = self._network
        number = RoundNumber(SCHEDULE.round_at(network.now_ms) + 1)
        network.now_ms = SCHEDULE.start(number)
        members = [member for member in network.gateways.values() if member.situation.is_expected]
        expected = len(members)
        if missing:  # they are off: whoever sends and is left out for nothing stays away from later rounds
            off = self._chance.sample(range(len(members)), max(round(missing * len(members)), 1))
            members = [member for place, member in enumerate(members) if place not in set(off)]
        self._compare_clocks(members, network.now_ms - 1)
        moments = [SCHEDULE.send_at(number, member.situation.identity.public_key) for member in members]
        taken = gateway_events.ReadingTaken(Reading(number, 1_234, 7, ReadingStatus.VALID))
        tick = gateway_events.Tick()
        with self.gateway.begin.lap(len(members)):
            for member in members:
                member.handle(tick, network.now_ms)
        done: list[list[gateway_events.Effect]] = []
        with self.gateway.frame.lap(len(members)):
            for member, moment_ms in zip(members, moments, strict=True):
                done.append([*member.handle(taken, network.now_ms), *member.handle(tick, moment_ms)])
        self._aside_s = 0.0
        network.now_ms += SCHEDULE.window_ms
        self.gateway_records = _records(done[-1])
        frames = [message for effects in done for message in published(effects) if _is_report(message)]
        self.is_full = len(frames) == expected
        return frames

    def _compare_clocks(self, members: Sequence[Member], now_ms: int) -> None:
        """Let whoever wants to ask for the time do so before a round begins, so that it is in no round's cost."""
        tick, asking, answering, provider = gateway_events.Tick(), Laps(), Laps(), Laps()
        asked: list[tuple[Member, Message]] = []
        for member in members:
            with asking.lap():
                effects = member.handle(tick, now_ms)
            questions = [message for message in published(effects) if _kind(message) is Notification.CLOCK]
            if questions:
                asked.append((member, questions[0]))
            else:
                asking.seconds.pop()
        if not asked:
            return
        with provider.lap(len(asked)):
            done = self._network.provider.handle(Received(tuple(question for _, question in asked)), now_ms)
        answers = [effect for effect in done if isinstance(effect, Publish)]
        if len(answers) != len(asked):
            raise NotAsExpectedError(f"{len(asked)} gateways asked for the time, and {len(answers)} were answered")
        with answering.lap(len(asked)):
            for (member, _), answer in zip(asked, answers, strict=True):
                member.handle(gateway_events.Received(answer.topic, answer.payload), now_ms)
        self.gateway.clock.seconds.append(statistics.mean(asking.seconds) + answering.seconds[0])
        self.provider.clock.add(provider)
        self.sizes.question, self.sizes.answer = len(asked[0][1].payload), len(answers[0].payload)

    def _take(self, frames: Sequence[Message], laps: Laps, is_batch: bool) -> None:
        handle, now_ms = self._network.provider.handle, self._network.now_ms
        events = [Received(tuple(frames))] if is_batch else [Received((frame,)) for frame in frames]
        with laps.lap(len(frames)):
            effects = [effect for event in events for effect in handle(event, now_ms)]
        if effects:
            raise NotAsExpectedError(f"frames had effects before the last one was there: {effects[0]}")

    def _hand_in(self, frames: Sequence[Message], laps: Laps) -> list[Publish]:
        network = self._network
        with laps.lap():
            effects = network.provider.handle(Received(tuple(frames)), network.now_ms)
        return network.perform(effects)

    def _take_releases(self, is_batch: bool) -> None:
        network, opening = self._network, Laps()
        events = [Received(tuple(self.releases))] if is_batch else [Received((each,)) for each in self.releases]
        effects: list[Effect] = []
        with timed_opening(opening), self.provider.release.lap(len(self.releases)):
            for event in events:
                effects += network.provider.handle(event, network.now_ms)
        self.provider.opening.seconds.append(sum(opening.seconds))
        network.perform(effects)

    def _correct(self, is_batch: bool) -> list[Publish]:
        """At each deadline: order a correction, let the neighbors of the missing resend, until the round is closed."""
        network, gateways = self._network, Laps()
        self.provider.resent = 0
        while True:
            assert network.provider.deadline is not None
            network.now_ms = network.provider.deadline
            with self.provider.order.lap():
                effects = network.provider.handle(Tick(), network.now_ms)
            said = network.perform(effects)
            if any(message.topic == FINAL_TOPIC for message in said):
                return said
            orders = [message for message in said if message.topic == CORRECTION_TOPIC]
            if not orders:  # something else was due
                continue
            with gateways.lap():
                *frames, last = self._resend(orders[0])
            self._aside_s = sum(gateways.seconds)
            self.corrected += [*frames, last]
            self.provider.resent += len(frames) + 1
            self._take(frames, self.provider.corrected, is_batch)
            closing = Laps()
            said = self._hand_in([last], closing)
            if any(message.topic == FINAL_TOPIC for message in said):
                self.provider.closing.add(closing)
                return said

    def _resend(self, order: Publish) -> list[Message]:
        """Hand the order to everybody who sent; measure those it concerns apart from the others."""
        network = self._network
        self.sizes.correction = len(order.payload)
        missing = Correction.decode(decode(order.payload).frame.data).missing
        event = gateway_events.Received(order.topic, order.payload)
        present = [
            m for m in network.gateways.values() if m.situation.is_expected and m.situation.client not in missing
        ]
        concerned = [m for m in present if _has_neighbor(m.situation.edges.values(), missing)]
        concerned_clients = {m.situation.client for m in concerned}
        spared = [m for m in present if m.situation.client not in concerned_clients]
        with self.gateway.resend.lap(len(concerned)):
            done = [member.handle(event, network.now_ms) for member in concerned]
        if spared:
            with self.gateway.spared.lap(len(spared)):
                for member in spared:
                    member.handle(event, network.now_ms)
        return [message for effects in done for message in published(effects) if _is_report(message)]

    def finish(self, final: bytes) -> None:
        """Hand the FINAL to everybody; in suite `hardened` those who are in the sum release."""
        network = self._network
        self.sizes.final = len(final)
        event = gateway_events.Received(FINAL_TOPIC, final)
        with self.gateway.final.lap(len(network.gateways)):
            done = [member.handle(event, network.now_ms) for member in network.gateways.values()]
        self.gateway_records += _records(done[-1])
        sent = [message for effects in done for message in published(effects)]
        self.releases = [message for message in sent if _kind(message) is Notification.RELEASE]
        if self.releases:
            self.sizes.release = statistics.mean(len(release.payload) for release in self.releases)

    def is_finished(self, result: provider_events.RoundResult) -> bool:
        """Whether there is a sum.

        Raises:
            NotAsExpectedError: it is wrong, or not that of all who should be in it; its cost would mean nothing.
        """
        wanted = RoundStatus.COMPLETE if self.is_full else RoundStatus.CORRECTED
        if result.contributors is None and not self.is_full:
            return False
        count = len(self.frames) if self.is_full else result.present
        sums = (result.import_dwh, result.export_dwh, result.contributors)
        is_right = count <= len(self.frames) and sums == (1_234 * count, 7 * count, count)
        if result.status is not wanted or not is_right:
            raise NotAsExpectedError(f"{len(self.frames)} frames, and the round ended otherwise than meant: {result}")
        return True

    def replayed(self) -> Opening:
        """The last round as it waited for its shares."""
        return Opening.decode(NETWORK, self._final, self._pending)


@contextmanager
def timed_opening(laps: Laps) -> Iterator[None]:
    """What removing self-masks takes, while inside, of whoever does it."""
    original = Opening.open

    def timed(opening: Opening) -> Lanes | None:
        with laps.lap():
            return original(opening)

    with patch.object(Opening, "open", timed):
        yield


def published(effects: Iterable[gateway_events.Effect]) -> list[Message]:
    """What a gateway sends, as it reaches the provider."""
    return [Message(effect.topic, effect.payload) for effect in effects if isinstance(effect, gateway_events.Publish)]


def _kind(message: Message) -> Notification:
    return decode(message.payload).frame.notification


def _is_report(message: Message) -> bool:
    return _kind(message) is Notification.SUPERPOSITION


def _records(effects: Iterable[gateway_events.Effect]) -> list[gateway_events.Record]:
    return [effect.record for effect in effects if isinstance(effect, gateway_events.Store)]


def _has_neighbor(edges: Iterable[gateway_events.Edge], missing: ClientSet) -> bool:
    return any(edge.is_started and edge.peer in missing for edge in edges)
