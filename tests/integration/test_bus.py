import asyncio
import logging
import os
import re
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from broker.bus import Bus
from broker.events import BusEvent, Connected, Disconnected, Message, Presence
from broker.mosquitto import Broker
from broker.settings import BusSettings
from tests.credentials import shared
from tests.integration.conftest import eventually, gateway_bus

pytestmark = pytest.mark.integration

BE_PRESENT = """
import asyncio, sys
from broker.bus import Bus
from broker.events import Presence
from broker.settings import BusSettings
from pathlib import Path

async def main():
    settings, credentials = BusSettings(port=int(sys.argv[1])), Path(sys.argv[2])
    async with Bus(settings, "mortal", Presence("t/presence"), credentials=credentials) as bus:
        await bus.next_batch(1, 10)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def nothing_goes_wrong_unseen(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The event loop reports errors in callbacks to its log only."""
    yield
    assert [record for record in caplog.get_records("call") if record.name == "asyncio"] == []


def settings(broker: Broker, **changes: float) -> BusSettings:
    return BusSettings.model_validate({"port": broker.port, "answer_within_s": 5} | changes)


async def collect(bus: Bus, is_enough: Callable[[list[BusEvent]], bool], within_s: float = 20) -> list[BusEvent]:
    events: list[BusEvent] = []
    async with asyncio.timeout(within_s):
        while not is_enough(events):
            events += await bus.next_batch(1_000, timeout_s=1)
    return events


async def until(bus: Bus, kind: type[BusEvent]) -> list[BusEvent]:
    return await collect(bus, lambda events: any(isinstance(event, kind) for event in events))


async def messages(bus: Bus, count: int) -> list[Message]:
    def received(events: list[BusEvent]) -> list[Message]:
        return [event for event in events if isinstance(event, Message)]

    return received(await collect(bus, lambda events: len(received(events)) >= count))


async def kill(broker: Broker) -> None:
    """Have sessions and retained messages saved, then kill it; its supervisor starts it again."""
    assert broker.pid is not None
    database = broker.log_file.with_name("mosquitto.db")
    database.unlink(missing_ok=True)
    os.kill(broker.pid, signal.SIGUSR1)
    await eventually(database.exists)
    os.kill(broker.pid, signal.SIGKILL)


async def test_burst_reaches_a_reader_that_does_not_take(mosquitto: Broker) -> None:
    async with (
        gateway_bus(settings(mosquitto), "reader") as reader,
        gateway_bus(settings(mosquitto), "writer") as writer,
    ):
        reader.subscribe("t/burst")
        await until(reader, Connected)
        for number in range(2_000):
            assert writer.publish_soon("t/burst", b"%d" % number)
        assert await writer.flush(20)
        received = await messages(reader, 2_000)
    assert [int(message.payload) for message in received] == list(range(2_000))


async def test_burst_waits_in_the_broker_for_a_reader_that_is_away(mosquitto: Broker) -> None:
    async with gateway_bus(settings(mosquitto), "reader") as reader:
        reader.subscribe("t/burst")
        await until(reader, Connected)
    async with gateway_bus(settings(mosquitto), "writer") as writer:
        for number in range(2_000):
            writer.publish_soon("t/burst", b"%d" % number)
        assert await writer.flush(20)
    async with gateway_bus(settings(mosquitto), "reader") as reader:
        received = await messages(reader, 2_000)
    assert [int(message.payload) for message in received] == list(range(2_000))


async def test_canceled_wait_loses_nothing(mosquitto: Broker) -> None:
    taken = 0
    async with gateway_bus(settings(mosquitto), "reader") as bus:
        bus.subscribe("t/own")
        for _ in range(500):
            bus.publish_soon("t/own", b"x")
        async with asyncio.timeout(20):
            while taken < 500:
                waiting = asyncio.ensure_future(bus.next_batch(7, timeout_s=5))
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait({waiting})
                if not waiting.cancelled():
                    taken += sum(isinstance(event, Message) for event in waiting.result())
    assert taken == 500


async def test_batch_ends_with_its_limit_and_its_time(mosquitto: Broker) -> None:
    async with gateway_bus(settings(mosquitto), "reader") as bus:
        bus.subscribe("t/own")
        await until(bus, Connected)
        assert await bus.next_batch(10, timeout_s=0.01) == []
        for _ in range(5):
            bus.publish_soon("t/own", b"x")
        await bus.flush(10)
        await eventually(lambda: bus.counts.received == 5)
        assert [len(await bus.next_batch(3, timeout_s=1)) for _ in range(2)] == [3, 2]


