"""Attempts to get into the bus, and to do more there than one may, with plain MQTT clients at the real Mosquitto.

An acknowledgment proves nothing: Mosquitto acknowledges what it denies. So somebody who may read everything listens.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from broker.access import Access
from broker.bus import Bus
from broker.events import Message
from broker.floods import RateLimited
from broker.mosquitto import Broker
from broker.probe import answers, connect_packet
from broker.settings import PAYLOAD_BYTES_MAX, BrokerSettings, BusSettings
from broker.tls import client_context
from common.certificates import Role, Subject
from common.identifiers import NetworkId
from tests.credentials import Administrator, days
from tests.integration.conftest import eventually
from tests.integration.strangers import Stranger

pytestmark = pytest.mark.integration

NETWORKS: Final = (NetworkId(7), NetworkId(8))
INBOX: Final = "dcnet/1/7/down/alice"
MARK: Final = ("dcnet/1/7/up/alice", "afterward")
"""What the gateway alice publishes behind each attack; it has to arrive, and before it nothing."""

MARKED: Final = " ".join(MARK)


@dataclass(frozen=True, slots=True)
class Scene:
    """A broker with its administrator, the gateways alice and mallory, the provider, and inspectors.

    One inspector only watches, and so sees what really passes.
    """

    broker: Broker
    administrator: Administrator

    @property
    def alice(self) -> Stranger:
        return self.client("alice")

    @property
    def mallory(self) -> Stranger:
        return self.client("mallory")

    @property
    def provider(self) -> Stranger:
        return Stranger(self.broker, self.administrator.provider(), "provider")

    @property
    def inspector(self) -> Stranger:
        return Stranger(self.broker, self.administrator.inspector(), "inspector")

    @property
    def watcher(self) -> Stranger:
        return Stranger(self.broker, self.administrator.inspector("watcher"), "watcher")

    def client(self, gateway: str) -> Stranger:
        return Stranger(self.broker, self.administrator.gateway(gateway), gateway)

    async def mark(self) -> None:
        assert await self.alice.publish(*MARK) == 0


@pytest.fixture
def administrator(tmp_path: Path) -> Administrator:
    return Administrator(tmp_path / "administrator")


@pytest.fixture
async def scene(tmp_path: Path, administrator: Administrator) -> AsyncIterator[Scene]:
    access = Access("provider", NETWORKS, ("inspector", "watcher"))
    async with Broker(BrokerSettings(), tmp_path / "mosquitto", administrator.broker(), access) as running:
        found = Scene(running, administrator)
        assert await found.watcher.listen("#") == 0
        yield found


# Getting in.


def of_another_authority(scene: Scene) -> Path:
    """The name of alice, from an authority with the name of ours; the broker is recognized."""
    directory = Administrator(scene.administrator.home / "impostor").gateway("alice")
    (directory / "authority.pem").write_bytes((scene.alice.directory / "authority.pem").read_bytes())
    return directory


def expired(scene: Scene) -> Path:
    return scene.administrator.issue(
        scene.mallory.directory, Subject(Role.GATEWAY, "mallory", "north"), (), days(-9, -1)
    )


def not_valid_yet(scene: Scene) -> Path:
    return scene.administrator.issue(scene.mallory.directory, Subject(Role.GATEWAY, "mallory", "north"), (), days(1, 9))


def with_a_certificate_of_another(scene: Scene) -> Path:
    """The certificate of alice, which is no secret, with a key of one's own."""
    directory = scene.mallory.directory
    (directory / "certificate.pem").write_bytes((scene.alice.directory / "certificate.pem").read_bytes())
    return directory


@pytest.mark.parametrize("spoiled", [of_another_authority, expired, not_valid_yet, with_a_certificate_of_another])
async def test_wrong_certificate_gets_nobody_in(scene: Scene, spoiled: Callable[[Scene], Path]) -> None:
    stranger = Stranger(scene.broker, spoiled(scene), "alice")
    assert await stranger.publish("dcnet/1/7/up/alice", "forged") != 0
    assert await stranger.listen("#") != 0
    await scene.mark()
    assert await scene.watcher.heard(1) == [MARKED]


async def test_revoked_certificate_gets_nobody_in(scene: Scene) -> None:
    assert await scene.mallory.publish("dcnet/1/7/up/mallory", "before") == 0
    scene.administrator.revoke(scene.mallory.directory)
    scene.administrator.write_list(scene.administrator.broker())
    await scene.broker.reload()
    assert await scene.mallory.publish("dcnet/1/7/up/mallory", "revoked") != 0
    await scene.mark()
    assert await scene.watcher.heard(2) == ["dcnet/1/7/up/mallory before", MARKED]


