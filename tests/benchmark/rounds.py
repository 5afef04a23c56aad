"""Rounds of a virtual network, each phase measured over all gateways, or over all frames, at once."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from common import topics
from common.clients import ClientSet
from common.frames import Notification, decode
from common.identifiers import RoundNumber
from common.payloads import Correction
from common.topics import Broadcast
from provider.core import events as provider_events
from provider.core.events import Message, Publish, Received, RoundStatus, Tick
from smgw.core import events as gateway_events
from smgw.core.member import Member
from smgw.core.reading import Reading, ReadingStatus
from tests.benchmark.network import NETWORK, SCHEDULE, NotAsExpectedError, VirtualNetwork
from tests.benchmark.stopwatch import Laps

MISSING_EVERY: Final = 20
"""One gateway of so many stays silent when 5 % are missing."""

FINAL_TOPIC: Final = topics.broadcast(NETWORK, Broadcast.FINAL)
CORRECTION_TOPIC: Final = topics.broadcast(NETWORK, Broadcast.CORRECTION)


@dataclass(slots=True)
class GatewayCosts:
    """CPU for each gateway: a round's parts, what a correction adds, and what comparing the clocks does."""

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
    """CPU of the provider: for each frame, for each order of correction, for each end of a round, for each round."""

    frame: Laps = field(default_factory=Laps)
    order: Laps = field(default_factory=Laps)
    corrected: Laps = field(default_factory=Laps)
    closing: Laps = field(default_factory=Laps)
    round: Laps = field(default_factory=Laps)
    clock: Laps = field(default_factory=Laps)
    resent: int = 0


@dataclass(slots=True)
class Sizes:
    """Payload bytes of what a round sends."""

    frame: int = 0
    final: int = 0
    correction: int = 0
    question: int = 0
    answer: int = 0


class Rounds:
    """Plays rounds and keeps what they cost. `frames` are those of the last round, `gateway_records` of one gateway."""

    def __init__(self, network: VirtualNetwork) -> None:
        self.gateway: Final = GatewayCosts()
        self.provider: Final = ProviderCosts()
        self.sizes: Final = Sizes()
        self.frames: list[Message] = []
        self.gateway_records: list[gateway_events.Record] = []
        self._network: Final = network

    def play(self, *, is_batch: bool, has_missing: bool = False) -> None:
        """One round: everybody reports, the provider takes the frames at once or one by one, and closes."""
        network = self._network
        self.frames = frames = self.make_frames(has_missing)
        self.sizes.frame = len(frames[0].payload)
        costs, laps = self.provider, Laps()
        with laps.lap():
            if not has_missing:
                *frames, last = frames
            self._take(frames, costs.frame, is_batch)
            if has_missing:
                last = self._correct(is_batch)
            final = self._hand_in([last], costs.closing)
        costs.round.seconds.append(laps.seconds[0] - self._aside_s)
        self.require_outcome(has_missing, network.results[-1])
        self.finish(next(message.payload for message in final if message.topic == FINAL_TOPIC))

    _aside_s: float = 0.0
    """CPU of the gateways within the provider's lap."""

    def make_frames(self, has_missing: bool = False) -> list[Message]:
        """Begin the next round at all gateways, and let those who are expected and not missing report."""
        network = self._network
        number = RoundNumber(SCHEDULE.round_at(network.now_ms) + 1)
        network.now_ms = SCHEDULE.start(number)
        members = [member for member in network.gateways.values() if member.situation.is_expected]
        if has_missing:  # they are off: whoever sends and is left out for nothing stays away from later rounds
            members = [member for place, member in enumerate(members) if place % MISSING_EVERY]
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
        return [message for effects in done for message in published(effects) if _is_report(message)]

    def _compare_clocks(self, members: Sequence[Member], now_ms: int) -> None:
        """Let whoever wants to ask for the time do so before a round begins, so that it is in no round's cost."""
        tick, asking, answering, provider = gateway_events.Tick(), Laps(), Laps(), Laps()
        asked: list[tuple[Member, Message]] = []
        for member in members:
            with asking.lap():
                effects = member.handle(tick, now_ms)
            questions = published(effects)
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

    def _correct(self, is_batch: bool) -> Message:
        """The deadline comes: order a correction, let the neighbors of the missing resend; return the last frame."""
        network, gateways = self._network, Laps()
        assert network.provider.deadline is not None
        network.now_ms = network.provider.deadline
        with self.provider.order.lap():
            effects = network.provider.handle(Tick(), network.now_ms)
        (order,) = network.perform(effects)
        with gateways.lap():
            *frames, last = self._resend(order)
        self._aside_s = gateways.seconds[0]
        self._take(frames, self.provider.corrected, is_batch)
        self.provider.resent = len(frames) + 1
        return last

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
        """Hand the FINAL to everybody."""
        network = self._network
        self.sizes.final = len(final)
        event = gateway_events.Received(FINAL_TOPIC, final)
        with self.gateway.final.lap(len(network.gateways)):
            done = [member.handle(event, network.now_ms) for member in network.gateways.values()]
        self.gateway_records += _records(done[-1])

    def require_outcome(self, has_missing: bool, result: provider_events.RoundResult) -> None:
        """See that the round ended as meant, and that the sum is right: its cost would mean nothing otherwise."""
        wanted = RoundStatus.CORRECTED if has_missing else RoundStatus.COMPLETE
        count = len(self.frames)
        sums = (result.import_dwh, result.export_dwh, result.contributors)
        if result.status is not wanted or sums != (1_234 * count, 7 * count, count):
            raise NotAsExpectedError(f"{count} frames, and the round ended otherwise than meant: {result}")


def published(effects: Iterable[gateway_events.Effect]) -> list[Message]:
    """What a gateway sends, as it reaches the provider."""
    return [Message(effect.topic, effect.payload) for effect in effects if isinstance(effect, gateway_events.Publish)]


def _is_report(message: Message) -> bool:
    return decode(message.payload).frame.notification is Notification.SUPERPOSITION


def _records(effects: Iterable[gateway_events.Effect]) -> list[gateway_events.Record]:
    return [effect.record for effect in effects if isinstance(effect, gateway_events.Store)]


def _has_neighbor(edges: Iterable[gateway_events.Edge], missing: ClientSet) -> bool:
    return any(edge.is_started and edge.peer in missing for edge in edges)
