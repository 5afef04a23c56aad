"""The same rounds through the real Mosquitto, and plain MQTT readings as a yardstick in the same run.

This process plays all gateways over one connection. The receiver is a process of its own, whose CPU time counts.
"""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from ctypes import c_longlong
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from typing import Final

from broker.bus import Bus
from broker.events import BusEvent, Message
from broker.settings import BusSettings
from common import topics
from provider.core.events import Message as Frame
from provider.core.events import NetworkSetup
from smgw.core import events as gateway_events
from tests.benchmark import children, parties
from tests.benchmark.children import PATIENCE_S, SETTLE_S, Report, Task
from tests.benchmark.network import NETWORK, PARAMETERS, SCHEDULE, NotAsExpectedError, VirtualNetwork
from tests.benchmark.relay import Counted, Passed, Relay
from tests.benchmark.rounds import CORRECTION_TOPIC, FINAL_TOPIC, Rounds, published
from tests.benchmark.stopwatch import Laps, differences

_PROCESSES: Final = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([children.__name__])
UP_TOPIC: Final = topics.up(NETWORK, "gw-00000")
DOWN_TOPIC: Final = topics.down(NETWORK, "gw-00000")
ARRIVAL_S: Final = 0.5
"""After the broker has acknowledged everything: how long the receiver gets before the deadline is brought forward."""


@dataclass(slots=True)
class Received:
    """CPU of a receiving process for each round; `store` is what the store took of it."""

    round: Laps = field(default_factory=Laps)
    store: Laps = field(default_factory=Laps)

    def add(self, others: "Received") -> None:
        """Take in rounds of the same kind at another moment."""
        self.round.add(others.round)
        self.store.add(others.store)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where it happens, and how often: the broker's port, a directory, and how many rounds or laps count."""

    port: int
    home: Path
    laps: int


@dataclass(frozen=True, slots=True)
class Exchanged:
    """CPU of a gateway's MQTT client for each round, and the bytes on its connection; `inside` are those within TLS."""

    round: Laps
    up: Counted
    down: Counted


class Child:
    """One measured process, and what it reports."""

    def __init__(self, target: Callable[..., None], task: Task, *arguments: object) -> None:
        self._answers, theirs = _PROCESSES.Pipe(duplex=False)
        self._process = _PROCESSES.Process(target=target, args=(task, theirs, *arguments))
        self._process.start()
        theirs.close()

    async def report(self) -> Report:
        """Wait for the next report."""
        return await asyncio.to_thread(_receive, self._answers)

    def end(self) -> None:
        """Wait for the process to end by itself, and end it when it does not."""
        self._process.join(5)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()
        self._answers.close()


@contextmanager
def child(target: Callable[..., None], task: Task, *arguments: object) -> Iterator[Child]:
    """A measured process while inside."""
    running = Child(target, task, *arguments)
    try:
        yield running
    finally:
        running.end()


def _receive(answers: Connection) -> Report:
    if not answers.poll(PATIENCE_S):
        raise NotAsExpectedError(f"a measured process said nothing for {PATIENCE_S} s")
    report = answers.recv()
    assert isinstance(report, Report)
    return report


# Rounds of the protocol


class BusRounds:
    """Plays rounds of a network through the broker; the provider is another process."""

    def __init__(self, network: VirtualNetwork, bus: Bus, provider: Child, clock: c_longlong) -> None:
        self._network, self._bus, self._provider, self._clock = network, bus, provider, clock
        self._rounds = Rounds(network)
        self.is_finished = False
        """Whether the last round ended with a sum."""

    async def play(self, *, missing: float, pace_s: float) -> Report:
        """One round, and the provider's report of it."""
        network = self._network
        self._rounds.frames = frames = self._rounds.make_frames(missing)
        self._clock.value = network.now_ms
        await self._send(frames, pace_s)
        if not self._rounds.is_full:
            await self._bus.flush(PATIENCE_S)
            await asyncio.sleep(ARRIVAL_S)
            self._clock.value = network.now_ms = network.now_ms + SCHEDULE.grace_ms
        await self._until_closed(SCHEDULE.round_at(network.now_ms))
        report = await self._provider.report()
        assert report.result is not None
        self.is_finished = self._rounds.is_finished(report.result)
        return report

    async def bring_back(self) -> Report:
        """Let the missing ask to be taken back, and play the round after which they are expected again."""
        network, tick = self._network, gateway_events.Tick()
        network.now_ms += SCHEDULE.window_ms
        self._clock.value = network.now_ms
        for member in network.gateways.values():
            if not member.situation.is_expected:
                await self._send(published(member.handle(tick, network.now_ms)), 0)
        await self._bus.flush(PATIENCE_S)
        return await self.play(missing=0, pace_s=0)

    async def _send(self, frames: Sequence[Frame], pace_s: float) -> None:
        for frame in frames:
            self._bus.publish_soon(frame.topic, frame.payload)
            if pace_s:
                await asyncio.sleep(pace_s)

    async def _until_closed(self, number: int) -> None:
        """Hand on what comes, until all gateways have the FINAL of this round. One of before may come again.

        When nothing comes any more, and not everybody has reported or answered a correction, the next deadline does.
        """
        last = next(reversed(self._network.gateways.values()))
        async with asyncio.timeout(PATIENCE_S):
            while last.situation.final is None or last.situation.final.round < number:
                events = await self._bus.next_batch(1_000, 2 * ARRIVAL_S)
                if not events and not self._rounds.is_full:
                    self._network.now_ms += SCHEDULE.correction_ms
                    self._clock.value = self._network.now_ms
                for event in events:
                    await self._hand_on(event)

    async def _hand_on(self, event: BusEvent) -> None:
        if not isinstance(event, Message) or event.retained:
            return
        network, name = self._network, event.topic.rpartition("/")[2]
        is_for_all = event.topic in (FINAL_TOPIC, CORRECTION_TOPIC)
        if event.topic == FINAL_TOPIC:
            network.broadcast[FINAL_TOPIC] = event.payload
        received = gateway_events.Received(event.topic, event.payload)
        for member in network.gateways.values() if is_for_all else filter(None, [network.gateways.get(name)]):
            await self._send(published(member.handle(received, network.now_ms)), 0)


