"""The provider with its own Mosquitto, as one process and as a coroutine."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from broker.bus import Bus
from broker.credentials import CERTIFICATE_FILE, KEY_FILE
from broker.events import Message
from broker.home import HomeError
from broker.keyfile import load_identity
from broker.mosquitto import Broker
from broker.pem import CERTIFICATE, one_of
from broker.settings import BusSettings
from common import topics
from common.certificates import Role, Subject
from common.clients import ClientSet
from common.frames import Frame, Notification, decode
from common.identifiers import EVERYONE, NO_NETWORK, ClientId, NetworkId, RoundNumber
from common.merkle import Tree
from common.payloads import NO_VIEW, Registration, Rejected, RoundFinal
from common.refusal import Refusal
from common.roster import NO_PREDECESSOR, Leaf, Roster, RosterRoot
from common.signing import Direction
from common.suites import HARDENED
from provider.aggregator import unix_ms
from provider.core import admission
from provider.core.events import FinalRecord, MemberRecord, MemberState, RosterRecord
from provider.service import STORE_FILE, run
from provider.settings import ProviderSettings, load
from provider.store import Charter, Store
from tests.credentials import LOCAL, shared
from tests.integration.conftest import eventually
from tests.provider.records import complete

pytestmark = pytest.mark.integration

CONFIG = """
home = "{home}"
[broker]
inspectors = ["inspector"]
[[network]]
id = 1
region = "north"
period_s = 1
members_min = 3
masks_min = 2
demonstration = true
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The settings of a provider that has its credentials."""
    home = shared().issue(tmp_path / "home", Subject(Role.PROVIDER, "provider"))
    shared().issue(home / "broker", Subject(Role.BROKER, "broker"), LOCAL)
    path = tmp_path / "provider.toml"
    path.write_text(CONFIG.format(home=home))
    return path


def certificate(name: str) -> bytes:
    """A gateway's certificate (DER)."""
    return one_of(CERTIFICATE, (shared().gateway(name) / CERTIFICATE_FILE).read_bytes())


