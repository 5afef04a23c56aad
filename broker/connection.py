"""One MQTT connection, from CONNECT to its end. The only module that knows the MQTT library.

aiomqtt is used as it can be used safely: a new client for each connection, since one entered twice returns before
CONNACK; no reader that could be canceled with a message in its hands; and no wait that the end of the connection
would not wake, since the owner runs everything here beside `until_lost` in one task group.
"""

import asyncio
import errno
import logging
import math
import re
import select
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, NoReturn, cast

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from broker.events import Message, Presence
from broker.settings import BusSettings
from broker.tls import ClientContext

READS_AT_ONCE: Final = 64
"""Packets read before the loop gets its turn, so that sending and the clock are not starved."""

QOS: Final = 1
"""At least once; every message of the protocol may come twice."""


_LIBRARY_LOG: Final = logging.getLogger(f"{__name__}.library")
# What it reports comes back as errors, and the bus puts each into one sentence.
_LIBRARY_LOG.setLevel(logging.CRITICAL)

_UNREACHED: Final = re.compile(rf"\[Errno (-\d+|{errno.ECONNREFUSED}|{errno.EHOSTUNREACH})\] ")
"""How the system's errors begin that a wrong address brings. Those of looking up a name are negative (netdb.h)."""


class LostError(Exception):
    """The connection is gone, or was never made. Its text is the reason, for a person."""


