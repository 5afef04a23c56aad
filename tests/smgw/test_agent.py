import asyncio
import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from broker import events as bus_events
from broker.home import HomeError
from common.certificates import Role, Subject
from common.frames import Notification
from common.identifiers import RoundNumber
from common.refusal import Refusal
from smgw import agent as shell
from smgw.agent import Agent
from smgw.core.events import (
    ClockStepped,
    Connected,
    Departed,
    Disconnected,
    EdgeErased,
    Effect,
    Event,
    LeaveRequested,
    Left,
    Level,
    Notice,
    Publish,
    ReadingTaken,
    Received,
    Record,
    Refuse,
    RevocationsRenewed,
    Store,
    Subscribe,
    TakeReading,
    Tick,
)
from smgw.core.reading import Reading, ReadingStatus
from smgw.settings import GatewaySettings
from smgw.vault import Vault
from tests.credentials import Administrator
from tests.smgw.records import MEMBERSHIP, edge, sent

NOW_MS = 1_800_000_000_000
READING = Reading(RoundNumber(5), 123, 0, ReadingStatus.VALID)
CONNECTED = bus_events.Connected()


class ScriptedCore:
    """Answers each kind of event with prepared effects, and notes what it was told, and when."""

    def __init__(self, answers: dict[type[Event], list[Effect]]) -> None:
        self.answers = answers
        self.deadline: int | None = None
        self.events: list[Event] = []
        self.times_ms: list[int] = []

    def handle(self, event: Event, now_ms: int) -> list[Effect]:
        self.events.append(event)
        self.times_ms.append(now_ms)
        if isinstance(event, Tick):
            self.deadline = None
        return self.answers.get(type(event), [])


class World:
    """Archive, wire and meter in one, with a diary of what was done to them in which order."""

    def __init__(self, *events: bus_events.BusEvent) -> None:
        self.diary: list[object] = []
        self.events = deque(events)
        self.is_full = False
        self.is_mute = False
        self.list: bytes | None = None
        self.was_used = asyncio.Event()
        self.is_waited_for = asyncio.Event()

    def apply(self, records: Sequence[Record]) -> None:
        if self.is_full:
            raise HomeError("The disk is full.")
        self.diary.append(tuple(records))

    def news(self) -> bytes | None:
        return self.list

    def subscribe(self, topic_filter: str) -> None:
        self.diary.append(topic_filter)
        self.was_used.set()

    def publish_soon(
        self, topic: str, payload: bytes, *, retain: bool = False, expires_in_s: float | None = None
    ) -> bool:
        assert not retain
        self.diary.append((topic, payload, expires_in_s))
        return True

    async def next_batch(self, limit: int, timeout_s: float) -> list[bus_events.BusEvent]:
        assert limit > 1
        assert timeout_s > 0
        if not self.events:
            self.is_waited_for.set()
            await asyncio.Event().wait()
        batch = list(self.events)
        self.events.clear()
        return batch

    async def take(self, round_number: RoundNumber, start_ms: int, end_ms: int) -> Reading:
        self.diary.append(("take", start_ms, end_ms))
        self.was_used.set()
        if self.is_mute:
            await asyncio.Event().wait()
        return READING


def agent_of(core: ScriptedCore, world: World, clock: Callable[[], int] = lambda: NOW_MS) -> Agent:
    return Agent(core, world, world, world, clock)


async def live(core: ScriptedCore, world: World, clock: Callable[[], int] = lambda: NOW_MS) -> Agent:
    agent = agent_of(core, world, clock)
    async with asyncio.timeout(10):
        await agent.run()
    return agent


def test_effects_are_done_in_order_and_neighboring_records_in_one_transaction() -> None:
    records: list[Record] = [MEMBERSHIP, edge(1), sent(5), EdgeErased(edge(1).tunnel)]
    stores = [Store(record) for record in records]
    publish = Publish("up/topic", b"frame", NOW_MS + 2_500)
    core = ScriptedCore({Tick: [*stores[:3], publish, Subscribe("all/+"), stores[3], publish]})
    world = World()
    agent_of(core, world).feed(Tick())
    published = ("up/topic", b"frame", 2.5)
    assert world.diary == [tuple(records[:3]), published, "all/+", (records[3],), published]


def test_nothing_is_sent_when_it_cannot_be_stored() -> None:
    core = ScriptedCore({Tick: [Store(sent(5)), Publish("up/topic", b"frame", NOW_MS + 1)]})
    world = World()
    world.is_full = True
    with pytest.raises(HomeError):
        agent_of(core, world).feed(Tick())
    assert world.diary == []


async def test_vault_error_ends_the_agent() -> None:
    core = ScriptedCore({Connected: [Store(sent(5)), Publish("up/topic", b"frame", NOW_MS + 1)]})
    world = World(CONNECTED, CONNECTED)
    world.is_full = True
    with pytest.raises(ExceptionGroup) as raised:
        await live(core, world)
    assert raised.group_contains(HomeError)
    assert world.diary == []


