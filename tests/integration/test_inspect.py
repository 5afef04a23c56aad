"""`dcnet inspect --watch` beside a running Mosquitto."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from broker.bus import Bus
from broker.credentials import CERTIFICATE_FILE, KEY_FILE
from broker.keyfile import load_identity
from broker.mosquitto import Broker
from broker.pem import CERTIFICATE, one_of
from broker.settings import BusSettings
from common import topics
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, ClientId, NetworkId
from common.payloads import Registration, Resumed
from common.signing import Direction, Identity
from common.topics import Broadcast
from tests.credentials import Administrator, shared

pytestmark = pytest.mark.integration

NETWORK = NetworkId(7)
COMMAND = (sys.executable, "-c", "from launcher.cli import main; main()", "inspect", "--watch")


def identity_in(directory: Path) -> Identity:
    return load_identity(directory / KEY_FILE)


def resumed(signer: Identity) -> bytes:
    return Frame(NETWORK, ClientId(3), 0, Notification.RESUMED, Resumed(()).encode()).signed(signer, Direction.DOWN)


def registration() -> bytes:
    gateway = shared().gateway("gw")
    certificate = one_of(CERTIFICATE, (gateway / CERTIFICATE_FILE).read_bytes())
    frame = Frame(NetworkId(0), EVERYONE, 0, Notification.REGISTER, Registration(bytes(32), certificate).encode())
    return frame.signed(identity_in(gateway), Direction.UP)


def provider_says() -> list[tuple[str, bytes]]:
    """One of each kind that the provider may publish."""
    provider, gateway = identity_in(shared().provider()), identity_in(shared().gateway("gw"))
    return [
        (topics.broadcast(NETWORK, Broadcast.ROSTER), b"no frame"),
        (topics.result(NETWORK), b'{"round": 5}'),
        (topics.down(NETWORK, "gw"), resumed(provider)),
        (topics.down(NETWORK, "gw"), resumed(gateway)),
    ]


async def publish(broker: Broker) -> None:
    """Say everything, retained, so that whoever comes late sees it too."""
    settings = BusSettings(host=broker.host, port=broker.port)
    said = {
        "provider": (shared().provider(), provider_says()),
        "gw": (shared().gateway("gw"), [(topics.register("gw"), registration())]),
    }
    for name, (credentials, messages) in said.items():
        async with Bus(settings, name, credentials=credentials) as bus:
            for topic, payload in messages:
                bus.publish_soon(topic, payload, retain=True)
            assert await bus.flush(5)


async def watch(broker: Broker, *options: str, credentials: Path | None = None) -> asyncio.subprocess.Process:
    directory = credentials or shared().inspector()
    address = f"{broker.host}:{broker.port}"
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *COMMAND, address, "--credentials", str(directory), *options, stdout=pipe, stderr=pipe
    )


async def test_every_message_is_a_json_line(mosquitto: Broker) -> None:
    await publish(mosquitto)
    async with asyncio.timeout(20):
        process = await watch(mosquitto, "--json")
        assert process.stdout is not None
        lines: list[dict[str, Any]] = [json.loads(await process.stdout.readline()) for _ in range(4)]
        process.send_signal(signal.SIGINT)
        _, told = await process.communicate()
    assert (process.returncode, told) == (0, b"")
    shown = {line["topic"]: line for line in lines}
    assert shown["dcnet/1/7/all/roster"]["refusal"] == "it is shorter than a header and a signature"
    assert shown["dcnet/1/7/result"]["result"] == {"round": 5}
    assert shown["dcnet/1/7/down/gw"]["signature_holds"] is False, "the last one there was signed by a gateway"
    assert shown["dcnet/1/register/gw"]["signature_holds"] is True, "a registration carries its certificate"
    assert shown["dcnet/1/register/gw"]["data"]["name"] == "gw"


async def test_people_see_topics_and_fields(mosquitto: Broker) -> None:
    async with asyncio.timeout(20):
        process = await watch(mosquitto)
        assert process.stdout is not None
        said = b""
        while b"REGISTER" not in said:
            await publish(mosquitto)
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
        "valid_until",
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
    watchers = [line for line in said.splitlines() if "New client connected" in line and "as inspector " in line]
    assert watchers
    assert all("c1," in line for line in watchers), "connected with a clean session"


@pytest.mark.parametrize(
    ("directory", "complaint"),
    [
        (lambda: shared().gateway("gw"), "is for dcnet:gateway/north/gw, and here one for role inspector is needed"),
        (lambda: Path("/nowhere"), "/nowhere/identity.key is missing"),
    ],
    ids=["a gateway's", "none"],
)
async def test_credentials_of_somebody_else_are_refused_with_a_sentence(
    mosquitto: Broker, directory: Callable[[], Path], complaint: str
) -> None:
    async with asyncio.timeout(20):
        process = await watch(mosquitto, credentials=directory())
        _, told = await process.communicate()
    assert process.returncode == 2
    assert complaint in told.decode()
    assert b"Traceback" not in told


async def test_a_broker_of_another_administrator_is_refused_with_a_sentence(mosquitto: Broker, tmp_path: Path) -> None:
    stranger = Administrator(tmp_path / "elsewhere").inspector()
    async with asyncio.timeout(20):
        process = await watch(mosquitto, credentials=stranger)
        _, told = await process.communicate()
    assert process.returncode == 2
    assert "is not of the administrator in authority.pem: somebody else answers there" in told.decode()
    assert "No broker lets inspector in on" in told.decode()
    assert b"Traceback" not in told
