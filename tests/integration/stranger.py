"""A stranger on the bus: a plain MQTT client, none of ours, with somebody's certificate."""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from broker.credentials import AUTHORITY_FILE, CERTIFICATE_FILE, KEY_FILE
from common import topics
from common.frames import SignedFrame, decode
from common.identifiers import NetworkId, RoundNumber
from common.payloads import RoundFinal
from common.refusal import RefusedError
from tests.integration.conftest import eventually
from tests.integration.networks import NORTH
from tests.integration.program import HOST, WITHIN_S


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as a stranger on the bus heard it."""

    topic: str
    payload: bytes
    is_retained: bool

    @property
    def signed(self) -> SignedFrame | None:
        """The frame in it."""
        try:
            return decode(self.payload)
        except RefusedError:
            return None


class Stranger:
    """A plain MQTT client that subscribes to everything and says what it likes.

    What it hears and who hears it depends on whose credentials it has: the broker's rules go by the certificate.
    """

    def __init__(self, port: int, credentials: Path) -> None:
        self.heard: list[Heard] = []
        # The broker puts the name in the certificate in the place of any other.
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "stranger")
        self._client.tls_set(
            str(credentials / AUTHORITY_FILE),
            str(credentials / CERTIFICATE_FILE),
            str(credentials / KEY_FILE),
            tls_version=ssl.PROTOCOL_TLS_CLIENT,
        )
        self._client.on_connect = lambda client, *_: client.subscribe("dcnet/#", 1)
        self._client.on_message = self._hear
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(500)
        self._port = port

    def _hear(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        self.heard.append(Heard(message.topic, bytes(message.payload), message.retain))

    async def start(self) -> None:
        """Connect, and connect again whenever the broker comes back."""
        self._client.connect_async(HOST, self._port, keepalive=10)
        self._client.loop_start()
        await eventually(self._client.is_connected, WITHIN_S)

    async def stop(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish and wait for the acknowledgment."""
        await self.say_all([(topic, payload)], retain=retain)

    async def say_all(self, messages: Iterable[tuple[str, bytes]], *, retain: bool = False) -> None:
        """Publish many, in order, and wait for the acknowledgments."""
        said = [self._client.publish(topic, payload, 1, retain) for topic, payload in messages]
        await eventually(lambda: all(info.is_published() for info in said), WITHIN_S)

    def last(self, topic: str) -> Heard | None:
        """What was heard last on a topic."""
        return next((heard for heard in reversed(self.heard) if heard.topic == topic), None)

    async def next(self, wanted: Callable[[Heard], bool], since: int) -> Heard:
        """The first message that is wanted, of those heard after the first `since`."""
        found: list[Heard] = []

        def is_there() -> bool:
            nonlocal since
            news, since = self.heard[since:], len(self.heard)
            found.extend(filter(wanted, news))
            return bool(found)

        await eventually(is_there, WITHIN_S)
        return found[0]

    def finals(self, network: NetworkId = NORTH) -> dict[RoundNumber, set[bytes]]:
        """By round, the distinct FINALs that were heard."""
        topic, found = topics.broadcast(network, topics.Broadcast.FINAL), dict[RoundNumber, set[bytes]]()
        for heard in self.heard:
            if heard.topic == topic and (signed := heard.signed) is not None:
                found.setdefault(RoundFinal.decode(signed.frame.data).round, set()).add(heard.payload)
        return found