async def test_bus_events_reach_the_core_as_its_own_in_order() -> None:
    message = bus_events.Message("down/topic", b"payload", retained=True)
    lost = bus_events.Disconnected("the connection broke off")
    core = ScriptedCore({Disconnected: [Left()]})
    await live(core, World(CONNECTED, message, lost))
    assert core.events == [Connected(), Received("down/topic", b"payload", True), Disconnected()]
    assert core.times_ms == [NOW_MS] * 3


async def test_meter_is_read_and_its_reading_handed_in() -> None:
    core = ScriptedCore({Connected: [TakeReading(RoundNumber(5), 1_000, 2_000)], ReadingTaken: [Left()]})
    world = World(CONNECTED)
    await live(core, world)
    assert world.diary == [("take", 1_000, 2_000)]
    assert core.events[-1] == ReadingTaken(READING)


async def test_meter_that_does_not_answer_gives_no_valid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "READING_WITHIN_S", 0.01)
    core = ScriptedCore({Connected: [TakeReading(RoundNumber(5), 1_000, 2_000)], ReadingTaken: [Left()]})
    world = World(CONNECTED)
    world.is_mute = True
    await live(core, world)
    assert core.events[-1] == ReadingTaken(Reading(RoundNumber(5), 0, 0, ReadingStatus.BOUNDARY_MISSING))


async def test_stop_does_not_wait_for_the_meter() -> None:
    core = ScriptedCore({Connected: [TakeReading(RoundNumber(5), 1_000, 2_000)]})
    world = World(CONNECTED)
    world.is_mute = True
    agent = agent_of(core, world)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(agent.run())
        await world.was_used.wait()
        agent.stop()
    assert core.events == [Connected()], "the meter's answer was not waited for"


async def test_deadline_that_has_come_is_a_tick() -> None:
    core = ScriptedCore({Tick: [Left()]})
    core.deadline = NOW_MS
    await live(core, World())
    assert core.events == [Tick()]


async def test_deadline_that_an_event_sets_is_kept() -> None:
    core, world = ScriptedCore({Tick: [Left()]}), World()
    agent = agent_of(core, world)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(agent.run())
        await world.is_waited_for.wait()
        core.deadline = NOW_MS
        agent.feed(Connected())
    assert core.events == [Connected(), Tick()]


async def test_clock_step_during_the_wait_is_told_with_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "RECHECK_S", 0.01)
    monkeypatch.setattr(shell, "steady_ms", lambda: 5_000)
    looks = iter(range(1_000))
    core = ScriptedCore({Tick: [Left()]})
    core.deadline = NOW_MS + 3_600_000
    await live(core, World(), lambda: NOW_MS if next(looks) < 5 else NOW_MS + 3_600_000)
    assert core.events == [ClockStepped(3_600_000), Tick()]


async def test_a_clock_without_a_deadline_is_watched_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "RECHECK_S", 0.01)
    monkeypatch.setattr(shell, "steady_ms", lambda: 5_000)
    looks = iter(range(1_000))
    core = ScriptedCore({ClockStepped: [Left()]})
    await live(core, World(), lambda: NOW_MS if next(looks) < 5 else NOW_MS - 1_000)
    assert core.events == [ClockStepped(-1_000)]


async def test_time_that_passes_is_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "RECHECK_S", 0.01)
    beats = iter(range(0, 10**9, 60_000))
    now = [NOW_MS]

    def clock() -> int:
        now[0] = NOW_MS + next(beats)
        return now[0]

    monkeypatch.setattr(shell, "steady_ms", lambda: now[0] - NOW_MS)
    core = ScriptedCore({Tick: [Left()]})
    core.deadline = NOW_MS + 3_600_000
    await live(core, World(), clock)
    assert core.events == [Tick()]


async def test_a_list_that_somebody_installs_reaches_the_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "NEWS_S", 0.01)
    core, world = ScriptedCore({RevocationsRenewed: [Left()]}), World()
    world.list = b"a newer list"
    await live(core, world)
    assert core.events == [RevocationsRenewed(b"a newer list")]


async def test_a_clock_set_back_during_the_wait_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "RECHECK_S", 0.01)
    looks = iter(range(1_000))
    core = ScriptedCore({Tick: [Left()]})
    core.deadline = NOW_MS + 3_600_000
    await live(core, World(), lambda: NOW_MS if next(looks) < 5 else NOW_MS - 60_000)
    assert [type(event) for event in core.events] == [ClockStepped, Tick]


async def test_leaving_is_asked_of_the_core_and_ends_when_it_has_left() -> None:
    core = ScriptedCore({LeaveRequested: [Store(Departed()), Left()]})
    world = World(CONNECTED, CONNECTED)
    agent = agent_of(core, world)
    agent.leave()
    async with asyncio.timeout(10):
        await agent.run()
    assert world.diary == [(Departed(),)]
    assert core.events == [LeaveRequested()], "after it has left, the core hears nothing more"


