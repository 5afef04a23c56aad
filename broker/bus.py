"""The bus as gateways, provider and launcher see it: events in, publications out, reconnecting is its own affair.

MQTT 3.1.1 over TLS 1.3, persistent session, fixed client identifier, QoS 1. Nothing beyond that, so that a clustered
broker can take Mosquitto's place.
"""

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from broker.connection import Connection, LostError
from broker.events import BusCounts, BusEvent, Connected, Disconnected, Message, Presence
from broker.groups import leaves
from broker.home import HomeError
from broker.outbox import Outbox, Outgoing
from broker.pace import Backoff, OncePerMinute
from broker.settings import BusSettings
from broker.tls import ClientContext, client_context

log = logging.getLogger(__name__)

STABLE_S: Final = 5
"""A connection that lasted this long was a good one: the next back-off begins with short waits."""

COMPLAINT_INTERVAL_S: Final = 6 * 3_600
"""How often the log repeats that the revocation list is too old, if there is a new connection at all."""

BACKLOG_WARNED: Final = 100_000
"""Events that wait for the reader before the log says so. They are never discarded: the broker has been told that
they arrived. The protocol bounds them (one frame for each gateway and round)."""


class Bus:
    """One client of the broker, for one owner.

    Use it as a context manager; inside, it keeps itself connected:

        async with Bus(settings, "provider-north", credentials=home) as bus:
            bus.subscribe("dcnet/1/+/up/+")
            while True:
                for event in await bus.next_batch(1_000, timeout_s=1):
                    ...

    `subscribe` and `publish_soon` may be called at any time, before the context is entered too.

    Args:
        settings: Where the broker is, and how much is kept for it.
        client_id: The name of this client, which is the common name of its certificate; the broker knows it by that.
        presence: What everybody is told about it, if anything.
        credentials: The directory with its key, its certificate and the administrator's. Read again for each
            connection, so a renewed certificate or a newer revocation list needs nothing else.

    Entering raises HomeError when the credentials cannot be used or are somebody else's. Damaged later, they are a
    reason like any other for which there is no connection.
    """

    def __init__(
        self, settings: BusSettings, client_id: str, presence: Presence | None = None, *, credentials: Path
    ) -> None:
        self.counts = BusCounts()
        self._settings = settings
        self._client_id = client_id
        self._presence = presence
        self._credentials = credentials
        self._where = f"{settings.host}:{settings.port}"
        self._events: deque[BusEvent] = deque()
        self._arrived = asyncio.Event()
        self._outbox = Outbox(settings.outbox_messages_max, settings.outbox_bytes_max)
        self._settled = asyncio.Event()
        self._settled.set()
        self._work = asyncio.Event()
        self._senders = 0
        self._wanted: dict[str, None] = {}
        self._to_subscribe: dict[str, None] = {}
        self._to_unsubscribe: dict[str, None] = {}
        self._backoff = Backoff(settings.reconnect_first_s, settings.reconnect_max_s)
        self._quiet = OncePerMinute()
        self._complaints = OncePerMinute(interval_s=COMPLAINT_INTERVAL_S)
        self._connected_s: float | None = None
        self._lost_s: float | None = None
        self._is_closing = False
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        name = (await asyncio.to_thread(client_context, self._credentials)).name
        if name != self._client_id:
            raise HomeError(
                f"The certificate in {self._credentials} is for {name}, and this is {self._client_id}. Correct the "
                "name in the settings, or install the certificate that was issued for it."
            )
        await self._group.__aenter__()
        self._runner = self._group.create_task(self._run(), name=f"bus {self._client_id}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._presence is not None and self.is_connected:
                self.publish_soon(self._presence.topic, self._presence.gone, retain=True)
            if not self._runner.done() and not await self.flush(self._settings.close_within_s):
                log.warning("%s: closed with %d messages unsent", self._client_id, len(self._outbox))
        finally:
            self._is_closing = True
            self._runner.cancel()
            # The group shall see a cancellation, which may be its own, but not wrap the owner's errors in a group.
            if isinstance(error, asyncio.CancelledError):
                await self._group.__aexit__(kind, error, trace)
            else:
                await self._group.__aexit__(None, None, None)

    @property
    def is_connected(self) -> bool:
        """Whether the broker has answered and every subscription stands."""
        return self._connected_s is not None

    @property
    def expired(self) -> int:
        """Messages dropped because the broker did not acknowledge them in time."""
        return self._outbox.expired

    @property
    def unsent(self) -> int:
        """Messages that the broker has not acknowledged yet."""
        return len(self._outbox)

    def subscribe(self, topic_filter: str) -> None:
        """Want these messages, now and after every reconnect, which brings the retained ones again.

        What is published by this bus after the call reaches the broker after the subscription.
        """
        self._wanted[topic_filter] = None
        self._to_unsubscribe.pop(topic_filter, None)
        self._to_subscribe[topic_filter] = None
        self._work.set()

    def unsubscribe(self, topic_filter: str) -> None:
        """Want these messages no longer; the broker's persistent session is told too, at once or when connected."""
        self._wanted.pop(topic_filter, None)
        self._to_subscribe.pop(topic_filter, None)
        self._to_unsubscribe[topic_filter] = None
        self._work.set()

    def publish_soon(
        self, topic: str, payload: bytes, *, retain: bool = False, expires_in_s: float | None = None
    ) -> bool:
        """Hand in a message; it is sent in order, and again after a reconnect until acknowledged or expired.

        Args:
            topic: Without wildcards.
            payload: At most `payload_bytes_max` of the settings.
            retain: Whether the broker shows it to later subscribers.
            expires_in_s: How long it is worth sending; default from the settings.

        Returns:
            False when it was refused, being too large or the outbox full; that is counted and logged.
        """
        assert topic and not set(topic) & set("+#\0"), f"not a topic to publish on: {topic!r}"
        now_s = time.monotonic()
        if len(payload) > self._settings.payload_bytes_max:
            self.counts.refused_size += 1
            self._say_refused(
                "size", f"payload of {len(payload)} bytes, the limit is {self._settings.payload_bytes_max}"
            )
            return False
        lifetime_s = self._settings.expires_in_s if expires_in_s is None else expires_in_s
        if not self._outbox.offer(Outgoing(topic, payload, retain, now_s + lifetime_s), now_s):
            self.counts.refused_full += 1
            self._say_refused("full", f"{len(self._outbox)} unacknowledged messages, the outbox is full")
            return False
        self._settled.clear()
        self._work.set()
        return True

    async def next_batch(self, limit: int, timeout_s: float) -> list[BusEvent]:
        """Wait for an event, at most `timeout_s`, and return it with all that are there already, at most `limit`.

        An empty list says that nothing came. Canceling it loses nothing. One caller at a time.
        """
        if not self._events:
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._arrived.wait()
        return [self._events.popleft() for _ in range(min(limit, len(self._events)))]

    async def flush(self, timeout_s: float) -> bool:
        """Wait until the broker has acknowledged everything handed in so far; False when it has not in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._settled.wait()
        return not len(self._outbox)

    async def _run(self) -> None:
        """Connect, live, and connect again, for ever."""
        while not self._is_closing:
            try:
                await self._live()
            except* LostError as lost:
                self._note_lost(str(next(leaves(lost))))
            await asyncio.sleep(self._backoff.next_wait_s())

    async def _live(self) -> None:
        """Run one connection to its end, which is a LostError, alone or in a group."""
        connection = Connection(self._settings, await self._read_credentials(), self._presence, self._deliver)
        await connection.open()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(connection.until_lost())
                group.create_task(self._pump(connection, group))
        finally:
            self._senders = 0
            self._outbox.restore()
            await connection.close()

    async def _read_credentials(self) -> ClientContext:
        try:
            context = await asyncio.to_thread(client_context, self._credentials)
        except HomeError as error:
            raise LostError(str(error)) from error
        if context.complaint and self._complaints.allows("complaint", time.monotonic()):
            log.warning("%s: %s", self._client_id, context.complaint)
        return context

    async def _pump(self, connection: Connection, group: asyncio.TaskGroup) -> None:
        """Bring subscriptions to the broker first, then publications, as they come."""
        self._to_subscribe = dict(self._wanted)
        await self._settle_subscriptions(connection)
        self._note_connected()
        while True:
            for _ in range(min(self._outbox.waiting, self._settings.send_window - self._senders)):
                self._senders += 1
                group.create_task(self._send(connection))
            await self._work.wait()
            self._work.clear()
            await self._settle_subscriptions(connection)

    async def _settle_subscriptions(self, connection: Connection) -> None:
        if ending := list(self._to_unsubscribe):
            await connection.unsubscribe(ending)
            for topic_filter in ending:
                self._to_unsubscribe.pop(topic_filter, None)
        while wanted := list(self._to_subscribe):
            for topic_filter in await connection.subscribe(wanted):
                self._say_refused("subscription", f"subscription to {topic_filter}, by the broker")
            for topic_filter in wanted:
                self._to_subscribe.pop(topic_filter, None)

    async def _send(self, connection: Connection) -> None:
        """Publish from the outbox, one at a time; ends when there is nothing to do, or a subscription to do first."""
        while not self._to_subscribe and (taken := self._outbox.take(time.monotonic())):
            ticket, message = taken
            await connection.publish(message.topic, message.payload, message.retain)
            self._outbox.settle(ticket)
            self.counts.acknowledged += 1
        self._senders -= 1
        if not len(self._outbox):
            self._settled.set()

    def _deliver(self, event: BusEvent) -> None:
        self._events.append(event)
        self._arrived.set()
        if isinstance(event, Message):
            self.counts.received += 1
        if len(self._events) >= BACKLOG_WARNED and self._quiet.allows("backlog", time.monotonic()):
            log.warning("%s: %d messages wait for their reader", self._client_id, len(self._events))

    def _note_connected(self) -> None:
        now_s = self._connected_s = time.monotonic()
        self.counts.connects += 1
        if self._presence is not None:
            self.publish_soon(self._presence.topic, self._presence.here, retain=True)
        self._deliver(Connected())
        if self._lost_s is None:
            log.info("%s: connected to broker at %s", self._client_id, self._where)
        elif self._quiet.allows("again", now_s):
            log.info("%s: connected again after %.1f s", self._client_id, now_s - self._lost_s)

    def _note_lost(self, reason: str) -> None:
        now_s = time.monotonic()
        was_s, self._connected_s = self._connected_s, None
        if was_s is None:
            if self._quiet.allows(f"no broker: {reason}", now_s):
                log.warning("%s: no connection to broker at %s: %s; trying on", self._client_id, self._where, reason)
            return
        self._lost_s = now_s
        if now_s - was_s >= STABLE_S:
            self._backoff.reset()
        self._deliver(Disconnected(reason))
        if self._quiet.allows("lost", now_s):
            log.warning("%s: lost broker at %s: %s; connecting again", self._client_id, self._where, reason)

    def _say_refused(self, kind: str, what: str) -> None:
        if self._quiet.allows(kind, time.monotonic()):
            log.error("%s: refused: %s (said once a minute)", self._client_id, what)
