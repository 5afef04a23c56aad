import json
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from broker import events as bus_events
from broker.events import BusEvent
from broker.home import HomeError
from common.frames import Notification
from common.identifiers import NetworkId
from common.refusal import Refusal
from provider.aggregator import BATCH_MAX, PATIENCE_S, Aggregator
from provider.core.events import (
    Connected,
    Disconnected,
    Effect,
    Event,
    Message,
    Notice,
    Publish,
    Received,
    Record,
    Refuse,
    RevocationsRenewed,
    RoundClosed,
    RoundResult,
    Store,
    Tick,
)
from provider.results import ResultsFile
from tests.provider.records import complete, final, member, pending, refused, waiting

NOW_MS = 1_000_000


@dataclass
class World:
    """A machine that answers from a list, and a bus, a store and a file that note what is asked of them, in order."""

    batches: deque[list[BusEvent]] = field(default_factory=deque)
    answers: deque[list[Effect]] = field(default_factory=deque)
    deadline: int | None = None
    is_disk_full: bool = False
    handled: list[tuple[Event, int]] = field(default_factory=list)
    done: list[tuple[object, ...]] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)

    def handle(self, event: Event, now_ms: int) -> Sequence[Effect]:
        self.handled.append((event, now_ms))
        return self.answers.popleft() if self.answers else []

    async def next_batch(self, limit: int, timeout_s: float) -> list[BusEvent]:
        self.limits.append(limit)
        self.waits_s.append(timeout_s)
        return self.batches.popleft() if self.batches else []

    def publish_soon(
        self, topic: str, payload: bytes, *, retain: bool = False, expires_in_s: float | None = None
    ) -> bool:
        self.done.append(("publish", topic, payload, retain, expires_in_s))
        return True

    def apply(self, records: Iterable[Record]) -> None:
        if self.is_disk_full:
            raise HomeError("The disk is full.")
        self.done.append(("store", *records))

    def append(self, results: Iterable[RoundResult]) -> None:
        if self.is_disk_full:
            raise HomeError("The disk is full.")
        self.done.append(("line", *results))

    def aggregator(self) -> Aggregator:
        return Aggregator(self, self, self, self, clock=lambda: NOW_MS)

    @property
    def names(self) -> list[object]:
        return [each[0] for each in self.done]


@pytest.fixture
def world() -> World:
    return World()


def arrival(number: int, retained: bool = False) -> bus_events.Message:
    return bus_events.Message(f"dcnet/1/7/up/gw-{number}", bytes([number]), retained)


def publish(name: str, expires_ms: int = NOW_MS + 2_500) -> Publish:
    return Publish(name, name.encode(), expires_ms)


async def test_all_messages_that_wait_go_in_at_once(world: World) -> None:
    world.batches.append([arrival(1), arrival(2, retained=True), arrival(3)])
    await world.aggregator().step()
    messages = (
        Message("dcnet/1/7/up/gw-1", b"\x01", False),
        Message("dcnet/1/7/up/gw-2", b"\x02", True),
        Message("dcnet/1/7/up/gw-3", b"\x03", False),
    )
    assert world.handled == [(Received(messages), NOW_MS)]
    assert world.limits == [BATCH_MAX]


async def test_a_clock_set_back_is_told_to_the_machine(world: World) -> None:
    times = iter([NOW_MS, NOW_MS, NOW_MS - 60_000, NOW_MS - 60_000])
    world.deadline = NOW_MS + 3_600_000
    await Aggregator(world, world, world, world, clock=lambda: next(times)).step()
    assert world.handled == [(Tick(), NOW_MS - 60_000)]


async def test_the_order_of_connections_and_messages_is_kept(world: World) -> None:
    world.batches.append([arrival(1), bus_events.Disconnected("gone"), bus_events.Connected(), arrival(2), arrival(3)])
    await world.aggregator().step()
    assert [type(event) for event, _ in world.handled] == [Received, Disconnected, Connected, Received]


async def test_what_was_handed_in_comes_behind_the_messages_and_before_the_deadline(world: World) -> None:
    world.deadline = NOW_MS
    world.batches.append([arrival(1)])
    aggregator = world.aggregator()
    aggregator.hand_in(RevocationsRenewed(b"list"))
    await aggregator.step()
    assert [type(event) for event, _ in world.handled] == [Received, RevocationsRenewed, Tick]