def test_refusals_are_counted_and_logged_once_a_minute_for_each_reason(caplog: pytest.LogCaptureFixture) -> None:
    core = ScriptedCore(
        {Received: [Refuse(Refusal.STALE, Notification.CORRECTION)], Tick: [Refuse(Refusal.BAD_DATA, None)]}
    )
    agent = agent_of(core, World())
    for event in (Received("t", b"payload"), Received("t", b"payload"), Tick()):
        agent.feed(event)
    assert agent.refusals == {Refusal.STALE: 2, Refusal.BAD_DATA: 1}
    assert [record.getMessage() for record in caplog.records] == [
        "refused: CORRECTION, because its timestamp is too old",
        "refused: message, because its data does not decode",
    ]


def test_notices_are_logged_by_weight(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    core = ScriptedCore({Tick: [Notice(level, level.name) for level in Level]})
    agent_of(core, World()).feed(Tick())
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "WARNING", "ERROR", "CRITICAL"]


class Part:
    """The world as a bus or as a meter, whose end is noted."""

    def __init__(self, stage: "Stage", name: str) -> None:
        self._stage = stage
        self._name = name

    def __getattr__(self, attribute: str) -> Any:  # noqa: ANN401 -- whatever the world has
        return getattr(self._stage.world, attribute)

    async def __aenter__(self) -> None:
        return

    async def __aexit__(self, *_: object) -> None:
        self._stage.ends.append(self._name)


class Stage:
    """Everything around `run`: the bus and the meter are played, vault and core are real."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        self.world = World()
        self.ends: list[str] = []
        monkeypatch.setattr(shell, "Bus", lambda *_, **__: Part(self, "bus"))
        monkeypatch.setattr(shell, "open_meter", lambda _: Part(self, "meter"))
        table = {
            "name": "lindenweg-12",
            "region": "lindenhof",
            "home": home,
            "meter": {"kind": "simulator", "seed": 1},
        }
        self.settings = GatewaySettings.model_validate(table)

    async def run(self, **options: Any) -> int:  # noqa: ANN401 -- passed on as they are
        async with asyncio.timeout(10):
            return await shell.run(self.settings, **options)

    async def run_and_send(self, number: signal.Signals) -> int:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            running = group.create_task(shell.run(self.settings))
            await self.world.was_used.wait()
            os.kill(os.getpid(), number)
        return running.result()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    home = tmp_path / "gateway"
    Administrator(tmp_path).issue(home, Subject(Role.GATEWAY, "lindenweg-12", "lindenhof"))
    return Stage(monkeypatch, home)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signal_stops_meter_first_and_then_the_bus(stage: Stage, number: signal.Signals) -> None:
    stage.world.events.append(CONNECTED)
    assert await stage.run_and_send(number) == 0
    assert stage.ends == ["meter", "bus"]


async def test_signal_to_leave_ends_a_gateway_without_a_network(stage: Stage) -> None:
    stage.world.events.append(CONNECTED)
    assert await stage.run_and_send(signal.SIGUSR1) == 0


async def test_start_with_leave_ends_a_gateway_without_a_network(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert await stage.run(leave=True) == 0
    assert "may be switched off" in caplog.text


async def test_unusable_home_is_one_sentence_and_status_1(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.settings.home.chmod(0o755)
    assert await stage.run() == 1
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]
    assert "Run:  chmod 700" in caplog.text


async def test_without_a_certificate_it_says_how_to_get_one(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    (stage.settings.home / "certificate.pem").unlink()
    assert await stage.run() == 1
    assert "dcnet smgw install" in caplog.text


@pytest.mark.parametrize("change", [{"name": "lindenweg-14"}, {"region": "north"}])
async def test_a_certificate_for_another_name_or_region_is_refused(
    stage: Stage, caplog: pytest.LogCaptureFixture, change: dict[str, str]
) -> None:
    stage.settings = stage.settings.model_copy(update=change)
    assert await stage.run() == 1
    assert "is for lindenweg-12 in region lindenhof, and the settings are for" in caplog.text


async def test_vault_that_fills_up_stops_the_gateway_with_status_1(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = ScriptedCore({Connected: [Store(sent(5)), Publish("up/topic", b"frame", NOW_MS + 1)]})
    monkeypatch.setattr(shell, "Member", lambda *_: core)
    stage.world.is_full = True
    monkeypatch.setattr(Vault, "apply", lambda _, records: stage.world.apply(records))
    stage.world.events.append(CONNECTED)
    assert await stage.run() == 1
    assert "stopped: The disk is full." in caplog.text
    assert stage.world.diary == []
    assert stage.ends == ["meter", "bus"]