async def test_killed_broker_is_found_again_and_nothing_in_the_outbox_is_lost(
    mosquitto: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "broker.bus")
    async with gateway_bus(settings(mosquitto), "both") as bus:
        bus.subscribe("t/+")
        await until(bus, Connected)
        await kill(mosquitto)
        await until(bus, Disconnected)
        for number in range(300):
            assert bus.publish_soon("t/while-down", b"secret-%d" % number)
        assert bus.unsent == 300
        received = await messages(bus, 300)
    assert [message.payload for message in received] == [b"secret-%d" % number for number in range(300)]
    said = [record.getMessage() for record in caplog.records if record.name == "broker.bus"]
    assert [line.split(":")[1].split()[0] for line in said] == ["connected", "lost", "connected"]
    assert f"lost broker at 127.0.0.1:{mosquitto.port}" in said[1]
    assert "connected again after" in said[2]
    assert "secret" not in caplog.text


async def test_publishing_through_a_kill_loses_nothing(mosquitto: Broker) -> None:
    async with gateway_bus(settings(mosquitto), "both") as bus:
        bus.subscribe("t/through")
        await until(bus, Connected)
        for number in range(3_000):
            bus.publish_soon("t/through", b"%d" % number)
        await eventually(lambda: bus.counts.acknowledged > 500)
        assert mosquitto.pid is not None
        os.kill(mosquitto.pid, signal.SIGKILL)
        assert await bus.flush(20)
        assert bus.counts.acknowledged == 3_000
        assert bus.counts.connects == 2


async def test_retained_message_comes_again_with_every_connection(mosquitto: Broker) -> None:
    retained = Message("t/roster", b"view 1", retained=True)
    async with gateway_bus(settings(mosquitto), "writer") as writer:
        writer.publish_soon("t/roster", b"view 1", retain=True)
    async with gateway_bus(settings(mosquitto), "reader") as reader:
        reader.subscribe("t/roster")
        seen = await until(reader, Connected)
        assert retained in (seen if retained in seen else await messages(reader, 1))
        await kill(mosquitto)
        await until(reader, Disconnected)
        assert await messages(reader, 1) == [retained]


async def test_subscription_made_later_precedes_later_publications(mosquitto: Broker) -> None:
    async with gateway_bus(settings(mosquitto), "both") as bus:
        await until(bus, Connected)
        for turn in range(50):
            bus.publish_soon("t/other", b"x")
            bus.subscribe(f"t/{turn}")
            bus.publish_soon(f"t/{turn}", b"%d" % turn)
        received = await messages(bus, 50)
    assert [int(message.payload) for message in received] == list(range(50))


async def test_ended_subscription_stays_ended_in_the_session(mosquitto: Broker) -> None:
    async with gateway_bus(settings(mosquitto), "both") as bus:
        bus.subscribe("t/old")
        await until(bus, Connected)
    async with gateway_bus(settings(mosquitto), "both") as bus:
        bus.unsubscribe("t/old")
        bus.subscribe("t/new")
        bus.publish_soon("t/old", b"old")
        bus.publish_soon("t/new", b"new")
        assert [message.payload for message in await messages(bus, 1)] == [b"new"]


async def test_presence_is_told_and_its_end_too_when_the_client_is_killed(mosquitto: Broker) -> None:
    async with gateway_bus(settings(mosquitto), "reader") as reader:
        reader.subscribe("t/presence")
        await until(reader, Connected)
        mortal = await asyncio.create_subprocess_exec(
            sys.executable, "-c", BE_PRESENT, str(mosquitto.port), shared().gateway("mortal")
        )
        assert await messages(reader, 1) == [Message("t/presence", b"online", retained=False)]
        mortal.kill()
        await mortal.wait()
        assert await messages(reader, 1) == [Message("t/presence", b"offline", retained=False)]


async def test_presence_is_told_again_after_a_reconnect_and_ended_with_the_bus(mosquitto: Broker) -> None:
    async with gateway_bus(settings(mosquitto), "reader") as reader:
        reader.subscribe("t/presence")
        await until(reader, Connected)
        async with gateway_bus(settings(mosquitto), "present", Presence("t/presence")) as present:
            assert await messages(reader, 1) == [Message("t/presence", b"online", retained=False)]
            assert mosquitto.pid is not None
            os.kill(mosquitto.pid, signal.SIGKILL)
            await until(present, Disconnected)
            assert (await messages(reader, 1))[-1].payload == b"online"
        assert (await messages(reader, 1))[-1].payload == b"offline"
    async with gateway_bus(settings(mosquitto), "late") as late:
        late.subscribe("t/presence")
        assert await messages(late, 1) == [Message("t/presence", b"offline", retained=True)]


