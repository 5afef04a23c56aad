"""Newer certificates, revocation lists and access rules while Mosquitto runs."""

import asyncio
import logging
import os
import signal
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker import files
from broker.access import Access
from broker.bus import Bus
from broker.events import Message
from broker.mosquitto import Broker
from broker.probe import answers
from broker.process import MosquittoProcess
from broker.program import BrokerError
from broker.settings import BrokerSettings, BusSettings
from broker.tls import ClientContext, client_context
from common.certificates import Role, Subject
from common.identifiers import NetworkId
from tests.credentials import LOCAL, Administrator, days
from tests.integration.conftest import eventually

pytestmark = pytest.mark.integration

ACCESS = Access("provider", (NetworkId(7),))
BROKER = Subject(Role.BROKER, "broker")
DOWN, UP = "dcnet/1/7/down/gateway", "dcnet/1/7/up/gateway"


@pytest.fixture
def administrator(tmp_path: Path) -> Administrator:
    return Administrator(tmp_path / "administrator")


@pytest.fixture
async def broker(tmp_path: Path, administrator: Administrator) -> AsyncIterator[Broker]:
    async with Broker(BrokerSettings(), tmp_path / "mosquitto", administrator.broker(), ACCESS) as running:
        yield running


def bus(broker: Broker, directory: Path) -> Bus:
    settings = BusSettings(port=broker.port, reconnect_first_s=0.05, reconnect_max_s=0.2, close_within_s=0)
    return Bus(settings, client_context(directory).name, credentials=directory)


async def presented_serial(broker: Broker, directory: Path, administrator: Administrator) -> int:
    """The serial of the certificate that the broker shows to a new connection."""
    _, writer = await asyncio.open_connection("127.0.0.1", broker.port, ssl=client_context(directory))
    connected: ssl.SSLObject = writer.get_extra_info("ssl_object")
    serial = administrator.authority.certificate(connected.getpeercert(binary_form=True) or b"").serial
    writer.close()
    await writer.wait_closed()
    return serial


async def is_admitted(broker: Broker, directory: Path) -> bool:
    context = client_context(directory)
    return await answers(broker.host, broker.port, context, context.name, 5) is not None


async def connected(bus: Bus) -> Bus:
    await eventually(lambda: bus.is_connected)
    return bus


async def test_renewed_certificate_is_shown_and_nobody_is_disconnected(
    broker: Broker, administrator: Administrator
) -> None:
    gateway, own = administrator.gateway("gateway"), administrator.broker()
    before = await presented_serial(broker, gateway, administrator)
    async with bus(broker, gateway) as client:
        await connected(client)
        administrator.issue(own, BROKER, LOCAL)
        await broker.reload()
        assert await presented_serial(broker, gateway, administrator) == administrator.certificate(own).serial != before
        assert client.counts.connects == 1
    assert broker.restarts == 0


async def test_list_that_revokes_nobody_more_costs_no_connection(broker: Broker, administrator: Administrator) -> None:
    async with bus(broker, administrator.gateway("gateway")) as client:
        await connected(client)
        administrator.revoke()
        administrator.write_list(administrator.broker())
        await broker.reload()
        assert await is_admitted(broker, administrator.gateway("another"))
        assert (client.counts.connects, broker.restarts) == (1, 0)


async def test_revoked_gateway_is_cut_off_and_everybody_else_returns_to_its_session(
    broker: Broker, administrator: Administrator, caplog: pytest.LogCaptureFixture
) -> None:
    gateway, absent = administrator.gateway("gateway"), administrator.gateway("absent")
    async with bus(broker, absent) as client:
        client.subscribe("dcnet/1/7/down/absent")
        await connected(client)
    async with bus(broker, administrator.provider()) as provider, bus(broker, gateway) as revoked:
        await connected(provider)
        await connected(revoked)
        provider.publish_soon("dcnet/1/7/down/absent", b"waits")
        provider.publish_soon("dcnet/1/7/all/final", b"retained", retain=True)
        assert await provider.flush(5)
        administrator.revoke(gateway)
        administrator.write_list(administrator.broker())
        await broker.reload()
        await eventually(lambda: provider.counts.connects == 2)
        await eventually(lambda: "the broker refuses our certificate: it is revoked" in caplog.text)
        assert not revoked.is_connected
        assert revoked.counts.connects == 1
    async with bus(broker, absent) as client:
        client.subscribe("dcnet/1/7/all/+")
        await eventually(lambda: client.counts.received == 2)
        events = await client.next_batch(10, timeout_s=0)
    waited = {event.payload for event in events if isinstance(event, Message)}
    assert waited == {b"waits", b"retained"}
    assert broker.restarts == 1


async def test_other_access_rules_hold_for_whoever_is_connected(broker: Broker, administrator: Administrator) -> None:
    async with (
        bus(broker, administrator.provider()) as provider,
        bus(broker, administrator.gateway("gateway")) as gateway,
    ):
        for client in (provider, gateway):
            await connected(client)
        provider.subscribe("dcnet/1/+/up/+")
        await broker.reload(replace(ACCESS, networks=(NetworkId(8),)))
        for network in (7, 8):
            gateway.publish_soon(f"dcnet/1/{network}/up/gateway", b"%d" % network)
        await eventually(lambda: provider.counts.received > 0)
        events = await provider.next_batch(10, timeout_s=0)
        assert [event.payload for event in events if isinstance(event, Message)] == [b"8"]
        assert (gateway.counts.connects, broker.restarts) == (1, 0)


