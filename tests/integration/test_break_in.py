"""Attempts to get into the bus without the right certificate, or under another name, at the real Mosquitto.

An acknowledgment proves nothing: Mosquitto acknowledges what it denies. So somebody who may read everything listens.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from broker.access import Access
from broker.mosquitto import Broker
from broker.probe import answers, connect_packet
from broker.settings import BrokerSettings
from broker.tls import client_context
from common.certificates import Role, Subject
from tests.credentials import Administrator, days
from tests.integration.conftest import eventually
from tests.integration.scene import FORBIDDEN, INBOX, MARKED, NETWORKS, Scene, opened
from tests.integration.strangers import Stranger

pytestmark = pytest.mark.integration


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with opened(tmp_path) as found:
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
    ends = scene.broker.log_file.read_text().count("Client inspector ")
    connection.kill()
    await connection.wait()
    await eventually(lambda: scene.broker.log_file.read_text().count("Client inspector ") > ends)
    await scene.mark()
    assert await scene.watcher.heard(1) == [MARKED]


async def test_there_is_no_inspector_by_default(tmp_path: Path) -> None:
    administrator = Administrator(tmp_path / "administrator")
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
