"""Whether an MQTT broker answers on a port, asked with one CONNECT over TLS (MQTT 3.1.1, sections 3.1 and 3.2)."""

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Final

_CONNACK: Final = 0x20
_DISCONNECT: Final = b"\xe0\x00"


def connect_packet(client_id: str) -> bytes:
    """Encode a CONNECT with a clean session and 10 s of keep-alive; the client identifier has at most 64 bytes."""
    name = client_id.encode()
    assert 0 < len(name) <= 64
    body = b"\x00\x04MQTT\x04\x02\x00\x0a" + len(name).to_bytes(2, "big") + name
    return bytes((0x10, len(body))) + body


async def answers(host: str, port: int, context: ssl.SSLContext, client_id: str, within_s: float) -> int | None:
    """Connect, and return from which local port a CONNACK came, whatever it says; None when none came."""
    try:
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            try:
                local_port: int = writer.get_extra_info("sockname")[1]
                writer.write(connect_packet(client_id))
                answer = await reader.readexactly(4)
                writer.write(_DISCONNECT)
                await writer.drain()
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return None
    return local_port if answer[0] == _CONNACK else None


def free_port(host: str) -> int:
    """Name a TCP port that is free at this instant; whoever uses it must be ready to find it taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listening:
        port: int = listening.getsockname()[1]
    return port
