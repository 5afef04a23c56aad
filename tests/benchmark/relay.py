"""A relay between a gateway's client and the broker that counts the bytes on the connection, and those inside TLS."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from tests.benchmark import wire


@dataclass(frozen=True, slots=True)
class Counted:
    """Bytes of one direction for each round; `inside_bytes` are those that TLS carries."""

    bytes: float
    inside_bytes: float


@dataclass(frozen=True, slots=True)
class Passed:
    """Bytes of one direction that have passed so far."""

    bytes: int = 0
    inside_bytes: int = 0

    def until(self, later: Self, count: int) -> Counted:
        """How many came for each of `count` rounds."""
        return Counted((later.bytes - self.bytes) / count, (later.inside_bytes - self.inside_bytes) / count)


class RecordCounter:
    """Counts the bytes of one direction of a TLS 1.3 connection, and what its records carry."""

    def __init__(self) -> None:
        self.passed = Passed()
        self._rest = b""

    def take(self, chunk: bytes) -> None:
        """The next bytes, of records or parts of them."""
        stream, inside = self._rest + chunk, self.passed.inside_bytes
        while len(stream) >= wire.RECORD_HEAD_BYTES:
            length = int.from_bytes(stream[3:5])
            if len(stream) < wire.RECORD_HEAD_BYTES + length:
                break
            inside += length - wire.RECORD_SEAL_BYTES
            stream = stream[wire.RECORD_HEAD_BYTES + length :]
        self._rest = stream
        self.passed = Passed(self.passed.bytes + len(chunk), inside)


class Relay:
    """Passes bytes between one client and the broker, and counts them. It understands none: they are encrypted."""

    def __init__(self, port: int) -> None:
        self.up = RecordCounter()
        self.down = RecordCounter()
        self.port = 0
        self._broker_port = port

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen while inside."""
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        async with server:
            self.port = server.sockets[0].getsockname()[1]
            yield

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_broker, to_broker = await asyncio.open_connection("127.0.0.1", self._broker_port)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._copy(reader, to_broker, self.up))
            group.create_task(self._copy(from_broker, writer, self.down))

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, counter: RecordCounter) -> None:
        while chunk := await source.read(1 << 16):
            counter.take(chunk)
            sink.write(chunk)
        sink.close()