async def provider_rounds(network: VirtualNetwork, stage: Stage, *, missing: float, pace_s: float) -> Received:
    """The provider's CPU for each round through the broker; the first round warms up and does not count."""
    clock = RawValue(c_longlong, network.now_ms)
    rounds = (stage.laps + 1) * (2 if missing else 1)
    task = Task(stage.port, rounds, 0, stage.home, parties.credentials(parties.PROVIDER))
    setup = NetworkSetup(NETWORK, PARAMETERS[network.suite.code], network.provider_contents)
    arguments = (network.provider_seed, setup, clock)
    received = Received()
    async with _publisher(stage.port) as bus:
        with child(children.be_provider, task, *arguments) as provider:
            before = await provider.report()
            playing = BusRounds(network, bus, provider, clock)
            for place in range(stage.laps + 1):
                report = await playing.play(missing=missing, pace_s=pace_s)
                if place and playing.is_finished:
                    received.round.seconds.append(report.cpu_s - before.cpu_s)
                    received.store.seconds.append(report.store_s - before.store_s)
                before = report
                if missing:
                    before = await playing.bring_back()
    return received


def _bus(port: int, name: str) -> Bus:
    return Bus(BusSettings(port=port), name, credentials=parties.credentials(name))


@asynccontextmanager
async def _publisher(port: int) -> AsyncIterator[Bus]:
    """All gateways as one client."""
    async with _bus(port, "gateways") as bus:
        bus.subscribe(topics.broadcast_filter(NETWORK))
        bus.subscribe(topics.inbox_filter("+"))
        await bus.next_batch(1, PATIENCE_S)
        yield bus


# Yardsticks


async def plain_rounds(target: Callable[..., None], stage: Stage, size: int, payload_bytes: int, pace_s: float) -> Laps:
    """A receiver's CPU for each round of `size` plain readings."""
    payload = children.plain_reading(payload_bytes)
    names = [f"{children.PLAIN_ROOT}/up/gw-{i:05}" for i in range(size)]
    moments: list[float] = []
    async with _publisher(stage.port) as bus:
        task = Task(stage.port, stage.laps + 1, size, stage.home, parties.credentials("adder"))
        with child(target, task) as receiver:
            await receiver.report()
            for _ in range(stage.laps + 1):
                for name in names:
                    bus.publish_soon(name, payload)
                    if pace_s:
                        await asyncio.sleep(pace_s)
                report = await receiver.report()
                if report.total != (1_234 * size, 7 * size, size):
                    raise NotAsExpectedError(f"{size} plain readings gave {report.total}")
                moments.append(report.cpu_s)
    return differences(moments)


# The gateway's side


async def exchanges(
    stage: Stage, cycles: int, frame: bytes, final: bytes | None, release: bytes | None = None
) -> Exchanged:
    """CPU and bytes of a gateway's client: a frame up, and when there are such a FINAL down and a RELEASE up."""
    relay = Relay(stage.port)
    reports: list[tuple[float, Passed, Passed]] = []
    async with relay.serving(), _responder(stage.port, final):
        task = Task(relay.port, stage.laps, cycles, stage.home, parties.credentials("gateway"))
        with child(children.exchange, task, frame, final is not None, release) as gateway:
            for _ in range(stage.laps + 1):
                report = await gateway.report()
                await asyncio.sleep(SETTLE_S)
                reports.append((report.cpu_s, relay.up.passed, relay.down.passed))
    times = Laps([lap / cycles for lap in differences([cpu_s for cpu_s, _, _ in reports]).seconds])
    first, last, count = reports[0], reports[-1], stage.laps * cycles
    return Exchanged(times, first[1].until(last[1], count), first[2].until(last[2], count))


async def plain_publishes(stage: Stage, cycles: int, payload_bytes: int) -> Laps:
    """CPU of aiomqtt alone for a plain reading."""
    payload = children.plain_reading(payload_bytes)
    task = Task(stage.port, stage.laps, cycles, stage.home, parties.credentials("gateway"))
    with child(children.publish_with_aiomqtt, task, payload) as gateway:
        moments = [(await gateway.report()).cpu_s for _ in range(stage.laps + 1)]
    return Laps([lap / cycles for lap in differences(moments).seconds])


@asynccontextmanager
async def _responder(port: int, final: bytes | None) -> AsyncIterator[None]:
    """Answers each frame with a FINAL while inside, if there is one to answer with."""
    if final is None:
        yield
        return
    async with _bus(port, "responder") as bus:
        bus.subscribe(f"{children.EXCHANGE_ROOT}/up/+")
        await bus.next_batch(1, PATIENCE_S)
        answering = asyncio.create_task(_answer(bus, final))
        try:
            yield
        finally:
            answering.cancel()
            await asyncio.wait({answering})


async def _answer(bus: Bus, final: bytes) -> None:
    while True:
        for event in await bus.next_batch(100, PATIENCE_S):
            if isinstance(event, Message):
                bus.publish_soon(children.EXCHANGE_FINAL, final)
