"""How much is measured, and everything that was."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmark import children, connects, cores, machine, over_mqtt, parties, primitives, proving
from tests.benchmark.connects import Connects
from tests.benchmark.cores import Cores
from tests.benchmark.over_mqtt import Exchanged, Received, Stage
from tests.benchmark.primitives import Primitives
from tests.benchmark.proving import Proving
from tests.benchmark.stopwatch import Laps


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of network, laps of each measurement (more for small networks), and rounds through the broker.

    The broker's rounds are played in several passes, so that a noisy moment of the machine does not fall on one
    receiver alone. `cycles` is how many exchanges of one gateway make a lap, `pace_s` the pause of frames one by one,
    `connects` the number of TLS connections, `enrolled` how many gateways are enrolled.
    """

    sizes: Sequence[int]
    laps: int
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
    gateway_rounds=5_000,
    bus_rounds=3,
    bus_passes=3,
    cycles=50,
    pace_s=0.001,
    connects=1_000,
    enrolled=100,
)
SHORT = Plan(
    sizes=(8,), laps=1, gateway_rounds=8, bus_rounds=1, bus_passes=1, cycles=5, pace_s=0.001, connects=100, enrolled=8
)


@dataclass(frozen=True, slots=True)
class OverMqtt:
    """One size of network through the broker. `paced` means one frame at a time instead of all at once."""

    provider: Received = field(default_factory=Received)
    missing: Received = field(default_factory=Received)
    bus: Laps = field(default_factory=Laps)
    aiomqtt: Laps = field(default_factory=Laps)
    provider_paced: Received = field(default_factory=Received)
    bus_paced: Laps = field(default_factory=Laps)
    aiomqtt_paced: Laps = field(default_factory=Laps)


@dataclass(frozen=True, slots=True)
class SizeFound:
    """Everything about one size of network."""

    size: int
    cores: Cores
    over_mqtt: OverMqtt
    exchange: Exchanged


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was measured."""

    machine: Sequence[tuple[str, str]]
    primitives: Primitives
    sizes: Sequence[SizeFound]
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
        sizes = [await _size(plan, size, broker.port, home, say) for size in plan.sizes]
        say("a gateway's MQTT client with a plain reading")
        stage, frame = Stage(broker.port, home, plan.laps), sizes[0].cores.quiet.frames[0].payload
        reading = await over_mqtt.exchanges(stage, plan.cycles, frame, None)
        alone = await over_mqtt.plain_publishes(stage, plan.cycles, len(frame))
    say("TLS connects")
    connected = await connects.measure(plan.connects, home / "connects")
    say("certificates, draws, handshakes and enrollment")
    proven = proving.measure(20 * plan.laps, plan.enrolled, home / "enrollment")
    return Found(description, basics, sizes, reading, alone, connected, proven)


async def _size(plan: Plan, size: int, port: int, home: Path, say: Callable[[str], None]) -> SizeFound:
    say(f"{size} gateways: both cores without a bus")
    found = cores.measure(size, max(plan.laps, plan.gateway_rounds // size))
    say(f"{size} gateways: through Mosquitto")
    through = await _through(plan, found, port, home)
    frame, final = found.quiet.frames[0].payload, bytes(found.quiet.sizes.final)
    exchange = await over_mqtt.exchanges(Stage(port, home, plan.laps), plan.cycles, frame, final)
    return SizeFound(size, found, through, exchange)


async def _through(plan: Plan, found: Cores, port: int, home: Path) -> OverMqtt:
    """The provider beside both yardsticks, each with all frames at once and with one at a time."""
    size, frame_bytes = len(found.network.gateways), found.quiet.sizes.frame

    async def provider(*, has_missing: bool = False, pace_s: float = 0) -> Received:
        directory = Path(tempfile.mkdtemp(dir=home))
        stage = Stage(port, directory, plan.bus_rounds)
        return await over_mqtt.provider_rounds(found.network, stage, has_missing=has_missing, pace_s=pace_s)

    async def plain(target: Callable[..., None], pace_s: float = 0) -> Laps:
        return await over_mqtt.plain_rounds(target, Stage(port, home, plan.bus_rounds), size, frame_bytes, pace_s)

    through = OverMqtt()
    for _ in range(plan.bus_passes):
        through.provider.add(await provider())
        through.bus.add(await plain(children.add_plainly))
        through.aiomqtt.add(await plain(children.add_with_aiomqtt))
        through.missing.add(await provider(has_missing=True))
        through.provider_paced.add(await provider(pace_s=plan.pace_s))
        through.bus_paced.add(await plain(children.add_plainly, plan.pace_s))
        through.aiomqtt_paced.add(await plain(children.add_with_aiomqtt, plan.pace_s))
    return through