@pytest.fixture
def settings(config: Path) -> ProviderSettings:
    """Of a provider whose network operated once and whose only member has left: it closes rounds without a sum."""
    settings = load(config)
    identity = load_identity(settings.home / KEY_FILE)
    network, now_ms = NetworkId(1), unix_ms()
    number = RoundNumber(now_ms // 1000 - 1)
    key = shared().certificate(shared().gateway("last")).public_key
    left = MemberState.LEFT
    last = MemberRecord(network, ClientId(1), "last", key, bytes(32), certificate("last"), left, 1, b"its exit")
    leaf = Leaf(last.client, key, last.draw_root, last.epoch)
    at = RosterRoot(1, 1, 1, Tree([leaf.encode()]).root())
    roster = Roster(at, number, NO_PREDECESSOR, settings.network[0].parameters, (), (leaf,))
    order = RoundFinal(HARDENED.code, number, NO_VIEW, number, at.epoch, at.root, ClientSet(), ClientSet(), ())
    frame = Frame(network, EVERYONE, now_ms, Notification.FINAL, order.encode()).signed(identity, Direction.DOWN)
    with Store(settings.home / STORE_FILE) as store:
        store.charter(Charter(network, "north", HARDENED.code, 1_000, identity.public_key))
        store.apply([last, RosterRecord(network, 1, 1, 1, roster.encode()), FinalRecord(network, number, frame)])
    return settings


async def read_ready(settings: ProviderSettings) -> dict[str, Any]:
    """Wait for the file that tells how to reach the provider."""
    path = settings.home / "provider.json"
    await eventually(path.exists)
    ready = json.loads(path.read_text())
    assert isinstance(ready, dict)
    return ready


@asynccontextmanager
async def running(settings: ProviderSettings) -> AsyncIterator[dict[str, Any]]:
    """A provider as a coroutine, ready and then stopped in order."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group, asyncio.timeout(30):
        provider = group.create_task(run(settings, stop))
        yield await read_ready(settings)
        stop.set()
        assert await provider == 0


def client(ready: dict[str, Any], name: str) -> Bus:
    """A client of the provider's broker: the inspector, or the gateway of this name."""
    credentials = shared().inspector() if name == "inspector" else shared().gateway(name)
    return Bus(BusSettings(host=ready["host"], port=ready["port"]), name, credentials=credentials)


async def next_payload(bus: Bus) -> bytes:
    """The next message that was not retained."""
    while True:
        for event in await bus.next_batch(1, 5):
            if isinstance(event, Message) and not event.retained:
                return event.payload


async def next_result(bus: Bus) -> dict[str, Any]:
    """The next message on a result topic that was not retained."""
    result = json.loads(await next_payload(bus))
    assert isinstance(result, dict)
    return result


async def test_rounds_close_without_members_and_say_so_everywhere(settings: ProviderSettings) -> None:
    async with running(settings) as ready, client(ready, "inspector") as bus:
        bus.subscribe(topics.result(NetworkId(1)))
        result = await next_result(bus)
        while result["status"] == "lost":
            result = await next_result(bus)
    assert (result["status"], result["region"], result["refused"]) == ("refused", "north", 0)
    assert f"1,north,{result['round']}," in (settings.home / "results.csv").read_text()
    assert not (settings.home / "provider.json").exists()


async def test_a_line_that_a_crash_kept_from_the_file_is_there_after_the_next_start(
    settings: ProviderSettings,
) -> None:
    result = complete(17, network=NetworkId(1))
    with Store(settings.home / STORE_FILE) as store:
        store.apply([result])
    async with running(settings):
        pass
    assert (settings.home / "results.csv").read_text().splitlines()[1].startswith("1,north,17,")


async def test_nonsense_on_the_bus_is_counted_and_stops_nothing(settings: ProviderSettings) -> None:
    async with running(settings) as ready, client(ready, "inspector") as bus, client(ready, "stranger") as stranger:
        bus.subscribe(topics.result(NetworkId(1)))
        stranger.publish_soon("dcnet/1/register/stranger", b"nonsense")
        stranger.publish_soon("dcnet/1/1/up/stranger", bytes(139))
        result = await next_result(bus)
        while result["refused"] < 2:
            result = await next_result(bus)
    assert (result["refused_too_short"], result["refused_wrong_protocol"]) == (1, 1)


async def test_a_network_without_identifiers_left_tells_a_newcomer_and_counts_it(
    settings: ProviderSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is full with the member that has left: 200,000 would take a while."""
    monkeypatch.setattr(admission, "CLIENTS_MAX", 1)
    newcomer = load_identity(shared().gateway("newcomer") / KEY_FILE)
    data = Registration(bytes(32), certificate("newcomer")).encode()
    said = Frame(NO_NETWORK, EVERYONE, unix_ms(), Notification.REGISTER, data).signed(newcomer, Direction.UP)
    async with running(settings) as ready, client(ready, "newcomer") as bus, client(ready, "inspector") as results:
        bus.subscribe(topics.inbox_filter("newcomer"))
        results.subscribe(topics.result(NetworkId(1)))
        bus.publish_soon(topics.register("newcomer"), said)
        answer = decode(await next_payload(bus)).frame
        result = await next_result(results)
        while not result["refused"]:
            result = await next_result(results)
    assert Rejected.decode(answer.data) == Rejected(Notification.REGISTER, Refusal.NETWORK_FULL)
    assert result["refused_network_full"] == 1


async def test_rounds_go_on_after_mosquitto_was_killed(settings: ProviderSettings) -> None:
    async with running(settings) as ready:
        (mosquitto,) = (child for child in psutil.Process().children() if child.name() == "mosquitto")
        async with client(ready, "inspector") as bus:
            bus.subscribe(topics.result(NetworkId(1)))
            before = await next_result(bus)
            mosquitto.kill()
            after = await next_result(bus)
            while after["round"] < before["round"] + 3:
                after = await next_result(bus)
    assert not mosquitto.is_running()
    assert after["round"] >= before["round"] + 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_process_and_its_broker(
    config: Path, settings: ProviderSettings, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "provider", "--config", str(config)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    async with asyncio.timeout(20):
        ready = await read_ready(settings)
        assert ready["pid"] == process.pid
        children = psutil.Process(process.pid).children()
        names = [child.name() for child in children]
        process.send_signal(number)
        _, said = await process.communicate()
    assert process.returncode == 0
    assert names == ["mosquitto"]
    assert not children[0].is_running()
    assert b"Traceback" not in said
    assert b"demonstration, not private" in said


async def test_a_second_provider_in_one_home_ends_with_a_sentence(
    settings: ProviderSettings, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(settings):
        assert await run(settings, asyncio.Event()) == 2
    assert f"Another process ({os.getpid()}) works in {settings.home}" in caplog.text


async def test_a_store_that_fails_ends_the_provider_with_a_sentence_and_without_its_broker(
    settings: ProviderSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(store: Store, records: object) -> None:
        raise HomeError("The disk is full. Free space.")

    monkeypatch.setattr(Store, "apply", fail)
    async with asyncio.timeout(20):
        assert await run(settings, asyncio.Event()) == 2
    assert "The disk is full. Free space." in caplog.messages
    assert not [child for child in psutil.Process().children() if child.name() == "mosquitto"]
    assert not (settings.home / "provider.json").exists()


async def test_the_mirror_shows_what_the_provider_says(settings: ProviderSettings) -> None:
    mirrored = settings.model_copy(update={"mirror": True})
    async with running(mirrored) as ready, client(ready, "inspector") as bus:
        bus.subscribe("dcnet/1/1/decoded/all/final")
        shown = await next_result(bus)
    assert (shown["notification"], shown["network"]) == ("FINAL", 1)


async def test_a_killed_provider_is_seen_to_be_offline(config: Path, mosquitto: Broker) -> None:
    elsewhere = {"DCNET_PROVIDER_BROKER__EMBEDDED": "false", "DCNET_PROVIDER_BROKER__PORT": str(mosquitto.port)}
    command = [sys.executable, "-m", "provider", "--config", str(config), "--log-level", "error"]
    settings = BusSettings(port=mosquitto.port)
    inspector = Bus(settings, "inspector", credentials=shared().inspector())
    async with asyncio.timeout(30), inspector as reader:
        reader.subscribe(topics.presence("provider"))
        for end, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)):
            process = await asyncio.create_subprocess_exec(*command, env=os.environ | elsewhere)
            assert await next_payload(reader) == b"online"
            process.send_signal(end)
            assert await process.wait() == status
            assert await next_payload(reader) == b"offline"
