"""The real Mosquitto for tests, and waiting for a condition with a deadline."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from broker.mosquitto import Broker
from broker.settings import BrokerSettings


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Broker]:
    """A broker on a free loopback port, with its files in `tmp_path / "broker"`."""
    async with Broker(BrokerSettings(), tmp_path / "broker") as running:
        yield running


async def eventually(condition: Callable[[], bool], within_s: float = 10) -> None:
    """Wait until the condition holds; TimeoutError after `within_s`."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
