"""The real Mosquitto for tests, and waiting for a condition with a deadline."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import pytest

from broker import files
from broker.access import Access, render_access
from broker.bus import Bus
from broker.events import Presence
from broker.mosquitto import Broker
from broker.settings import BrokerSettings, BusSettings
from common.identifiers import NetworkId
from tests.credentials import shared

ACCESS: Final = Access("provider", (NetworkId(1), NetworkId(7)), ("inspector", "inspector-2"))
"""The rules of the broker in tests."""


def open_playground(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everybody with a certificate use the topics below t/ too, for tests of delivery alone."""
    monkeypatch.setattr(
        files, "render_access", lambda access, broker: f"{render_access(access, broker)}pattern readwrite t/#\n"
    )


@pytest.fixture
async def mosquitto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Broker]:
    """A broker on a free loopback port, with its files in `tmp_path / "broker"`; everybody may use t/#."""
    open_playground(monkeypatch)
    async with Broker(BrokerSettings(), tmp_path / "broker", shared().broker(), ACCESS) as running:
        yield running


def gateway_bus(settings: BusSettings, name: str, presence: Presence | None = None) -> Bus:
    """A bus with the credentials of a gateway of this name."""
    return Bus(settings, name, presence, credentials=shared().gateway(name))


async def eventually(condition: Callable[[], bool], within_s: float = 10) -> None:
    """Wait until the condition holds; TimeoutError after `within_s`."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
