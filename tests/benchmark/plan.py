"""How much is measured, and everything that was."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from common.suites import BASIC, HARDENED, Suite
from tests.benchmark import children, connects, cores, machine, over_mqtt, parties, primitives, proving
from tests.benchmark.connects import Connects
from tests.benchmark.cores import DROPOUTS, Cores, Share
from tests.benchmark.network import VirtualNetwork
from tests.benchmark.over_mqtt import Exchanged, Received, Stage
from tests.benchmark.primitives import Primitives
from tests.benchmark.proving import Proving
from tests.benchmark.rounds import Rounds
from tests.benchmark.stopwatch import Laps

SUITES: Final = (BASIC, HARDENED)
MISSING: Final = DROPOUTS[-1]
"""The share of gateways that stay silent in rounds through the broker."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of network, laps of each measurement (more for small networks), and rounds through the broker.

    `large` is a size of which only the provider's core is measured, in so many laps.

    The broker's rounds are played in several passes, so that a noisy moment of the machine does not fall on one
    receiver alone. `cycles` is how many exchanges of one gateway make a lap, `pace_s` the pause of frames one by one,
    `connects` the number of TLS connections, `enrolled` how many gateways are enrolled.
    """

    sizes: Sequence[int]
    laps: int
    large: int | None
    large_laps: int
    gateway_rounds: int
    bus_rounds: int
    bus_passes: int
    cycles: int
    pace_s: float
    connects: int
    enrolled: int


FULL = Plan(
    sizes=(100, 1_000),
    laps=5,
    large=10_000,
    large_laps=1,
    gateway_rounds=5_000,
    bus_rounds=3,
    bus_passes=3,
    cycles=50,
    pace_s=0.001,
    connects=1_000,
    enrolled=100,
)
SHORT = Plan(
    sizes=(8,),
    laps=1,
    large=None,
    large_laps=0,
    gateway_rounds=8,
    bus_rounds=1,
    bus_passes=1,
    cycles=5,
    pace_s=0.001,
    connects=100,
    enrolled=8,
)


@dataclass(frozen=True, slots=True)
class OverMqtt:
    """One size of network through the broker. `paced` means one frame at a time instead of all at once.

    `missing` is with a tenth of the gateways silent.
    """

    provider: Received = field(default_factory=Received)
    missing: Received = field(default_factory=Received)
    bus: Laps = field(default_factory=Laps)
    aiomqtt: Laps = field(default_factory=Laps)
    provider_paced: Received = field(default_factory=Received)
    bus_paced: Laps = field(default_factory=Laps)
    aiomqtt_paced: Laps = field(default_factory=Laps)


@dataclass(frozen=True, slots=True)
class SizeFound:
    """Everything about one size of network in one suite."""

    size: int
    suite: Suite
    cores: Cores
    over_mqtt: OverMqtt
    exchange: Exchanged


@dataclass(frozen=True, slots=True)
class LargeFound:
    """The provider's core of a large network."""

    size: int
    suite: Suite
    shares: Sequence[Share]


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was measured."""

    machine: Sequence[tuple[str, str]]
    primitives: Primitives
    sizes: Sequence[SizeFound]
    large: Sequence[LargeFound]
    reading: Exchanged
    aiomqtt_reading: Laps
    connects: Connects
    proving: Proving


def run(plan: Plan, say: Callable[[str], None]) -> Found:
    """Measure everything. `say` gets a sentence before each part."""
    with tempfile.TemporaryDirectory() as directory:
        return asyncio.run(_run(plan, say, Path(directory)))


async def _run(plan: Plan, say: Callable[[str], None], home: Path) -> Found:
    async with AsyncExitStack() as stack:
        stack.enter_context(parties.open_rules())
        broker = await stack.enter_async_context(parties.broker(home))
        description = machine.describe(broker.version)
        say("primitives")
        basics = primitives.measure(40 * plan.laps)
        sizes = [
            await _size(plan, VirtualNetwork(size, suite, is_founded=suite is HARDENED), broker.port, home, say)
            for suite in SUITES
            for size in plan.sizes
        ]
        say("a gateway's MQTT client with a plain reading")
        stage, frame = Stage(broker.port, home, plan.laps), sizes[0].cores.quiet.frames[0].payload
        reading = await over_mqtt.exchanges(stage, plan.cycles, frame, None)
        alone = await over_mqtt.plain_publishes(stage, plan.cycles, len(frame))
    say("TLS connects")
    connected = await connects.measure(plan.connects, home / "connects")
    say("certificates, draws, handshakes and enrollment")
    proven = proving.measure(20 * plan.laps, plan.enrolled, home / "enrollment")
    large = _large(plan, say)
    return Found(description, basics, sizes, large, reading, alone, connected, proven)


def _large(plan: Plan, say: Callable[[str], None]) -> list[LargeFound]:
    found: list[LargeFound] = []
    for suite in SUITES if plan.large else ():
        assert plan.large is not None
        say(f"{plan.large} gateways, suite {suite.name}: the provider without a bus")
        network = VirtualNetwork(plan.large, suite, is_founded=True)
        found.append(LargeFound(plan.large, suite, cores.measure_shares(network, plan.large_laps)))
    return found


async def _size(plan: Plan, network: VirtualNetwork, port: int, home: Path, say: Callable[[str], None]) -> SizeFound:
    size, suite = len(network.gateways), network.suite
    say(f"{size} gateways, suite {suite.name}: both cores without a bus")
    found = cores.measure(network, max(plan.laps, plan.gateway_rounds // size // (2 if suite is HARDENED else 1)))
    say(f"{size} gateways, suite {suite.name}: through Mosquitto")
    through = await _through(plan, found, port, home)
    exchange = await _exchange(plan, found.quiet, Stage(port, home, plan.laps))
    return SizeFound(size, suite, found, through, exchange)


async def _exchange(plan: Plan, quiet: Rounds, stage: Stage) -> Exchanged:
    """With messages of mean length; what is in them makes no difference."""
    sizes = quiet.sizes
    release = bytes(round(sizes.release)) if sizes.release else None
    return await over_mqtt.exchanges(stage, plan.cycles, bytes(round(sizes.frame)), bytes(sizes.final), release)


async def _through(plan: Plan, found: Cores, port: int, home: Path) -> OverMqtt:
    """The provider beside both yardsticks, each with all frames at once and with one at a time."""
    size, frame_bytes = len(found.network.gateways), round(found.quiet.sizes.frame)

    async def provider(*, missing: float = 0, pace_s: float = 0) -> Received:
        directory = Path(tempfile.mkdtemp(dir=home))
        stage = Stage(port, directory, plan.bus_rounds)
        return await over_mqtt.provider_rounds(found.network, stage, missing=missing, pace_s=pace_s)

    async def plain(target: Callable[..., None], pace_s: float = 0) -> Laps:
        return await over_mqtt.plain_rounds(target, Stage(port, home, plan.bus_rounds), size, frame_bytes, pace_s)

    through = OverMqtt()
    for _ in range(plan.bus_passes):
        through.provider.add(await provider())
        through.bus.add(await plain(children.add_plainly))
        through.aiomqtt.add(await plain(children.add_with_aiomqtt))
        through.missing.add(await provider(missing=MISSING))
        through.provider_paced.add(await provider(pace_s=plan.pace_s))
        through.bus_paced.add(await plain(children.add_plainly, plan.pace_s))
        through.aiomqtt_paced.add(await plain(children.add_with_aiomqtt, plan.pace_s))
    return through