@pytest.mark.parametrize("octets", [b"", b"-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n"])
async def test_damaged_list_is_refused_and_the_last_one_stays_in_force(
    broker: Broker, administrator: Administrator, octets: bytes
) -> None:
    gateway = administrator.gateway("gateway")
    administrator.revoke(gateway)
    administrator.write_list(administrator.broker())
    await broker.reload()
    (administrator.broker() / "revocations.pem").write_bytes(octets)
    with pytest.raises(BrokerError, match=r"revocations|revoked certificates"):
        await broker.reload()
    assert not await is_admitted(broker, gateway)
    assert await is_admitted(broker, administrator.gateway("another"))


async def test_older_list_is_refused(broker: Broker, administrator: Administrator) -> None:
    gateway, own = administrator.gateway("gateway"), administrator.broker()
    older = (own / "revocations.pem").read_bytes()
    administrator.revoke(gateway)
    administrator.write_list(own)
    await broker.reload()
    (own / "revocations.pem").write_bytes(older)
    with pytest.raises(BrokerError, match=r"is no\. 1, and no\. 2 is in force"):
        await broker.reload()
    assert not await is_admitted(broker, gateway)


async def test_rules_that_mosquitto_cannot_read_leave_no_broker_rather_than_one_without_rules(
    tmp_path: Path, administrator: Administrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = BrokerSettings(start_within_s=1)
    async with Broker(settings, tmp_path / "mosquitto", administrator.broker(), ACCESS) as broker:
        monkeypatch.setattr(files, "render_access", lambda _access, _broker: "nonsense\n")
        with pytest.raises(BrokerError, match="does not run again"):
            await broker.reload()
        assert not await is_admitted(broker, administrator.gateway("gateway"))


async def test_list_that_comes_while_mosquitto_starts_again_is_in_force_when_it_runs(
    broker: Broker, administrator: Administrator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gateway, wait_ready = administrator.gateway("gateway"), MosquittoProcess.wait_ready

    async def revoke_meanwhile(
        process: MosquittoProcess, host: str, port: int, context: ClientContext, within_s: float
    ) -> None:
        """Once this Mosquitto has read the old list."""
        await wait_ready(process, host, port, context, within_s)
        monkeypatch.setattr(MosquittoProcess, "wait_ready", wait_ready)
        administrator.revoke(gateway)
        administrator.write_list(administrator.broker())
        await broker.reload()

    monkeypatch.setattr(MosquittoProcess, "wait_ready", revoke_meanwhile)
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)
    await eventually(lambda: broker.restarts == 1)
    assert "files changed while it started" in caplog.text
    assert not await is_admitted(broker, gateway)
    assert await is_admitted(broker, administrator.gateway("another"))


async def test_newer_files_are_noticed_without_being_told(
    tmp_path: Path, administrator: Administrator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "broker.mosquitto")
    settings = BrokerSettings(look_every_s=0.05)
    async with Broker(settings, tmp_path / "mosquitto", administrator.broker(), ACCESS) as broker:
        (administrator.broker() / "certificate.pem").unlink()
        await eventually(lambda: "Mosquitto goes on with the files it had" in caplog.text)
        assert await is_admitted(broker, administrator.gateway("gateway"))
        administrator.issue(administrator.broker(), BROKER, LOCAL)
        await eventually(lambda: "goes by the newer files" in caplog.text)
        administrator.revoke(administrator.gateway("gateway"))
        administrator.write_list(administrator.broker())
        await eventually(lambda: broker.restarts == 1)
        assert not await is_admitted(broker, administrator.gateway("gateway"))


async def test_list_that_is_too_old_is_said_instead_of_started_with(
    tmp_path: Path, administrator: Administrator
) -> None:
    administrator.write_list(administrator.broker(), days(-3, -1))
    with pytest.raises(BrokerError, match=r"list of revoked certificates in .* was good until .*\(dcnet gwa renew\)"):
        async with Broker(BrokerSettings(), tmp_path / "mosquitto", administrator.broker(), ACCESS):
            pass
    assert not (tmp_path / "mosquitto" / "mosquitto.conf").exists()


async def test_list_that_will_soon_be_too_old_is_said_in_time(
    tmp_path: Path, administrator: Administrator, caplog: pytest.LogCaptureFixture
) -> None:
    administrator.write_list(administrator.broker(), days(-3, 3))
    async with Broker(BrokerSettings(), tmp_path / "mosquitto", administrator.broker(), ACCESS):
        await eventually(lambda: "list of revoked certificates" in caplog.text)
    (said,) = (record.getMessage() for record in caplog.records if record.name == "broker.mosquitto")
    assert "after that nobody can connect" in said


async def test_retained_messages_are_there_again_on_another_port(tmp_path: Path, administrator: Administrator) -> None:
    places = []
    for turn in (1, 2):
        async with Broker(BrokerSettings(), tmp_path / "mosquitto", administrator.broker(), ACCESS) as running:
            places.append(running.port)
            if turn == 1:
                async with bus(running, administrator.provider()) as provider:
                    provider.publish_soon("dcnet/1/7/all/final", b"retained", retain=True)
                    assert await provider.flush(5)
                continue
            async with bus(running, administrator.gateway("gateway")) as client:
                client.subscribe("dcnet/1/7/all/+")
                await eventually(lambda: client.counts.received == 1)
    assert places[0] != places[1]
