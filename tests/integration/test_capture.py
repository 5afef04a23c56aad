"""An eavesdropper on the interface, during a whole demo, sees TLS 1.3 records and nothing that can be read."""

import asyncio
import json
import os
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from common.frames import MAGIC, VERSION
from tests.integration.capture import (
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    Capture,
    Way,
    capturing,
    kinds,
    negotiated,
)
from tests.integration.conftest import eventually
from tests.integration.demos import WITHIN_S, demo

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may look at the packets of an interface"),
]

TLS_1_3: Final = 0x0304
READABLE: Final = (MAGIC + bytes([VERSION]), b"dcnet", b"MQTT", b"gateway-", b"lindenhof", b"provider", b"online")
"""What stands in plain frames, topics, CONNECT packets and certificates of the demo."""

GATEWAYS: Final = 5
ROUNDS: Final = 3


async def test_in_a_demo_nothing_but_tls_records_passes_the_brokers_port(tmp_path: Path) -> None:
    options = ("--gateways", str(GATEWAYS), "--period", "2", "--rounds", str(ROUNDS), "--json")
    with capturing() as capture:
        async with demo(tmp_path / "kept", *options) as running:
            ready = running.root / "provider" / "provider.json"
            await eventually(ready.exists, WITHIN_S)
            port = int(json.loads(ready.read_text())["port"])
            status, lines, told = await running.finish()
    assert status == 0, told
    assert all(line["exact"] for line in lines)
    assert capture.dropped == 0
    up, down = streams(capture, port, is_up=True), streams(capture, port, is_up=False)
    assert len(up) == len(down) > GATEWAYS, "gateways, provider, spectator"
    assert {negotiated(stream) for stream in down} == {TLS_1_3}
    for stream in (*up, *down):
        assert [word for word in READABLE if word in stream] == []
    seen = sum((kinds(stream) for stream in (*up, *down)), Counter[int]())
    assert set(seen) == {CHANGE_CIPHER_SPEC, HANDSHAKE, APPLICATION_DATA}
    assert seen[HANDSHAKE] == len(up) + len(down), "one ClientHello and one ServerHello for each connection"
    assert seen[APPLICATION_DATA] > 2 * GATEWAYS * ROUNDS, "at least the frames and their acknowledgments"


async def test_the_same_look_finds_a_frame_that_is_not_encrypted() -> None:
    """Without this one, a capture that misses everything would pass for a bus that shows nothing."""
    said = b"\x30\x10\x00\x0edcnet/1/1/up/x" + MAGIC + bytes([VERSION]) + bytes(100)
    heard = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(len(said)) == said
        writer.close()
        heard.set()

    with capturing() as capture:
        async with await asyncio.start_server(listen, "127.0.0.1", 0) as server, asyncio.timeout(WITHIN_S):
            port = server.sockets[0].getsockname()[1]
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(said)
            await heard.wait()
            writer.close()
    assert streams(capture, port, is_up=True) == [said]
    with pytest.raises(ValueError, match="no TLS record begins with 3010000e64"):
        kinds(said)


def streams(capture: Capture, port: int, *, is_up: bool) -> list[bytes]:
    """All that was said to the broker, or by it: the bytes of each connection."""

    def is_wanted(way: Way) -> bool:
        return way[1 if is_up else 0] == port

    return [stream for way, found in capture.streams(port).items() if is_wanted(way) for stream in found]
