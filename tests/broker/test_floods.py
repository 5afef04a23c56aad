import asyncio

import pytest

from broker.events import BusEvent, Connected, Message
from broker.floods import RateLimited, Rates
from broker.program import BrokerError


class FakeBus:
    def __init__(self, *batches: list[BusEvent]) -> None:
        self.batches = list(batches)
        self.published: list[str] = []

    async def next_batch(self, limit: int, timeout_s: float) -> list[BusEvent]:
        return self.batches.pop(0)

    def publish_soon(
        self, topic: str, payload: bytes, *, retain: bool = False, expires_in_s: float | None = None
    ) -> bool:
        self.published.append(topic)
        return True


class FakeBroker:
    def __init__(self, *, fails: bool = False) -> None:
        self.silenced: list[str] = []
        self.fails = fails

    async def silence(self, name: str) -> None:
        self.silenced.append(name)
        if self.fails:
            raise BrokerError("it does not come back")


def messages(name: str, count: int) -> list[BusEvent]:
    return [Message(f"dcnet/1/7/up/{name}", b"x", retained=False)] * count


async def enforced(bus: RateLimited, broker: FakeBroker, count: int) -> None:
    """Let it enforce until so many were silenced."""
    task = asyncio.ensure_future(bus.enforce())
    async with asyncio.timeout(5):
        while len(broker.silenced) < count:  # noqa: ASYNC110
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})


def test_sender_exceeds_with_the_message_after_the_limit() -> None:
    rates = Rates(limit=3)
    assert rates.exceeding(["a", "a", "b"], 100) == []
    assert rates.exceeding(["a", "b"], 130) == []
    assert rates.exceeding(["b", "a"], 159.9) == ["a"]


def test_counts_begin_anew_with_the_next_window() -> None:
    rates = Rates(limit=3)
    assert rates.exceeding(["a"] * 3, 100) == []
    assert rates.exceeding(["a"] * 3, 160) == []
    assert rates.exceeding(["a"], 219) == ["a"]


async def test_flood_is_silenced_once_and_only_others_are_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    broker = FakeBroker()
    batches = [
        [*messages("mallory", 4), *messages("alice", 2), Connected()],
        messages("mallory", 9),
        messages("alice", 1),
    ]
    bus = RateLimited(FakeBus(*batches), broker, limit=3)
    assert await bus.next_batch(100, 1) == [*messages("alice", 2), Connected()]
    assert await bus.next_batch(100, 1) == []
    assert await bus.next_batch(100, 1) == messages("alice", 1)
    await enforced(bus, broker, 1)
    assert broker.silenced == ["mallory"]
    assert caplog.text.count("mallory floods the broker with more than 3 messages a minute") == 1


async def test_topic_that_ends_with_no_name_silences_nobody() -> None:
    batch = messages("x\ntopic readwrite #", 4)
    assert await RateLimited(FakeBus(batch), FakeBroker(), limit=3).next_batch(100, 1) == batch


async def test_broker_that_cannot_silence_is_told_and_the_next_one_still_is(caplog: pytest.LogCaptureFixture) -> None:
    broker = FakeBroker(fails=True)
    bus = RateLimited(FakeBus([*messages("mallory", 4), *messages("trudy", 4)]), broker, limit=3)
    assert await bus.next_batch(100, 1) == []
    await enforced(bus, broker, 2)
    assert broker.silenced == ["mallory", "trudy"]
    assert "it does not come back" in caplog.text


async def test_what_is_below_the_limit_and_what_is_published_passes_as_it_is() -> None:
    inner = FakeBus(batch := [*messages("alice", 3), Connected()])
    bus = RateLimited(inner, None, limit=3)
    assert await bus.next_batch(100, 1) == batch
    assert bus.publish_soon("dcnet/1/7/all/final", b"x", retain=True)
    assert inner.published == ["dcnet/1/7/all/final"]