class _Inbox(asyncio.Queue[aiomqtt.Message]):
    """Passes each message on at the instant it arrives, and stays empty.

    It saves the task that aiomqtt makes for each message it iterates over, and leaves no gap in which a canceled
    reader could lose one. Whoever iterates over the client only learns of its end.
    """

    def __init__(self, deliver: Callable[[Message], None], maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self._deliver = deliver

    def put_nowait(self, item: aiomqtt.Message) -> None:
        self._deliver(Message(item.topic.value, item.payload, item.retain))


class Connection:
    """A connection that is opened once and closed once; every method raises LostError when it is gone."""

    def __init__(
        self,
        settings: BusSettings,
        context: ClientContext,
        presence: Presence | None,
        deliver: Callable[[Message], None],
    ) -> None:
        self._answer_within_s = settings.answer_within_s
        self._context = context
        self._client = aiomqtt.Client(
            settings.host,
            settings.port,
            # The broker replaces any other by this one, so that nobody can take over somebody else's session.
            identifier=context.name,
            tls_context=context,
            clean_session=not settings.keep_session,
            keepalive=settings.keepalive_s,
            timeout=settings.answer_within_s,
            will=None if presence is None else aiomqtt.Will(presence.topic, presence.gone, QOS, retain=True),
            logger=_LIBRARY_LOG,
            # With Nagle's algorithm each window of publishes waits 40 ms for the other side's delayed ACK.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            max_inflight_messages=settings.send_window,
            queue_type=cast("Any", partial(_Inbox, deliver)),
        )
        self._client.pending_calls_threshold = 2 * settings.send_window
        self._paho = self._client._client
        self._paho.connect_timeout = settings.answer_within_s
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._register_write_later = self._paho.on_socket_register_write
        self._paho.on_socket_register_write = self._register_write
        self._open_socket = self._paho.on_socket_open
        self._paho.on_socket_open = self._socket_opened
        self._close_socket = self._paho.on_socket_close
        self._paho.on_socket_close = self._socket_closed

    async def open(self) -> None:
        """Connect. A canceled call first waits for the connecting thread: left alone, it would take the session."""
        opening = asyncio.ensure_future(self._client.__aenter__())
        try:
            await asyncio.shield(opening)
        except aiomqtt.MqttError as error:
            self._hang_up()
            raise LostError(self._context.failure or _reason(error)) from error
        except asyncio.CancelledError:
            await asyncio.wait({opening})
            if opening.exception() is None:
                await self.close()
            self._hang_up()
            raise

    async def until_lost(self) -> NoReturn:
        """Wait for the end of the connection."""
        try:
            async for _ in self._client.messages:
                pass
        except aiomqtt.MqttError as error:
            raise LostError(_reason(error)) from error
        raise AssertionError("aiomqtt's iteration ends with an error only")

    async def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        """Publish and wait for the PUBACK.

        The acknowledgment says nothing about permission: Mosquitto acknowledges what it denies.
        """
        try:
            async with asyncio.timeout(self._answer_within_s):
                await self._client.publish(topic, payload, QOS, retain, timeout=math.inf)
        except TimeoutError as error:
            raise LostError(f"no acknowledgment within {self._answer_within_s:g} s") from error
        except aiomqtt.MqttError as error:
            raise LostError(_reason(error)) from error

    async def subscribe(self, filters: Sequence[str]) -> list[str]:
        """Subscribe and return the filters that the broker refused; Mosquitto grants even what it will not deliver."""
        try:
            codes = await self._client.subscribe([(topic_filter, QOS) for topic_filter in filters])
        except aiomqtt.MqttError as error:
            raise LostError(_reason(error)) from error
        values = [code if isinstance(code, int) else code.value for code in codes]
        return [topic_filter for topic_filter, value in zip(filters, values, strict=True) if value >= 0x80]

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        """End subscriptions."""
        try:
            await self._client.unsubscribe(list(filters))
        except aiomqtt.MqttError as error:
            raise LostError(_reason(error)) from error

    async def close(self) -> None:
        """Say DISCONNECT if there is still somebody to hear it, and let go of the socket in any case."""
        with suppress(aiomqtt.MqttError):
            await self._client.__aexit__(None, None, None)
        self._hang_up()
        if self._client._disconnected.done():
            # Otherwise asyncio complains about an exception that nobody looked at.
            self._client._disconnected.exception()

    def _register_write(self, client: Any, userdata: Any, connected: Any) -> None:  # noqa: ANN401
        """Have paho called when its socket takes more.

        aiomqtt puts this off to the loop's next turn. By then paho may have closed the socket, and the number may
        belong to another; and it costs a system call for each message. Only the connecting thread needs it.
        """
        if threading.get_ident() == self._loop_thread:
            self._loop.add_writer(connected.fileno(), self._paho.loop_write)
        elif self._register_write_later is not None:
            self._register_write_later(client, userdata, connected)

    def _socket_opened(self, client: Any, userdata: Any, connected: Any) -> None:  # noqa: ANN401
        """Read in bursts once aiomqtt, from the connecting thread, has had the loop watch the socket."""
        if self._open_socket is not None:
            self._open_socket(client, userdata, connected)
        self._loop.call_soon_threadsafe(self._watch, connected)

    def _watch(self, connected: socket.socket) -> None:
        if connected.fileno() >= 0:
            waiting = select.poll()
            waiting.register(connected, select.POLLIN)
            self._loop.add_reader(connected.fileno(), self._read, connected, waiting)

    def _read(self, connected: socket.socket, waiting: select.poll) -> None:
        """Take the packets that are there, not one for each turn of the loop: half the cost of a burst is the turns."""
        try:
            for _ in range(READS_AT_ONCE):
                self._paho.loop_read()
                if connected.fileno() < 0 or not (_is_buffered(connected) or waiting.poll(0)):
                    return
        except OSError as error:
            if not self._client._disconnected.done():
                self._client._disconnected.set_exception(error)
        else:
            if _is_buffered(connected):
                # The rest of a record: the loop sees nothing of it, so it would lie there until the next one comes.
                self._loop.call_soon(self._read, connected, waiting)

    def _socket_closed(self, client: Any, userdata: Any, connected: Any) -> None:  # noqa: ANN401
        """See also to an end before CONNACK, as when the broker refuses our certificate: aiomqtt passes over it."""
        if self._close_socket is not None:
            self._close_socket(client, userdata, connected)
        self._loop.call_soon_threadsafe(self._note_early_end)

    def _note_early_end(self) -> None:
        answer = self._client._connected
        if not answer.done():
            answer.set_exception(aiomqtt.MqttError("it hung up without an answer"))
            answer.exception()  # It may be that nobody waits any more, about which asyncio would complain.

    def _hang_up(self) -> None:
        """Close a socket that aiomqtt leaves behind: without CONNACK, or with a broker that stopped answering."""
        connected = self._paho.socket()
        if not isinstance(connected, socket.socket):
            return
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)
        self._paho.loop_read()


def _is_buffered(connected: socket.socket) -> bool:
    """Whether TLS holds decrypted bytes that no poll of the socket shows."""
    return isinstance(connected, ssl.SSLSocket) and connected.fileno() >= 0 and connected.pending() > 0


def _reason(error: aiomqtt.MqttError) -> str:
    """Say in a person's words why a connection ended or was refused."""
    if isinstance(error, MqttConnectError):
        return f"the broker refuses this client ({getattr(error.rc, 'getName', lambda: error.rc)()})"
    cause = error.__cause__ or error
    if isinstance(cause, aiomqtt.MqttCodeError) and "Unspecified error" in str(cause):
        return "the connection broke off"
    if str(cause) == "Operation timed out":
        return "it does not answer"
    text = re.sub(r"^\[Errno -?\d+\] ", "", str(cause)) or type(cause).__name__
    return f"{text} (are `host` and `port` in [broker] right?)" if _UNREACHED.match(str(cause)) else text
