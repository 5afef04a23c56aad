"""What the bus says when TLS fails, and that TLS hides no message from it."""

import asyncio
import re
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from broker.access import Access
from broker.bus import Bus
from broker.events import Message
from broker.home import HomeError
from broker.mosquitto import Broker
from broker.settings import BrokerSettings, BusSettings
from broker.tls import client_context
from common.certificates import Role, Subject
from common.identifiers import NetworkId
from tests.credentials import LOCAL, Administrator, days
from tests.integration.conftest import eventually, gateway_bus

pytestmark = pytest.mark.integration

GATEWAY = Subject(Role.GATEWAY, "gateway", "north")
BROKER = Subject(Role.BROKER, "broker")
CONNACK = b"\x20\x02\x00\x00"


@pytest.fixture
def administrator(tmp_path: Path) -> Administrator:
    return Administrator(tmp_path / "administrator")


@pytest.fixture
async def broker(tmp_path: Path, administrator: Administrator) -> AsyncIterator[Broker]:
    access = Access("provider", (NetworkId(7),))
    async with Broker(BrokerSettings(), tmp_path / "mosquitto", administrator.broker(), access) as running:
        yield running


@asynccontextmanager
async def serving(directory: Path | None, answer: bytes = b"") -> AsyncIterator[int]:
    """A server with the certificate in `directory`, or without TLS, that says this at the first bytes, and no more."""
    context = None
    if directory is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "certificate.pem", directory / "identity.key")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(100)
            writer.write(answer)
            await reader.read(100)
        except (ssl.SSLError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def said(port: int, directory: Path, caplog: pytest.LogCaptureFixture) -> str:
    """What the log says of a bus that finds no connection; it says so once, and promptly."""
    settings = BusSettings(port=port, reconnect_first_s=0.05, reconnect_max_s=0.1, close_within_s=0, answer_within_s=9)
    started_s = time.monotonic()
    async with Bus(settings, "gateway", credentials=directory):
        await eventually(lambda: "no connection" in caplog.text)
    assert time.monotonic() - started_s < 8, "it does not wait for an answer that will not come"
    (sentence,) = (record.getMessage() for record in caplog.records if record.name == "broker.bus")
    assert re.match(rf"gateway: no connection to broker at 127\.0\.0\.1:{port}: .*; trying on$", sentence)
    return sentence


async def test_revoked_certificate(
    tmp_path: Path, administrator: Administrator, caplog: pytest.LogCaptureFixture
) -> None:
    administrator.revoke(administrator.gateway("gateway"))
    access = Access("provider", (NetworkId(7),))
    async with Broker(BrokerSettings(), tmp_path / "mosquitto", administrator.broker(), access) as broker:
        sentence = await said(broker.port, administrator.gateway("gateway"), caplog)
    assert "the broker refuses our certificate: it is revoked. The administrator knows why" in sentence
    assert "issued for a new key only: move the old home directory away, and enroll; trying on" in sentence


@pytest.mark.parametrize(
    ("term", "reason"),
    [((-3, -1), "it has expired, by the broker's clock"), ((1, 3), "it is not valid yet, by the broker")],
)
async def test_certificate_that_has_expired_or_is_not_valid_yet(
    broker: Broker,
    administrator: Administrator,
    caplog: pytest.LogCaptureFixture,
    term: tuple[int, int],
    reason: str,
) -> None:
    administrator.issue(administrator.gateway("gateway"), GATEWAY, term=days(*term))
    sentence = await said(broker.port, administrator.gateway("gateway"), caplog)
    assert f"the broker refuses our certificate: {reason}" in sentence


async def test_renewed_certificate_is_used_without_a_new_start(
    broker: Broker, administrator: Administrator, caplog: pytest.LogCaptureFixture
) -> None:
    directory = administrator.issue(administrator.gateway("gateway"), GATEWAY, term=days(-3, -1))
    settings = BusSettings(port=broker.port, reconnect_first_s=0.05, reconnect_max_s=0.1)
    async with Bus(settings, "gateway", credentials=directory) as bus:
        await eventually(lambda: "it has expired, by the broker" in caplog.text)
        administrator.issue(directory, GATEWAY)
        await eventually(lambda: bus.is_connected)
        assert bus.counts.connects == 1


def test_reason_of_a_refusal_is_found_although_sending_fails_first(administrator: Administrator) -> None:
    gateway, broker = administrator.gateway("gateway"), administrator.broker()
    administrator.issue(gateway, GATEWAY, term=days(-3, -1))
    refusing = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    refusing.load_cert_chain(broker / "certificate.pem", broker / "identity.key")
    refusing.load_verify_locations(broker / "authority.pem")
    refusing.verify_mode = ssl.CERT_REQUIRED

    def refuse() -> None:
        with listening.accept()[0] as accepted, pytest.raises(ssl.SSLCertVerificationError):
            refusing.wrap_socket(accepted, server_side=True)

    context = client_context(gateway)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=refuse)
        server.start()
        raw = socket.create_connection(listening.getsockname(), timeout=5)
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as connected:
            server.join()
            with pytest.raises(OSError, match=r"EOF|[Rr]eset|[Bb]roken"):
                while True:
                    connected.send(b"x")
    assert "it has expired, by the broker's clock" in context.failure