async def test_session_ticket_does_not_get_a_revoked_gateway_in(scene: Scene) -> None:
    """TLS would resume a session without looking at the certificate again."""

    async def visit(ticket: ssl.SSLSession | None) -> tuple[bytes, ssl.SSLSession | None, bool]:
        return await asyncio.to_thread(_visit, scene.broker.port, context, ticket)

    context = client_context(scene.mallory.directory)
    answer, ticket, _ = await visit(None)
    assert answer == b"\x20\x02\x00\x00"
    answer, ticket, is_resumed = await visit(ticket)
    assert (answer, is_resumed) == (b"\x20\x02\x00\x00", True), "the attack works as long as nobody is revoked"
    scene.administrator.revoke(scene.mallory.directory)
    scene.administrator.write_list(scene.administrator.broker())
    await scene.broker.reload()
    answer, _, is_resumed = await visit(ticket)
    assert (answer, is_resumed) == (b"", False)


def _visit(
    port: int, context: ssl.SSLContext, ticket: ssl.SSLSession | None
) -> tuple[bytes, ssl.SSLSession | None, bool]:
    """Connect, and return what the broker answers to a CONNECT, the session, and whether it was resumed."""
    raw = socket.create_connection(("127.0.0.1", port), timeout=5)
    with context.wrap_socket(raw, server_hostname="127.0.0.1", session=ticket) as connected:
        try:
            connected.sendall(connect_packet("mallory"))
            answer = connected.recv(4)
        except OSError:
            answer = b""
        return answer, connected.session, bool(connected.session_reused)


async def test_without_a_certificate_nobody_gets_in(scene: Scene) -> None:
    context = ssl.create_default_context(cafile=str(scene.alice.directory / "authority.pem"))
    assert await answers("127.0.0.1", scene.broker.port, context, "alice", 5) is None
    await scene.mark()
    assert await scene.watcher.heard(1) == [MARKED]


async def test_without_tls_nobody_gets_an_answer(scene: Scene) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.broker.port)
    writer.write(connect_packet("alice"))
    async with asyncio.timeout(5):
        try:
            answer = await reader.read(100)
        except ConnectionResetError:
            answer = b""
    writer.close()
    assert answer[:1] != b"\x20"


async def test_tls_1_2_is_not_spoken(scene: Scene) -> None:
    context = client_context(scene.mallory.directory)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        await asyncio.open_connection("127.0.0.1", scene.broker.port, ssl=context)


# Publishing.

FORBIDDEN: Final = (
    "dcnet/1/7/up/alice",
    "dcnet/1/7/tunnel/alice",
    "dcnet/1/register/alice",
    "dcnet/1/7/down/alice",
    "dcnet/1/7/down/mallory",
    "dcnet/1/0/down/alice",
    "dcnet/1/7/all/roster",
    "dcnet/1/7/all/final",
    "dcnet/1/7/all/correction",
    "dcnet/1/7/all/mallory",
    "dcnet/1/7/result",
    "dcnet/1/7/decoded/up/alice",
    "dcnet/1/presence/provider",
    "dcnet/1/9/up/mallory",
    "dcnet/1/7/up/mallory/more",
    "dcnet/1/7/mallory",
    "dcnet/2/7/up/mallory",
    "mallory",
    "$SYS/broker/uptime",
    "homeassistant/device/mallory/config",
)


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


async def test_subscriptions_without_end_are_ended_by_the_memory_limit(
    tmp_path: Path, administrator: Administrator
) -> None:
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


# Being somebody else.


async def test_nobody_takes_over_the_session_of_another(scene: Scene) -> None:
    assert await scene.alice.listen("dcnet/1/+/down/alice") == 0
    connection = await scene.alice.stay("-t", "dcnet/1/+/down/alice", "-c", "-q", "1", "-C", "1")
    impostor = Stranger(scene.broker, scene.mallory.directory, "alice")
    assert await impostor.publish("dcnet/1/7/up/alice", "forged") == 0
    assert await impostor.listen("dcnet/1/7/down/mallory") == 0
    assert connection.returncode is None
    await scene.provider.publish(INBOX, "for alice")
    await scene.provider.publish("dcnet/1/7/down/mallory", "for mallory")
    async with asyncio.timeout(5):
        assert await connection.wait() == 0, "it stayed, and got its message"
    assert await impostor.heard(1) == ["dcnet/1/7/down/mallory for mallory"]
    assert " as mallory (p2, c0, k60, u'mallory')" in scene.broker.log_file.read_text()


