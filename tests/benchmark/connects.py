"""What a TLS connect costs Mosquitto and the client, and how much memory a connection takes there.

Mutual TLS 1.3 with Ed25519 certificates, a CONNECT and its CONNACK, each connection under a name of its own and held
until all stand. Alone:  python -m tests.benchmark.connects [--count N]
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console

from broker.access import Access
from broker.mosquitto import Broker
from broker.probe import connect_packet
from broker.settings import BrokerSettings
from broker.tls import ClientContext, client_context
from common.identifiers import NetworkId
from tests.benchmark.tables import Table
from tests.credentials import Administrator

AT_ONCE: Final = 32
"""Connections in the making at a time: enough to keep a broker busy, far below its backlog of 100."""


@dataclass(frozen=True, slots=True)
class Connects:
    """What was found of `count` connections.

    Attributes:
        count: How many.
        wall_s: From the first to the last, with both ends on this machine.
        broker_cpu_s: CPU of Mosquitto.
        client_cpu_s: CPU of this process, which made all of them.
        credentials_cpu_s: CPU of reading the files for all of them, which each gateway does at each connect.
        memory_bytes: By how much Mosquitto grew.
    """

    count: int
    wall_s: float
    broker_cpu_s: float
    client_cpu_s: float
    credentials_cpu_s: float
    memory_bytes: int


async def measure(count: int, home: Path) -> Connects:
    """Connect `count` clients to a broker of their own, with all files in `home`."""
    administrator = Administrator(home / "administrator")
    directories = [administrator.gateway(f"gateway-{number}") for number in range(count)]
    began_s = time.process_time()
    contexts = [client_context(directory) for directory in directories]
    credentials_cpu_s = time.process_time() - began_s
    access = Access("provider", (NetworkId(1),))
    async with Broker(BrokerSettings(), home / "mosquitto", administrator.broker(), access) as broker:
        return await _connect_all(broker, contexts, credentials_cpu_s)


def table(found: Connects) -> Table:
    """What was found, as a section."""
    each_ms = found.broker_cpu_s / found.count * 1_000
    rows = [
        ("CPU of Mosquitto for a connect", f"{each_ms:.2f} ms"),
        ("Connects a second that a core takes", f"{1_000 / each_ms:.0f}"),
        ("Connects a second in this run, both ends on this machine", f"{found.count / found.wall_s:.0f}"),
        ("CPU of a client for a connect", f"{found.client_cpu_s / found.count * 1_000:.2f} ms"),
        ("… before that, for reading its credentials", f"{found.credentials_cpu_s / found.count * 1_000:.2f} ms"),
        ("Memory of Mosquitto for a connection", f"{found.memory_bytes / found.count / 1_024:.0f} KiB"),
    ]
    note = (
        f"{found.count} clients, mutual TLS 1.3, the broker with a P-256 key and the clients with Ed25519,"
        " X25519 and AES-256-GCM. Mosquitto uses one core, whatever"
        " the machine has."
    )
    return Table("TLS connects", ("What", "Measured"), rows, note)


async def _connect_all(broker: Broker, contexts: Sequence[ClientContext], credentials_cpu_s: float) -> Connects:
    assert broker.pid is not None
    process = psutil.Process(broker.pid)
    memory_bytes, broker_cpu_s = process.memory_info().rss, sum(process.cpu_times()[:2])
    wall_s, client_cpu_s = time.perf_counter(), time.process_time()
    limit = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_connect(broker, context, limit)) for context in contexts]
    found = Connects(
        count=len(contexts),
        wall_s=time.perf_counter() - wall_s,
        broker_cpu_s=sum(process.cpu_times()[:2]) - broker_cpu_s,
        client_cpu_s=time.process_time() - client_cpu_s,
        credentials_cpu_s=credentials_cpu_s,
        memory_bytes=process.memory_info().rss - memory_bytes,
    )
    for task in tasks:
        task.result().transport.abort()
    return found


async def _connect(broker: Broker, context: ClientContext, limit: asyncio.Semaphore) -> asyncio.StreamWriter:
    async with limit:
        reader, writer = await asyncio.open_connection(broker.host, broker.port, ssl=context)
        writer.write(connect_packet(context.name))
        answer = await reader.readexactly(4)
    if answer != b"\x20\x02\x00\x00":
        raise ConnectionRefusedError(f"{context.name} got {answer.hex()} instead of a good CONNACK")
    return writer


def main() -> None:
    """Measure and print this section alone."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark.connects", description="TLS connects.")
    parser.add_argument("--count", type=int, default=1_000, help="how many clients")
    with tempfile.TemporaryDirectory() as directory:
        found = asyncio.run(measure(parser.parse_args().count, Path(directory)))
    table(found).show(Console())


if __name__ == "__main__":
    main()