async def test_nothing_is_handled_when_nothing_came_and_no_deadline_is_due(world: World) -> None:
    world.deadline = NOW_MS + 1
    await world.aggregator().step()
    assert world.handled == []


async def test_a_deadline_that_is_due_is_a_tick_behind_the_messages(world: World) -> None:
    world.deadline = NOW_MS
    world.batches.append([arrival(1)])
    await world.aggregator().step()
    assert [type(event) for event, _ in world.handled] == [Received, Tick]


@pytest.mark.parametrize(
    ("deadline", "wait_s"),
    [(None, PATIENCE_S), (NOW_MS + 250, 0.25), (NOW_MS - 5_000, 0), (NOW_MS + 900_000, PATIENCE_S)],
)
async def test_the_wait_ends_with_the_deadline_and_never_lasts_long(
    world: World, deadline: int | None, wait_s: float
) -> None:
    world.deadline = deadline
    await world.aggregator().step()
    assert world.waits_s == [wait_s]


async def test_all_records_of_an_event_are_one_transaction_before_all_else_in_order(world: World) -> None:
    world.batches.append([arrival(1)])
    world.answers.append(
        [
            Store(member(1)),
            publish("first"),
            Store(final(10)),
            Store(complete(10)),
            RoundClosed(complete(10), 8),
            publish("second"),
        ]
    )
    await world.aggregator().step()
    assert world.done[0] == ("store", member(1), final(10), complete(10))
    assert [each[1] for each in world.done[1:]] == ["first", "dcnet/1/7/result", complete(10), "second"]


async def test_nothing_is_stored_when_there_is_nothing_to_store(world: World) -> None:
    world.batches.append([arrival(1)])
    world.answers.append([publish("first")])
    await world.aggregator().step()
    assert world.names == ["publish"]


