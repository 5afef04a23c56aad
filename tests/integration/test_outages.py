"""The broker goes and comes back: every round is exact or says why it has no sum, and later ones are complete."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from broker.mosquitto import Broker
from broker.settings import BrokerSettings
from common import topics
from tests.integration.conftest import ACCESS, eventually
from tests.integration.field import Field
from tests.integration.networks import NORTH, Rules
from tests.integration.program import WITHIN_S

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

NAMES: Final = tuple(f"gateway-{number}" for number in range(5))
ALL: Final = len(NAMES) + 1
LONE: Final = "lone"
"""A process of its own."""


async def populate(field: Field) -> None:
    """Start six gateways and wait until all of them are expected."""
    for name in NAMES:
        field.add(name).start()
    field.add(LONE).program.start()
    await field.until_complete(ALL, after=0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def field(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Field]:
    """A provider with its own Mosquitto, and six gateways."""
    field = Field(tmp_path_factory.mktemp("outages"), Rules())
    try:
        await field.open()
        await populate(field)
        yield field
    finally:
        await field.close()


async def first_frame(field: Field) -> None:
    """Wait until a round is under way: its first frame has passed the broker."""
    start = len(field.stranger.heard)
    await field.stranger.next(lambda heard: heard.topic == topics.up(NORTH, NAMES[0]), start)


async def test_mosquitto_killed_in_the_middle_of_rounds_comes_back_and_everybody_with_it(field: Field) -> None:
    first = field.last_round()
    for _ in range(2):
        await first_frame(field)
        mosquitto = field.mosquitto
        mosquitto.kill()
        await eventually(lambda was=mosquitto: not was.is_running(), WITHIN_S)  # type: ignore[misc]
        await field.until_complete(ALL)
    assert field.check(after=first) >= 2
    assert field.provider.is_running
    assert all(len(finals) == 1 for finals in field.stranger.finals().values())


async def test_what_was_accepted_is_summed_although_the_broker_died(field: Field) -> None:
    """Whoever is in the sum of a round had sent it; whoever knows that it was included is in the sum."""
    field.check()
    sums = {line.round for line in field.lines() if line.has_sum}
    for gateway in field.gateways.values():
        assert {entry.round for entry in gateway.ledger() if entry.is_included} <= sums


async def test_a_broker_elsewhere_may_stop_and_start(tmp_path: Path) -> None:
    field = Field(tmp_path, Rules(), is_embedded=False)
    settings = BrokerSettings(port=field.port)
    try:
        async with Broker(settings, tmp_path / "broker", field.broker_home, ACCESS):
            await field.open()
            await populate(field)
            await first_frame(field)
        stopped = field.last_round()
        down = await field.until(lambda line: not line.has_sum)
        assert down.why == "the broker could not be reached"
        async with Broker(settings, tmp_path / "broker", field.broker_home, ACCESS):
            await field.until_complete(ALL)
            assert field.check() >= 2
            assert field.check(after=stopped) >= 1
            await field.close()
    finally:
        await field.close()