async def test_broker_of_another_administrator(
    broker: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sentence = await said(broker.port, Administrator(tmp_path / "another").gateway("gateway"), caplog)
    assert "the broker's certificate is not of the administrator in authority.pem: somebody else" in sentence


async def test_gateway_that_plays_the_broker_is_refused(
    administrator: Administrator, caplog: pytest.LogCaptureFixture
) -> None:
    """OpenSSL refuses it, since its certificate is for clients only; one that were for servers fails by its role."""
    async with serving(administrator.gateway("mallory"), CONNACK) as port:
        sentence = await said(port, administrator.gateway("gateway"), caplog)
    assert "the broker's certificate" in sentence


async def test_broker_whose_certificate_is_for_another_host(
    administrator: Administrator, caplog: pytest.LogCaptureFixture
) -> None:
    administrator.issue(administrator.broker(), BROKER, ("broker.example",))
    async with serving(administrator.broker(), CONNACK) as port:
        sentence = await said(port, administrator.gateway("gateway"), caplog)
    assert "the broker's certificate is not for the address of the settings; is `host` right?" in sentence


async def test_broker_whose_certificate_has_expired(
    administrator: Administrator, caplog: pytest.LogCaptureFixture
) -> None:
    administrator.issue(administrator.broker(), BROKER, LOCAL, days(-3, -1))
    async with serving(administrator.broker(), CONNACK) as port:
        sentence = await said(port, administrator.gateway("gateway"), caplog)
    assert "the broker's certificate has expired, and the provider has to renew it" in sentence


async def test_broker_that_is_revoked(administrator: Administrator, caplog: pytest.LogCaptureFixture) -> None:
    administrator.revoke(administrator.broker())
    gateway = administrator.gateway("gateway")
    administrator.write_list(gateway)
    async with serving(administrator.broker(), CONNACK) as port:
        sentence = await said(port, gateway, caplog)
    assert "the broker's certificate is revoked; the provider needs another" in sentence


async def test_something_without_tls(administrator: Administrator, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(None, b"SSH-2.0-OpenSSH_9.2\r\n") as port:
        sentence = await said(port, administrator.gateway("gateway"), caplog)
    assert "what answers there does not speak TLS; is the port right?" in sentence


async def test_list_that_is_too_old_is_said_once_and_the_bus_works(
    broker: Broker, administrator: Administrator, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = administrator.gateway("gateway")
    administrator.write_list(gateway, days(-3, -1))
    async with Bus(BusSettings(port=broker.port), "gateway", credentials=gateway) as bus:
        await eventually(lambda: bus.is_connected)
    (sentence,) = (record.getMessage() for record in caplog.records if record.name == "broker.bus")
    assert re.search(r"gateway: the list of revoked certificates .*revocations\.pem was good until", sentence)


async def test_credentials_of_another_name_are_refused_at_once(administrator: Administrator) -> None:
    with pytest.raises(HomeError, match=r"certificate in .* is for another, and this is gateway\. Correct the name"):
        async with Bus(BusSettings(port=1), "gateway", credentials=administrator.gateway("another")):
            pass


async def test_missing_credentials_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"authority\.pem"):
        async with Bus(BusSettings(port=1), "gateway", credentials=tmp_path):
            pass


async def test_packets_that_came_in_one_record_do_not_wait_for_the_next(administrator: Administrator) -> None:
    publish = b"\x30\x04\x00\x01t"
    packets = b"".join(publish + bytes((number % 256,)) for number in range(2_000))
    assert len(packets) < 1 << 14, "one record"
    async with serving(administrator.broker(), CONNACK + packets) as port:
        settings = BusSettings(port=port, close_within_s=0)
        async with Bus(settings, "gateway", credentials=administrator.gateway("gateway")) as bus:
            await eventually(lambda: bus.counts.received == 2_000, within_s=2)
            events = await bus.next_batch(3_000, timeout_s=1)
    payloads = [event.payload[0] for event in events if isinstance(event, Message)]
    assert payloads == [number % 256 for number in range(2_000)]


async def test_burst_of_thousands_in_both_directions_arrives_whole(mosquitto: Broker) -> None:
    settings = BusSettings(port=mosquitto.port)
    async with gateway_bus(settings, "left") as left, gateway_bus(settings, "right") as right:
        left.subscribe("t/left")
        right.subscribe("t/right")
        await eventually(lambda: left.is_connected and right.is_connected)
        for number in range(5_000):
            left.publish_soon("t/right", b"%d" % number + bytes(number % 900))
            right.publish_soon("t/left", b"%d" % number + bytes(number % 900))
        await eventually(lambda: left.counts.received == right.counts.received == 5_000, within_s=20)
        for bus in (left, right):
            events = await bus.next_batch(10_000, timeout_s=0)
            received = [event.payload.rstrip(b"\0") for event in events if isinstance(event, Message)]
            assert received == [b"%d" % number for number in range(5_000)]
