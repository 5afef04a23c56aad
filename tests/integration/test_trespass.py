"""Attempts of gateways with a certificate to publish, read and send more than they may, at the real Mosquitto."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from broker.access import Access
from broker.bus import Bus
from broker.events import Message
from broker.floods import RateLimited
from broker.mosquitto import Broker
from broker.probe import connect_packet
from broker.settings import PAYLOAD_BYTES_MAX, BrokerSettings, BusSettings
from broker.tls import client_context
from tests.credentials import Administrator
from tests.integration.conftest import eventually
from tests.integration.scene import FORBIDDEN, INBOX, MARKED, NETWORKS, Scene, opened

pytestmark = pytest.mark.integration


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with opened(tmp_path) as found:
        yield found


# Publishing.


async def test_gateway_publishes_on_its_own_topics_only(scene: Scene) -> None:
    for topic in FORBIDDEN:
        assert await scene.mallory.publish(topic, "forged") == 0, "it is acknowledged"
        await scene.mallory.publish(topic, "retained", "-r")
    for topic in ("dcnet/1/register/mallory", "dcnet/1/7/up/mallory", "dcnet/1/8/tunnel/mallory"):
        await scene.mallory.publish(topic, "own")
    assert await scene.watcher.heard(3) == [
        "dcnet/1/register/mallory own",
        "dcnet/1/7/up/mallory own",
        "dcnet/1/8/tunnel/mallory own",
    ]


async def test_gateway_leaves_no_retained_message_where_others_read_and_removes_none(scene: Scene) -> None:
    await scene.provider.publish("dcnet/1/7/all/final", "genuine", "-r")
    for topic in ("dcnet/1/7/all/final", "dcnet/1/7/all/roster", INBOX):
        await scene.mallory.publish(topic, "garbage", "-r")
        await scene.mallory.publish(topic, "", "-r", "-n")
    assert await scene.alice.listen("dcnet/1/7/all/+", "dcnet/1/+/down/alice") == 0
    await scene.provider.publish(INBOX, "afterward")
    assert await scene.alice.heard(2) == ["dcnet/1/7/all/final genuine", f"{INBOX} afterward"]


@pytest.mark.parametrize("topic", ["dcnet/1/7/all/final", "dcnet/1/7/up/alice", INBOX, "dcnet/1/presence/provider"])
async def test_last_will_reaches_no_topic_that_its_owner_does_not(scene: Scene, topic: str) -> None:
    for chosen in (topic, "dcnet/1/7/up/mallory"):
        options = ("--will-topic", chosen, "--will-payload", "forged", "--will-qos", "1", "--will-retain")
        connection = await scene.mallory.stay("-t", "x", *options)
        connection.kill()
        await connection.wait()
    assert await scene.watcher.heard(1) == ["dcnet/1/7/up/mallory forged"], "its own topic, so wills do come"


async def test_qos_2_is_refused(scene: Scene) -> None:
    assert await scene.mallory.publish("dcnet/1/7/up/mallory", "twice", "-q", "2") != 0
    await scene.mark()
    assert await scene.watcher.heard(1) == [MARKED]


async def test_oversized_message_costs_its_sender_the_connection(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * PAYLOAD_BYTES_MAX)
    (tmp_path / "oversized").write_bytes(b"x" * (PAYLOAD_BYTES_MAX + 2_000))
    assert await scene.mallory.publish("dcnet/1/7/up/mallory", "", "-f", str(tmp_path / "oversized")) != 0
    assert await scene.mallory.publish("dcnet/1/7/up/mallory", "", "-f", str(tmp_path / "large")) == 0
    await scene.mark()
    first, second = await scene.watcher.heard(2)
    assert len(first) == len("dcnet/1/7/up/mallory ") + PAYLOAD_BYTES_MAX
    assert second == MARKED


# Too much.


async def test_flood_of_one_gateway_is_ended_and_loses_nothing_of_others(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    settings = BusSettings(port=scene.broker.port)
    provider = Bus(settings, "provider", credentials=scene.provider.directory)
    alice = Bus(settings, "alice", credentials=scene.alice.directory)
    limited = RateLimited(provider, scene.broker, limit=2_000)
    access_file = scene.broker.log_file.with_name("access")
    received: list[str] = []
    async with provider, alice, asyncio.TaskGroup() as group:
        enforcing = group.create_task(limited.enforce())
        provider.subscribe("dcnet/1/+/up/+")
        await eventually(lambda: provider.is_connected and alice.is_connected)
        flood = group.create_task(scene.mallory.flood("dcnet/1/7/up/mallory"))
        async with asyncio.timeout(30):
            sent = 0
            while f"alice {sent - 1}" not in received or "user mallory" not in access_file.read_text() or sent < 50:
                if not sent or f"alice {sent - 1}" in received:
                    alice.publish_soon("dcnet/1/7/up/alice", b"%d" % sent)
                    sent += 1
                events = await limited.next_batch(1_000, timeout_s=1)
                received += [_shown(event) for event in events if isinstance(event, Message)]
        assert not flood.done(), "it still sends"
        flood.cancel()
        enforcing.cancel()
    assert [each for each in received if each.startswith("alice")] == [f"alice {number}" for number in range(sent)]
    assert len(received) <= sent + 2_000, "no more of the flood was passed on"
    assert "mallory floods the broker with more than 2000 messages a minute" in caplog.text


def _shown(message: Message) -> str:
    return f"{message.topic.rpartition('/')[2]} {message.payload.decode()}"


async def test_subscriptions_without_end_are_ended_by_the_memory_limit(tmp_path: Path) -> None:
    administrator = Administrator(tmp_path / "administrator")
    settings = BrokerSettings(memory_bytes_max=1 << 24)
    async with Broker(settings, tmp_path / "m", administrator.broker(), Access("provider", NETWORKS)) as broker:
        scene = Scene(broker, administrator)
        alice = Bus(BusSettings(port=broker.port), "alice", credentials=scene.alice.directory)
        async with alice:
            await eventually(lambda: alice.is_connected)
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", broker.port, ssl=client_context(scene.mallory.directory)
            )
            writer.write(connect_packet("mallory"))
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(4)
                for number in range(200):
                    writer.write(_subscribe(f"{number}/{each}/{'x' * 150}" for each in range(300)))
                    await writer.drain()
                    await reader.readexactly(304)
            writer.close()
            assert "Client mallory disconnected due to out of memory" in broker.log_file.read_text()
            alice.publish_soon("dcnet/1/7/up/alice", b"afterward")
            assert await alice.flush(5)
            assert (alice.counts.connects, broker.restarts) == (1, 0)


def _subscribe(filters: Iterable[str]) -> bytes:
    """A SUBSCRIBE of some 50,000 bytes (MQTT 3.1.1, section 3.8)."""
    body = b"\0\1" + b"".join(len(each).to_bytes(2, "big") + each.encode() + b"\1" for each in filters)
    length = bytes((len(body) % 128 | 128, len(body) // 128 % 128 | 128, len(body) // 16_384))
    return b"\x82" + length + body


# Reading.


async def test_gateway_reads_its_own_inbox_and_the_broadcasts_only(scene: Scene) -> None:
    everything = ("#", "dcnet/#", "+/+/+/+/+", "dcnet/1/+/down/+", INBOX, "dcnet/1/+/up/+", "dcnet/1/register/+")
    more = ("dcnet/1/+/all/+", "dcnet/1/+/result", "dcnet/1/presence/+", "$SYS/#", "$share/group/dcnet/#", "#/")
    await scene.provider.publish("dcnet/1/7/result", "before", "-r")
    assert await scene.mallory.listen(*everything, *more[:-1]) == 0, "it is granted"
    for topic in (
        INBOX,
        "dcnet/1/0/down/alice",
        "dcnet/1/7/result",
        "dcnet/1/9/all/final",
        "dcnet/1/presence/provider",
    ):
        assert await scene.provider.publish(topic, "secret") == 0
    for topic in ("dcnet/1/register/alice", "dcnet/1/7/up/alice", "dcnet/1/7/tunnel/alice"):
        assert await scene.alice.publish(topic, "secret") == 0
    await scene.provider.publish("dcnet/1/8/all/final", "for all")
    await scene.provider.publish("dcnet/1/7/down/mallory", "afterward")
    assert await scene.mallory.heard(2) == ["dcnet/1/8/all/final for all", "dcnet/1/7/down/mallory afterward"]


async def test_statistics_are_for_the_provider_alone(scene: Scene) -> None:
    await scene.provider.publish("dcnet/1/7/all/final", "for all", "-r")
    assert await scene.provider.read(1, "$SYS/broker/version", "dcnet/1/7/all/final") == [
        f"$SYS/broker/version mosquitto version {'.'.join(map(str, scene.broker.version))}"
    ]
    for reader in (scene.mallory, scene.inspector):
        assert await reader.read(1, "$SYS/#", "$SYS/broker/version", "dcnet/1/7/all/final") == [
            "dcnet/1/7/all/final for all"
        ]
