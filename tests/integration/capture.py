"""What passes the loopback interface, packet by packet, as an eavesdropper there sees it; and what of it is TLS."""

import socket
import struct
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

_IPV4: Final = 0x0800
_TCP: Final = 6
_SYN: Final = 2
_PACKET_MAX: Final = 1 << 17
_BUFFER_BYTES: Final = 64 << 20
_SO_RCVBUFFORCE: Final = 33
_SOL_PACKET: Final = 263
_PACKET_STATISTICS: Final = 6

CHANGE_CIPHER_SPEC: Final = 20
ALERT: Final = 21
HANDSHAKE: Final = 22
APPLICATION_DATA: Final = 23
_RECORD_MAX: Final = (1 << 14) + 256
"""The longest record of TLS 1.3 (RFC 8446, 5.2)."""

Way = tuple[int, int]
"""One direction of a connection: the sender's port and the receiver's."""


@dataclass(frozen=True, slots=True)
class Record:
    """One TLS record: its type, the version in its head, and what it carries."""

    kind: int
    version: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """What one packet carried, and where it belongs; `opens` a connection."""

    sequence: int
    payload: bytes
    opens: bool


@dataclass(slots=True)
class Capture:
    """The TCP segments that passed while it ran, by direction. `dropped` packets the kernel could not keep."""

    segments: dict[Way, list[Segment]] = field(default_factory=lambda: defaultdict(list))
    packets: int = 0
    dropped: int = 0

    def take(self, packet: bytes) -> None:
        """One packet, from its IPv4 header on."""
        if len(packet) < 20 or packet[9] != _TCP:
            return
        (length,) = struct.unpack_from(">H", packet, 2)
        head = (packet[0] & 15) * 4
        sender, receiver, sequence = struct.unpack_from(">HHI", packet, head)
        opens = bool(packet[head + 13] & _SYN)
        payload = packet[head + (packet[head + 12] >> 4) * 4 : length or None]
        self.packets += 1
        if payload or opens:
            self.segments[sender, receiver].append(Segment(sequence + opens, payload, opens))

    def streams(self, port: int) -> dict[Way, list[bytes]]:
        """What was said to and from this port: by direction, the bytes of each connection in their order."""
        return {way: list(_streams(found)) for way, found in list(self.segments.items()) if port in way}


def _streams(segments: list[Segment]) -> Iterator[bytes]:
    """The connections of one direction, one after the other: ports are used again."""
    whole, first = bytearray(), 0
    for segment in segments:
        if segment.opens:
            if whole:
                yield bytes(whole)
            whole, first = bytearray(), segment.sequence
        # Sequence numbers wrap around, and what is sent again lies where it was.
        at = (segment.sequence - first) % (1 << 32)
        whole[at : at + len(segment.payload)] = segment.payload
    if whole:
        yield bytes(whole)


@contextmanager
def capturing() -> Iterator[Capture]:
    """Everything on the loopback interface while inside, each packet as it comes in (packet(7)).

    Raises:
        PermissionError: this account may not look at packets.
    """
    capture, stop = Capture(), threading.Event()
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IPV4)) as raw:
        raw.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        raw.bind(("lo", _IPV4))
        raw.settimeout(0.1)
        reader = threading.Thread(target=_read, args=(raw, capture, stop))
        reader.start()
        try:
            yield capture
        finally:
            stop.set()
            reader.join()
            _, capture.dropped = struct.unpack("II", raw.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))


def _read(raw: socket.socket, capture: Capture, stop: threading.Event) -> None:
    while True:
        try:
            capture.take(raw.recv(_PACKET_MAX))
        except TimeoutError:
            if stop.is_set():
                return


def records(stream: bytes) -> list[Record]:
    """The TLS records of which a stream consists; the last may be cut off by the end of the capture.

    Raises:
        ValueError: somewhere no record begins.
    """
    found, at = list[Record](), 0
    while at + 5 <= len(stream):
        kind, version, length = struct.unpack_from(">BHH", stream, at)
        if kind not in range(CHANGE_CIPHER_SPEC, APPLICATION_DATA + 1) or version not in (0x0301, 0x0303):
            raise ValueError(f"no TLS record begins with {stream[at : at + 5].hex()}, at byte {at} of {len(stream)}")
        if length > _RECORD_MAX:
            raise ValueError(f"a record of {length} bytes is longer than any")
        found.append(Record(kind, version, stream[at + 5 : at + 5 + length]))
        at += 5 + length
    return found


def kinds(stream: bytes) -> Counter[int]:
    """How many records of each kind a stream has."""
    return Counter(record.kind for record in records(stream))


def negotiated(stream: bytes) -> int | None:
    """The version that a server chose (RFC 8446, 4.2.1: 0x0304 is TLS 1.3); None if this is no server's stream."""
    first = records(stream)[0]
    if first.kind != HANDSHAKE or first.body[:1] != b"\x02":
        return None
    version = int.from_bytes(first.body[4:6])
    at = 4 + 2 + 32
    at += 1 + first.body[at] + 2 + 1
    (length,) = struct.unpack_from(">H", first.body, at)
    at, end = at + 2, at + 2 + length
    while at < end:
        kind, size = struct.unpack_from(">HH", first.body, at)
        if kind == 43:
            version = int.from_bytes(first.body[at + 4 : at + 6])
        at += 4 + size
    return version