async def test_clean_close_sends_what_is_left(mosquitto: Broker) -> None:
    async with gateway_bus(settings(mosquitto), "reader") as reader:
        reader.subscribe("t/+")
        await until(reader, Connected)
        async with gateway_bus(settings(mosquitto), "leaving") as leaving:
            leaving.publish_soon("t/bye", b"1")
        async with gateway_bus(settings(mosquitto), "leaving") as leaving:
            leaving.publish_soon("t/bye", b"2")
        assert [message.payload for message in await messages(reader, 2)] == [b"1", b"2"]


async def test_canceled_owner_still_sends_what_is_left(mosquitto: Broker) -> None:
    handed_in = asyncio.Event()

    async def own() -> None:
        async with gateway_bus(settings(mosquitto), "owner") as bus:
            bus.publish_soon("t/bye", b"1", retain=True)
            handed_in.set()
            await asyncio.Event().wait()

    owner = asyncio.ensure_future(own())
    await handed_in.wait()
    owner.cancel()
    await asyncio.wait({owner})
    assert owner.cancelled()
    async with gateway_bus(settings(mosquitto), "reader") as reader:
        reader.subscribe("t/bye")
        assert [message.payload for message in await messages(reader, 1)] == [b"1"]


async def test_owners_error_comes_out_as_it_is(mosquitto: Broker) -> None:
    with pytest.raises(LookupError):
        async with gateway_bus(settings(mosquitto), "owner"):
            raise LookupError


async def test_broker_that_stops_answering_is_left_and_met_again(mosquitto: Broker) -> None:
    assert mosquitto.pid is not None
    process = psutil.Process(mosquitto.pid)
    async with gateway_bus(settings(mosquitto, answer_within_s=0.3), "both") as bus:
        bus.subscribe("t/own")
        await until(bus, Connected)
        process.suspend()
        bus.publish_soon("t/own", b"x")
        lost = (await until(bus, Disconnected))[-1]
        assert lost == Disconnected("no acknowledgment within 0.3 s")
        process.resume()
        await until(bus, Connected)
        assert await bus.flush(10)


async def test_expired_message_is_not_sent_after_the_reconnect(mosquitto: Broker) -> None:
    async with gateway_bus(settings(mosquitto), "both") as bus:
        bus.subscribe("t/own")
        await until(bus, Connected)
        await kill(mosquitto)
        await until(bus, Disconnected)
        bus.publish_soon("t/own", b"late", expires_in_s=0)
        bus.publish_soon("t/own", b"in time")
        assert [message.payload for message in await messages(bus, 1)] == [b"in time"]
        assert bus.expired == 1


async def test_oversized_payload_and_full_outbox_are_refused_and_said_once(
    mosquitto: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway_bus(settings(mosquitto, outbox_messages_max=2), "both") as bus:
        for _ in range(2):
            assert not bus.publish_soon("t/own", bytes(65_624))
        accepted = [bus.publish_soon("t/own", b"x") for _ in range(5)]
        assert accepted == [True, True, False, False, False]
        assert (bus.counts.refused_size, bus.counts.refused_full) == (2, 3)
    assert len([record for record in caplog.records if "refused" in record.getMessage()]) == 2


async def test_the_largest_frame_passes(mosquitto: Broker) -> None:
    async with gateway_bus(settings(mosquitto), "both") as bus:
        bus.subscribe("t/own")
        bus.publish_soon("t/own", bytes(65_623))
        assert len((await messages(bus, 1))[0].payload) == 65_623


def server_context(directory: Path) -> ssl.SSLContext:
    """What a server without a mind of its own needs to be reached by a bus."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "certificate.pem", directory / "identity.key")
    return context


@asynccontextmanager
async def answering(answer: bytes, attempts: list[bytes]) -> AsyncIterator[int]:
    """A broker that notes each CONNECT, and answers it with these bytes and nothing more."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attempts.append(await reader.read(100))
        writer.write(answer)
        await reader.read(100)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context(shared().broker()))
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"\x20\x02\x00\x05", r"the broker refuses this client \(Not authorized\)"),
        (b"\x20\x02\x00\x02", r"the broker refuses this client \(Client identifier not valid\)"),
        (b"", "it does not answer"),
    ],
)
async def test_refusing_broker_is_told_once_and_tried_again(
    answer: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[bytes] = []
    async with answering(answer, attempts) as port:
        chosen = BusSettings(port=port, answer_within_s=0.2, reconnect_first_s=0.05, close_within_s=0)
        async with gateway_bus(chosen, "refused"):
            await eventually(lambda: len(attempts) == 3)
    (said,) = (record.getMessage() for record in caplog.records if record.name == "broker.bus")
    assert re.search(reason, said)
