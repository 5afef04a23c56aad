"""The measured processes: each has one client of the broker and tells its own CPU time after every round.

They come from a clean process (`forkserver`), so that nothing of the benchmark's own memory is in them.
"""

import asyncio
import gc
import random
import time
from collections.abc import Iterable
from ctypes import c_longlong
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from struct import Struct
from typing import Final

import aiomqtt

from broker.bus import Bus
from broker.events import Connected, Message
from broker.settings import BusSettings
from broker.tls import client_context
from common import topics
from common.secret import Secret
from common.signing import Identity
from common.superposition import add
from provider.aggregator import Aggregator
from provider.core.events import NetworkSetup, Record, RoundResult
from provider.core.machine import ProviderMachine
from provider.core.trust import Trust
from provider.results import ResultsFile
from provider.store import Charter, Store
from tests.benchmark import papers
from tests.benchmark.network import NETWORK, REGION

PLAIN_ROOT: Final = "plain/1/1"
"""Where the yardsticks speak: as long as the protocol's topics, and apart from them, so that no session hears both."""

EXCHANGE_ROOT: Final = "trial/1/1"
"""Where one gateway's client is measured, for the same reason."""

EXCHANGE_UP: Final = f"{EXCHANGE_ROOT}/up/gw-00000"
EXCHANGE_RELEASE: Final = f"{EXCHANGE_ROOT}/no/gw-00000"
EXCHANGE_FINAL: Final = f"{EXCHANGE_ROOT}/all/final"
READING: Final = Struct(">QQ")
PATIENCE_S: Final = 60
"""How long a step over the bus may take before the benchmark gives up."""