async def test_empty_client_identifier_is_refused(scene: Scene) -> None:
    nameless = Stranger(scene.broker, scene.mallory.directory, "")
    assert await nameless.publish("dcnet/1/7/up/mallory", "nameless") != 0
    await scene.mark()
    assert await scene.watcher.heard(1) == [MARKED]


async def test_user_name_in_the_connect_packet_is_worth_nothing(scene: Scene) -> None:
    assert await scene.mallory.publish("dcnet/1/7/up/alice", "forged", "-u", "alice", "-P", "secret") == 0
    assert await scene.mallory.publish("dcnet/1/7/all/final", "forged", "-u", "provider", "-P", "secret") == 0
    await scene.mark()
    assert await scene.watcher.heard(1) == [MARKED]


# The inspector, the provider, the broker.


async def test_inspector_publishes_nothing(scene: Scene) -> None:
    own = ("dcnet/1/register/inspector", "dcnet/1/7/up/inspector", "dcnet/1/7/tunnel/inspector")
    for topic in (*own, *FORBIDDEN):
        await scene.inspector.publish(topic, "forged")
        await scene.inspector.publish(topic, "retained", "-r")
    options = ("--will-topic", "dcnet/1/7/up/inspector", "--will-payload", "forged", "--will-qos", "1")
    connection = await scene.inspector.stay("-c", "-t", "#", *options)
    connection.kill()
    await connection.wait()
    await eventually(lambda: "Client inspector closed its connection" in scene.broker.log_file.read_text())
    await scene.mark()
    assert await scene.watcher.heard(1) == [MARKED]


async def test_there_is_no_inspector_by_default(tmp_path: Path, administrator: Administrator) -> None:
    access = Access("provider", NETWORKS)
    async with Broker(BrokerSettings(), tmp_path / "mosquitto", administrator.broker(), access) as broker:
        scene = Scene(broker, administrator)
        assert await scene.provider.listen("dcnet/1/+/up/+") == 0
        await scene.inspector.publish("dcnet/1/7/up/inspector", "forged")
        assert await scene.inspector.listen("#", "dcnet/1/7/all/+", "dcnet/1/7/down/inspector") == 0
        await scene.alice.publish("dcnet/1/7/up/alice", "before")
        assert await scene.provider.heard(1) == ["dcnet/1/7/up/alice before"]
        for topic in ("dcnet/1/7/all/final", "dcnet/1/7/down/inspector"):
            await scene.provider.publish(topic, "before")
        await broker.reload(Access("provider", NETWORKS, ("inspector",)))
        assert await scene.inspector.listen("#") == 0
        await scene.mark()
        assert await scene.inspector.heard(1) == [MARKED], "now there is one"


async def test_provider_speaks_for_no_gateway_and_reads_no_inbox(scene: Scene) -> None:
    for topic in ("dcnet/1/7/up/alice", "dcnet/1/7/up/provider", "dcnet/1/register/provider", "dcnet/1/7/tunnel/alice"):
        await scene.provider.publish(topic, "forged")
    await scene.provider.publish("dcnet/1/presence/another", "forged")
    await scene.mark()
    assert await scene.watcher.heard(1) == [MARKED]


async def test_certificate_of_the_broker_opens_nothing(scene: Scene) -> None:
    broker = Stranger(scene.broker, scene.administrator.broker(), "broker")
    assert await broker.listen("#", "dcnet/1/7/down/broker", "dcnet/1/7/all/+") == 0
    for topic in ("dcnet/1/7/up/broker", "dcnet/1/register/broker", "dcnet/1/7/all/final"):
        await broker.publish(topic, "forged")
    await scene.mark()
    assert await scene.watcher.heard(1) == [MARKED]


async def test_gateway_that_plays_the_broker_is_left(scene: Scene) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(scene.mallory.directory / "certificate.pem", scene.mallory.directory / "identity.key")
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    async with server:
        host, port = server.sockets[0].getsockname()
        with pytest.raises(ssl.SSLCertVerificationError, match=r"purpose|mismatch"):
            await asyncio.open_connection(host, port, ssl=client_context(scene.alice.directory))
    assert heard in ([], [b""])
