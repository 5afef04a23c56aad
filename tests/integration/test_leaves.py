"""The leaves of a large network through the real Mosquitto: kept, and whole for a gateway that comes later."""

import asyncio
from typing import Final

import pytest

from broker.bus import Bus
from broker.events import Message
from broker.mosquitto import Broker
from broker.settings import BusSettings
from common import topics
from common.frames import DATA_BYTES_MAX, Frame, Notification, decode
from common.identifiers import EVERYONE, ClientId, NetworkId
from common.merkle import Tree
from common.roster import LEAVES_PER_PART, Leaf, LeafPart
from common.secret import Secret
from common.signing import Direction, Identity
from common.topics import Broadcast
from tests.credentials import shared
from tests.integration.conftest import gateway_bus

pytestmark = pytest.mark.integration

NETWORK: Final = NetworkId(7)
PROVIDER: Final = Identity(Secret(bytes(range(32))))
LEAVES: Final = tuple(Leaf(ClientId(n), n.to_bytes(32), n.to_bytes(32), 1) for n in range(1, 10_001))


def part(number: int) -> bytes:
    """One LEAVES frame of a network of 10,000."""
    begin = number * LEAVES_PER_PART
    data = LeafPart(number, LEAVES[begin : begin + LEAVES_PER_PART]).encode()
    return Frame(NETWORK, EVERYONE, 1, Notification.LEAVES, data).signed(PROVIDER, Direction.DOWN)


def settings(broker: Broker) -> BusSettings:
    return BusSettings(port=broker.port, answer_within_s=5)


async def heard(bus: Bus, count: int) -> list[Message]:
    """So many messages."""
    found: list[Message] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found += [event for event in await bus.next_batch(1_000, timeout_s=1) if isinstance(event, Message)]
    return found


async def test_a_newcomer_gets_all_leaves_of_ten_thousand_members(mosquitto: Broker) -> None:
    async with Bus(settings(mosquitto), "provider", credentials=shared().provider()) as provider:
        for number in range(79):
            assert provider.publish_soon(topics.leaves(NETWORK, number), part(number), retain=True)
        largest = bytes(DATA_BYTES_MAX)
        assert provider.publish_soon(topics.broadcast(NETWORK, Broadcast.REVOCATIONS), largest, retain=True)
        assert provider.publish_soon(topics.broadcast(NETWORK, Broadcast.FINAL), largest, retain=True)
        assert await provider.flush(20)
    async with gateway_bus(settings(mosquitto), "newcomer") as newcomer:
        newcomer.subscribe(topics.broadcast_filter(NETWORK))
        messages = {message.topic: message for message in await heard(newcomer, 81)}
    assert len(messages) == 81
    assert all(message.retained for message in messages.values())
    frames = [decode(messages[topics.leaves(NETWORK, number)].payload) for number in range(79)]
    assert all(frame.is_signed_by(PROVIDER.public_key, Direction.DOWN) for frame in frames)
    told = [leaf for frame in frames for leaf in LeafPart.decode(frame.frame.data).leaves]
    assert Tree(leaf.encode() for leaf in told).root() == Tree(leaf.encode() for leaf in LEAVES).root()


async def test_nobody_but_the_provider_tells_leaves(mosquitto: Broker) -> None:
    topic = topics.leaves(NETWORK, 0)
    async with gateway_bus(settings(mosquitto), "newcomer") as newcomer:
        newcomer.subscribe(topics.broadcast_filter(NETWORK))
        async with gateway_bus(settings(mosquitto), "mallory") as mallory:
            mallory.publish_soon(topic, b"forged", retain=True)
            mallory.publish_soon(topic, b"", retain=True)
            assert await mallory.flush(10)
        async with Bus(settings(mosquitto), "provider", credentials=shared().provider()) as provider:
            provider.publish_soon(topic, part(0), retain=True)
            assert await provider.flush(10)
        (message,) = await heard(newcomer, 1)
    assert message.payload == part(0)