async def test_rounds_that_close_together_are_one_write_and_the_last_of_each_network_is_published(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    other = complete(5, network=NetworkId(8))
    closed = [refused(10), refused(11), refused(12), other]
    world.batches.append([arrival(1)])
    world.answers.append([RoundClosed(result, 8) for result in closed])
    await world.aggregator().step()
    assert [each[1] for each in world.done[:-1]] == ["dcnet/1/7/result", "dcnet/1/8/result"]
    assert '"round":12,' in str(world.done[0][2])
    assert world.done[-1] == ("line", *closed)
    assert caplog.messages[0].startswith("rounds 10 to 12 (north): refused")


async def test_nothing_is_sent_when_it_cannot_be_stored(world: World) -> None:
    world.is_disk_full = True
    world.batches.append([arrival(1)])
    world.answers.append([Store(final(10)), publish("final")])
    with pytest.raises(HomeError):
        await world.aggregator().step()
    assert world.done == []


async def test_a_message_expires_when_the_machine_says(world: World) -> None:
    world.batches.append([arrival(1)])
    world.answers.append(
        [publish("soon"), publish("late", NOW_MS - 1), Publish("kept", b"x", NOW_MS + 1_000, is_retained=True)]
    )
    await world.aggregator().step()
    assert world.done == [
        ("publish", "soon", b"soon", False, 2.5),
        ("publish", "late", b"late", False, 0),
        ("publish", "kept", b"x", True, 1.0),
    ]


async def test_a_closed_round_is_told_published_and_written(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world.batches.append([arrival(1)])
    world.answers.append([RoundClosed(complete(10), 8)])
    await world.aggregator().step()
    (_, topic, payload, retain, _), line = world.done
    assert (topic, retain) == ("dcnet/1/7/result", True)
    assert isinstance(payload, bytes)
    assert json.loads(payload)["round"] == 10
    assert line == ("line", complete(10))
    assert "round 10 (north): 8 of 8, complete, 1.234 kWh import, 0.2 kWh export" in caplog.messages


async def test_a_round_that_waits_for_shares_is_told_and_published_and_has_no_line(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.batches.append([arrival(1)])
    world.answers.append([Store(pending(10)), RoundClosed(waiting(10), 8)])
    await world.aggregator().step()
    stored, published, line = world.done
    assert stored == ("store", pending(10))
    assert (published[1], line) == ("dcnet/1/7/result", ("line",))
    payload = published[2]
    assert isinstance(payload, bytes)
    shown = json.loads(payload)
    assert (shown["round"], shown["status"], shown["import_dwh"], shown["warning"]) == (10, "pending", None, "")
    assert shown["why"] == waiting(10).why.value
    assert caplog.messages == [f"round 10 (north): 8 of 8, pending: {waiting(10).why.value}"]


async def test_a_round_that_waited_has_its_line_with_its_result(world: World, tmp_path: Path) -> None:
    file = ResultsFile(tmp_path / "results.csv")
    aggregator = Aggregator(world, world, world, file, clock=lambda: NOW_MS)
    for closed in ([waiting(10), complete(11)], [complete(10)]):
        world.batches.append([arrival(1)])
        world.answers.append([RoundClosed(result, 8) for result in closed])
        await aggregator.step()
    _, *lines = (tmp_path / "results.csv").read_text().splitlines()
    assert [line.split(",")[2:5:2] for line in lines] == [["11", "complete"], ["10", "complete"]]


async def test_a_results_file_that_fails_stops_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.is_disk_full = True
    world.batches.append([arrival(1)])
    world.answers.append([RoundClosed(complete(10), 8), publish("next"), RoundClosed(complete(11), 8)])
    await world.aggregator().step()
    assert world.names == ["publish", "publish", "publish"]
    assert caplog.messages.count("The disk is full.") == 1


async def test_refusals_are_counted_by_reason_and_shown_with_the_next_result(world: World) -> None:
    late = Refuse(Refusal.LATE, Notification.SUPERPOSITION, "dcnet/1/7/up/gw-1")
    world.batches.append([arrival(1)])
    world.answers.append([late, late, Refuse(Refusal.TOO_SHORT, None, "t"), RoundClosed(complete(10), 8)])
    aggregator = world.aggregator()
    await aggregator.step()
    assert aggregator.counters == {"late": 2, "too_short": 1}
    payload = world.done[0][2]
    assert isinstance(payload, bytes)
    shown = json.loads(payload)
    assert (shown["refused"], shown["refused_late"], shown["refused_too_short"]) == (3, 2, 1)


async def test_a_kind_of_refusal_is_said_once_a_minute(world: World, caplog: pytest.LogCaptureFixture) -> None:
    late = Refuse(Refusal.LATE, Notification.SUPERPOSITION, "dcnet/1/7/up/gw-1")
    world.batches.append([arrival(1)])
    world.answers.append([*[late] * 50, Refuse(Refusal.TOO_SHORT, None, "t")])
    await world.aggregator().step()
    assert caplog.messages == [
        f"refused a SUPERPOSITION on dcnet/1/7/up/gw-1: {Refusal.LATE.sentence}",
        "refused a message on t: it is shorter than a header and a signature",
    ]


async def test_a_notice_is_logged_with_its_weight(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world.batches.append([arrival(1)])
    world.answers.append([Notice("a gateway came"), Notice("the key graph split", is_warning=True)])
    await world.aggregator().step()
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", "a gateway came"),
        ("WARNING", "the key graph split"),
    ]


async def test_the_warning_of_small_sums_is_said_when_it_begins_and_when_it_ends(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.batches.append([arrival(1)])
    world.answers.append([RoundClosed(complete(number, size), 8) for number, size in enumerate((35, 8, 9, 30))])
    await world.aggregator().step()
    assert [message for message in caplog.messages if message.startswith("network")] == [
        "network 7 (north): demonstration, not private: its sums cover 8 contributors, fewer than 30",
        "network 7 (north): 30 contributors now",
    ]


async def test_whoever_waits_for_the_bus_is_told_when_the_machine_has_heard_of_it(world: World) -> None:
    aggregator = world.aggregator()
    await aggregator.step()
    assert not aggregator.connected.is_set()
    world.batches.append([bus_events.Connected()])
    await aggregator.step()
    assert aggregator.connected.is_set()