SETTLE_S: Final = 0.1
"""How long the bytes of one lap get to be counted before the next lap begins."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a process says after each round: its CPU time so far, what of it the store took, and what it added up."""

    cpu_s: float
    store_s: float
    total: tuple[int | None, int | None, int | None]
    result: RoundResult | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What a receiving process needs to know."""

    port: int
    rounds: int
    frames: int
    home: Path
    credentials: Path


class _TimedStore:
    """The real store, with its CPU time apart."""

    def __init__(self, store: Store) -> None:
        self.cpu_s = 0.0
        self._store = store

    def apply(self, records: Iterable[Record]) -> None:
        before = time.thread_time()
        self._store.apply(records)
        self.cpu_s += time.thread_time() - before


class _TellingResults:
    """The real results file; reports each round that was closed."""

    def __init__(self, results: ResultsFile, store: _TimedStore, answers: Connection, rounds: int) -> None:
        self.done = asyncio.Event()
        self._results, self._store, self._answers, self._rounds = results, store, answers, rounds

    def append(self, results: Iterable[RoundResult]) -> None:
        closed = list(results)
        self._results.append(closed)
        for result in closed:
            total = (result.import_dwh, result.export_dwh, result.contributors)
            self._answers.send(Report(time.process_time(), self._store.cpu_s, total, result))
            self._rounds -= 1
        if self._rounds <= 0:
            self.done.set()


def be_provider(task: Task, answers: Connection, seed: bytes, setup: NetworkSetup, clock_ms: c_longlong) -> None:
    """The real provider, but for its clock, which the benchmark moves, and its broker, which runs already."""
    asyncio.run(_provide(task, answers, Identity(Secret(seed)), setup, clock_ms))


async def _provide(
    task: Task, answers: Connection, identity: Identity, setup: NetworkSetup, clock_ms: c_longlong
) -> None:
    parameters = setup.parameters
    machine = ProviderMachine(
        identity, [setup], random.SystemRandom(), clock_ms.value, Trust(papers.authority(), papers.revocations())
    )
    gc.freeze()
    with Store(task.home / "provider.db") as file:
        file.charter(Charter(NETWORK, REGION, parameters.suite, parameters.schedule.period_ms, identity.public_key))
        store = _TimedStore(file)
        results = _TellingResults(ResultsFile(task.home / "results.csv"), store, answers, task.rounds)
        async with _bus(task) as bus, asyncio.TaskGroup() as group:
            for topic_filter in topics.PROVIDER_FILTERS:
                bus.subscribe(topic_filter)
            aggregator = Aggregator(machine, bus, store, results, lambda: clock_ms.value)
            work = group.create_task(aggregator.run())
            await aggregator.connected.wait()
            answers.send(Report(time.process_time(), store.cpu_s, (0, 0, 0)))
            await results.done.wait()
            work.cancel()


class _Adder:
    """What a receiver of plain readings does: it adds, and reports after each round."""

    def __init__(self, task: Task, answers: Connection) -> None:
        self.rounds = task.rounds
        self._frames, self._answers = task.frames, answers
        self._total = (0, 0, 0)

    def take(self, payload: bytes) -> None:
        import_dwh, export_dwh = READING.unpack_from(payload)
        self._total = add(self._total, (import_dwh, export_dwh, 1))
        if self._total[2] == self._frames:
            self._answers.send(Report(time.process_time(), 0, self._total))
            self._total = (0, 0, 0)
            self.rounds -= 1


def add_plainly(task: Task, answers: Connection) -> None:
    """The yardstick: the same bus, plain readings, a receiver that only adds up."""
    asyncio.run(_add_with_bus(task, answers))


async def _add_with_bus(task: Task, answers: Connection) -> None:
    adder = _Adder(task, answers)
    async with _bus(task) as bus:
        bus.subscribe(f"{PLAIN_ROOT}/up/+")
        while adder.rounds:
            for event in await bus.next_batch(1_000_000, PATIENCE_S):
                if isinstance(event, Connected):
                    answers.send(Report(time.process_time(), 0, (0, 0, 0)))
                elif isinstance(event, Message):
                    adder.take(event.payload)


def add_with_aiomqtt(task: Task, answers: Connection) -> None:
    """The second yardstick: aiomqtt as its readme uses it, plain readings, a receiver that only adds up."""
    asyncio.run(_add_with_aiomqtt(task, answers))


async def _add_with_aiomqtt(task: Task, answers: Connection) -> None:
    adder = _Adder(task, answers)
    async with _aiomqtt(task) as client:
        await client.subscribe(f"{PLAIN_ROOT}/up/+", 1)
        answers.send(Report(time.process_time(), 0, (0, 0, 0)))
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            adder.take(message.payload)
            if not adder.rounds:
                break


def exchange(task: Task, answers: Connection, payload: bytes, is_answered: bool, release: bytes | None) -> None:
    """A gateway's share of MQTT: publish a frame, when `is_answered` take the FINAL for it, and send a RELEASE, if any.

    The RELEASE goes where nobody answers it.
    """
    asyncio.run(_exchange(task, answers, payload, is_answered, release))


async def _exchange(task: Task, answers: Connection, payload: bytes, is_answered: bool, release: bytes | None) -> None:
    async with _bus(task) as bus:
        bus.subscribe(f"{EXCHANGE_ROOT}/all/+")
        await bus.next_batch(1, PATIENCE_S)
        for _ in range(task.rounds + 1):
            for _ in range(task.frames):
                bus.publish_soon(EXCHANGE_UP, payload)
                if is_answered and not await bus.next_batch(1, PATIENCE_S):
                    raise TimeoutError("no answer came")
                if release is not None:
                    bus.publish_soon(EXCHANGE_RELEASE, release)
                await bus.flush(PATIENCE_S)
            answers.send(Report(time.process_time(), 0, (0, 0, 0)))
            await asyncio.sleep(2 * SETTLE_S)


def publish_with_aiomqtt(task: Task, answers: Connection, payload: bytes) -> None:
    """A gateway's yardstick: aiomqtt as its readme uses it, one plain reading at QoS 1."""
    asyncio.run(_publish_with_aiomqtt(task, answers, payload))


async def _publish_with_aiomqtt(task: Task, answers: Connection, payload: bytes) -> None:
    async with _aiomqtt(task) as client:
        for _ in range(task.rounds + 1):
            for _ in range(task.frames):
                await client.publish(EXCHANGE_UP, payload, 1)
            answers.send(Report(time.process_time(), 0, (0, 0, 0)))


def _bus(task: Task) -> Bus:
    return Bus(BusSettings(port=task.port), client_context(task.credentials).name, credentials=task.credentials)


def _aiomqtt(task: Task) -> aiomqtt.Client:
    context = client_context(task.credentials)
    return aiomqtt.Client("127.0.0.1", task.port, identifier=context.name, tls_context=context)


def plain_reading(size: int) -> bytes:
    """A reading in the clear, padded to the size of a frame."""
    return READING.pack(1_234, 7).ljust(max(size, READING.size), b"\0")
