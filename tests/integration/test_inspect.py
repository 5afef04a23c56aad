"""`dcnet inspect --watch` beside a running Mosquitto."""

import asyncio
import json
import signal
import sys
from typing import Any

import pytest

from broker.bus import Bus
from broker.mosquitto import Broker
from broker.settings import BusSettings
from common import topics
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, ClientId, NetworkId
from common.payloads import Registration, Resumed
from common.secret import Secret
from common.signing import Direction, Identity
from common.topics import Broadcast

pytestmark = pytest.mark.integration

NETWORK = NetworkId(7)
PROVIDER, GATEWAY = Identity(Secret(bytes(32))), Identity(Secret(bytes(31) + b"\1"))
COMMAND = (sys.executable, "-c", "from launcher.cli import main; main()", "inspect", "--watch")


def resumed(signer: Identity) -> bytes:
    return Frame(NETWORK, ClientId(3), 0, Notification.RESUMED, Resumed(()).encode()).signed(signer, Direction.DOWN)


def registration() -> bytes:
    data = Registration(GATEWAY.public_key, "north", "gw").encode()
    return Frame(NetworkId(0), EVERYONE, 0, Notification.REGISTER, data).signed(GATEWAY, Direction.UP)


def publish_all(bus: Bus) -> int:
    """One of each kind; the first is retained, so that whoever comes late sees it too."""
    messages = [
        (topics.broadcast(NETWORK, Broadcast.ROSTER), b"no frame"),
        (topics.result(NETWORK), b'{"round": 5}'),
        (topics.down(NETWORK, "gw"), resumed(PROVIDER)),
        (topics.down(NETWORK, "gw"), resumed(GATEWAY)),
        (topics.register("gw"), registration()),
    ]
    for topic, payload in messages:
        bus.publish_soon(topic, payload, retain=True)
    return len(messages)


async def watch(broker: Broker, *options: str) -> asyncio.subprocess.Process:
    address = f"{broker.host}:{broker.port}"
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*COMMAND, address, *options, stdout=pipe, stderr=pipe)


async def publish(broker: Broker) -> int:
    async with Bus(BusSettings(host=broker.host, port=broker.port), "publisher") as bus:
        count = publish_all(bus)
        assert await bus.flush(5)
    return count


async def test_every_message_is_a_json_line(mosquitto: Broker) -> None:
    await publish(mosquitto)
    async with asyncio.timeout(20):
        process = await watch(mosquitto, "--json", "--key", PROVIDER.public_key.hex())
        assert process.stdout is not None
        lines: list[dict[str, Any]] = [json.loads(await process.stdout.readline()) for _ in range(4)]
        process.send_signal(signal.SIGINT)
        _, told = await process.communicate()
    assert (process.returncode, told) == (0, b"")
    shown = {line["topic"]: line for line in lines}
    assert shown["dcnet/1/7/all/roster"]["refusal"] == "it is shorter than a header and a signature"
    assert shown["dcnet/1/7/result"]["result"] == {"round": 5}
    assert shown["dcnet/1/7/down/gw"]["signature_holds"] is False, "the last one there was signed by a gateway"
    assert shown["dcnet/1/register/gw"]["signature_holds"] is True, "a registration carries its key"


async def test_people_see_topics_and_fields(mosquitto: Broker) -> None:
    async with asyncio.timeout(20):
        process = await watch(mosquitto, "--key", PROVIDER.public_key.hex())
        assert process.stdout is not None
        said = b""
        async with Bus(BusSettings(host=mosquitto.host, port=mosquitto.port), "publisher") as bus:
            while b"REGISTER" not in said:
                publish_all(bus)
                assert await bus.flush(5)
                said += await process.stdout.read(65_536) if said else await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, told = await process.communicate()
    assert (process.returncode, told) == (0, b"")
    text = (said + rest).decode()
    for piece in (
        "dcnet/1/7/down/gw",
        "RESUMED",
        "holds (down, from the provider)",
        "DOES NOT HOLD",
        "no frame: it is",
    ):
        assert piece in text


async def test_the_broker_keeps_nothing_for_a_watcher_that_has_gone(mosquitto: Broker) -> None:
    async with asyncio.timeout(20):
        process = await watch(mosquitto, "--json")
        await publish(mosquitto)
        assert process.stdout is not None
        await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        await process.communicate()
    said = mosquitto.log_file.read_text()
    watchers = [line for line in said.splitlines() if "New client connected" in line and "as inspect-" in line]
    assert watchers
    assert all("c1," in line for line in watchers), "connected with a clean session"
