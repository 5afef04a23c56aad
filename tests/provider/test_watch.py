"""A list of revoked certificates that is copied into the home takes effect, and any other is told of."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from broker.credentials import REVOCATIONS_FILE, load_credentials
from common.certificates import RevocationList, Role
from provider import watch
from provider.watch import RevocationsWatch, hand_over
from tests.credentials import Administrator, days, now_ms

EVERY_S = 0.01


class Watched:
    """A provider's home, and the lists that were found in it."""

    def __init__(self, administrator: Administrator) -> None:
        self.home = administrator.provider()
        self.found: list[int] = []
        self.arrived = asyncio.Event()

    async def renewed(self, revocations: RevocationList) -> None:
        self.found.append(revocations.number)
        self.arrived.set()

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        known = load_credentials(self.home, Role.PROVIDER, now_ms())
        watching = RevocationsWatch(self.home, known.authority, known.revocations, self.renewed, EVERY_S)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(watching.run())
            yield
            task.cancel()

    async def next(self) -> None:
        async with asyncio.timeout(10):
            await self.arrived.wait()
        self.arrived.clear()


@pytest.fixture
def administrator(tmp_path: Path) -> Administrator:
    return Administrator(tmp_path)


class Listener(logging.Handler):
    """Waits for what the watch says."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self._heard = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage()
        self._heard.set()

    async def said(self, part: str) -> bool:
        async with asyncio.timeout(10):
            while part not in self.text:
                self._heard.clear()
                await self._heard.wait()
        return True


@pytest.fixture
def listener() -> Iterator[Listener]:
    handler = Listener()
    watch.log.addHandler(handler)
    yield handler
    watch.log.removeHandler(handler)


async def test_each_newer_list_is_found_once(administrator: Administrator) -> None:
    watched = Watched(administrator)
    async with watched.watch():
        for _ in range(2):
            administrator.revoke(administrator.gateway("gw-1"))
            administrator.write_list(watched.home)
            await watched.next()
    assert watched.found == [2, 3]


@pytest.mark.parametrize("octets", [b"", b"nothing", None], ids=["empty", "damaged", "missing"])
async def test_a_list_that_cannot_be_read_changes_nothing_and_a_good_one_after_it_counts(
    administrator: Administrator, octets: bytes | None, listener: Listener
) -> None:
    watched = Watched(administrator)
    async with watched.watch():
        path = watched.home / REVOCATIONS_FILE
        if octets is None:
            path.unlink()
        else:
            path.write_bytes(octets)
        assert await listener.said("not of this provider's administrator: copy it again. No. 1 stays")
        administrator.revoke(administrator.gateway("gw-1"))
        administrator.write_list(watched.home)
        await watched.next()
    assert watched.found == [2]


async def test_an_older_list_changes_nothing(administrator: Administrator, listener: Listener) -> None:
    watched = Watched(administrator)
    old = (watched.home / REVOCATIONS_FILE).read_bytes()
    administrator.revoke(administrator.gateway("gw-1"))
    administrator.write_list(watched.home)
    async with watched.watch():
        (watched.home / REVOCATIONS_FILE).write_bytes(old)
        assert await listener.said("is list no. 1, older than the one in force: copy the newest. No. 2 stays in force")
    assert watched.found == []


async def test_a_list_of_another_administrator_changes_nothing(
    tmp_path: Path, administrator: Administrator, listener: Listener
) -> None:
    watched = Watched(administrator)
    other = Administrator(tmp_path / "other", "another")
    other.revoke()
    async with watched.watch():
        other.write_list(watched.home)
        assert await listener.said("not of this provider's administrator")
    assert watched.found == []


@pytest.mark.parametrize(("end", "is_warned"), [(13.5, True), (14.5, False)])
async def test_a_list_that_ends_soon_is_told_of(
    administrator: Administrator, end: float, is_warned: bool, listener: Listener
) -> None:
    watched = Watched(administrator)
    administrator.write_list(watched.home, days(-1, end))
    async with watched.watch():
        administrator.revoke(administrator.gateway("gw-1"))
        administrator.write_list(watched.home)
        await watched.next()
    assert ("Ask the administrator for a fresh one" in listener.text) is is_warned


def test_a_broker_gets_the_providers_list_unless_it_has_a_newer_one(administrator: Administrator) -> None:
    broker, provider = administrator.broker(), administrator.provider()
    administrator.revoke(administrator.gateway("gw-1"))
    administrator.write_list(provider)
    newest = load_credentials(provider, Role.PROVIDER, now_ms()).revocations
    hand_over(broker, newest)
    assert load_credentials(broker, Role.BROKER, now_ms()).revocations.number == 2
    administrator.revoke(administrator.gateway("gw-1"))
    administrator.write_list(broker)
    hand_over(broker, newest)
    assert load_credentials(broker, Role.BROKER, now_ms()).revocations.number == 3
