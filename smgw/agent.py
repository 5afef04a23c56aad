"""The gateway's shell: hands what happens to the member core, and does what the core wants done, in this order.

It decides nothing. It runs in one event loop, and `feed` is an ordinary function: effects of one event are done before
the next event is looked at. That includes the wait for the disk. There is nothing to do meanwhile, since whatever
follows a record may only happen once that record is kept, and a stop can't come in between.
"""

import asyncio
import logging
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import Final, Protocol, final

from broker import events as bus_events
from broker.bus import Bus
from broker.credentials import Credentials, load_credentials
from broker.groups import leaves
from broker.home import HomeError
from broker.pace import OncePerMinute
from common.certificates import Role
from common.draws import DrawValues
from common.identifiers import RoundNumber
from common.refusal import Refusal
from common.suites import BASIC, BASIC_WARNING, NAMED
from smgw.core.events import (
    ClockStepped,
    Connected,
    Disconnected,
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
from smgw.core.member import Member
from smgw.core.reading import Reading, ReadingStatus
from smgw.core.situation import MemberRules
from smgw.evidence import read_evidence, summary
from smgw.lmn.settings import open_meter
from smgw.lmn.source import MeterError
from smgw.settings import GatewaySettings
from smgw.vault import Vault

log = logging.getLogger(__name__)

RECHECK_S: Final = 1.0
"""The wall clock may be stepped while the loop waits on the steady one: look at it again at least this often."""

TICK_APART_S: Final = 0.01
"""Ticks come at least this far apart, whatever deadline the core names."""

STEP_MS: Final = 1_000
"""By how much the wall clock must move against the steady one for the core to hear of it: the least tolerance."""

NEWS_S: Final = 10
"""How often the home directory is looked at for a newer list of revoked certificates."""

READING_WITHIN_S: Final = 10
"""Limit for the meter's answer; without one the round has no reading."""

LISTEN_S: Final = 60
BATCH_MAX: Final = 100

_LOG_LEVELS: Final = {
    Level.INFO: logging.INFO,
    Level.WARNING: logging.WARNING,
    Level.TEMPORARY: logging.WARNING,
    Level.CRITICAL: logging.ERROR,
    Level.FATAL: logging.CRITICAL,
}


class Core(Protocol):
    """The member core as the shell sees it."""

    @property
    def deadline(self) -> int | None:
        """When it wants a `Tick`, in Unix milliseconds."""

    def handle(self, event: Event, now_ms: int) -> list[Effect]:
        """Take an event, say what is to be done."""


class Archive(Protocol):
    """Where records go."""

    def apply(self, records: Sequence[Record]) -> None:
        """Keep them; on the disk on return, or a HomeError."""

    def news(self) -> bytes | None:
        """A list of revoked certificates (DER) that somebody has put there since the last look."""


class Wire(Protocol):
    """The bus as the shell uses it."""

    def subscribe(self, topic_filter: str) -> None:
        """Want these messages."""

    def publish_soon(
        self, topic: str, payload: bytes, *, retain: bool = False, expires_in_s: float | None = None
    ) -> bool:
        """Hand in a message."""

    async def next_batch(self, limit: int, timeout_s: float) -> list[bus_events.BusEvent]:
        """Wait for events."""


class Registers(Protocol):
    """The meter as the shell uses it."""

    async def take(self, round_number: RoundNumber, start_ms: int, end_ms: int) -> Reading:
        """The energy of an interval."""


class _StopRequested(Exception):  # noqa: N818 -- it reports no error; it ends the task group
    """The gateway shall stop."""


def wall_ms() -> int:
    """Unix time in milliseconds: the only place where the gateway's protocol looks at a clock."""
    return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """Milliseconds that nobody sets, and that go on while the machine sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


@final
class Agent:
    """One gateway at work. `refusals` counts what was refused, by reason."""

    def __init__(
        self, core: Core, archive: Archive, wire: Wire, meter: Registers, clock: Callable[[], int] = wall_ms
    ) -> None:
        self.refusals: Final[Counter[Refusal]] = Counter()
        self._core: Final = core
        self._archive: Final = archive
        self._wire: Final = wire
        self._meter: Final = meter
        self._clock: Final = clock
        self._was_fed: Final = asyncio.Event()
        self._leave: Final = asyncio.Event()
        self._stop: Final = asyncio.Event()
        self._quiet: Final = OncePerMinute()
        self._tasks: Final = asyncio.TaskGroup()

    def leave(self) -> None:
        """Leave the network for good; `run` ends when the provider has confirmed it."""
        self._leave.set()

    def stop(self) -> None:
        """End `run`; the gateway stays a member of its network."""
        self._stop.set()

    async def run(self) -> None:
        """Work until `stop`, or until the gateway has left its network.

        Raises:
            ExceptionGroup: with a HomeError, when a record could not be kept; nothing that depends on it was sent.
        """
        try:
            async with self._tasks:
                self._tasks.create_task(self._end_when_asked())
                self._tasks.create_task(self._leave_when_asked())
                self._tasks.create_task(self._listen())
                self._tasks.create_task(self._keep_time())
                self._tasks.create_task(self._watch_list())
        except* _StopRequested:
            pass
        finally:
            if self.refusals:
                counts = ", ".join(f"{reason.name} {count}" for reason, count in self.refusals.most_common())
                log.info("refused since the start: %s", counts)

    async def _end_when_asked(self) -> None:
        await self._stop.wait()
        raise _StopRequested

    async def _leave_when_asked(self) -> None:
        await self._leave.wait()
        self.feed(LeaveRequested())

    async def _listen(self) -> None:
        while True:
            for event in await self._wire.next_batch(BATCH_MAX, LISTEN_S):
                self.feed(_translate(event))

    async def _watch_list(self) -> None:
        while True:
            await asyncio.sleep(NEWS_S)
            der = await asyncio.to_thread(self._archive.news)
            if der is not None:
                self.feed(RevocationsRenewed(der))

    async def _keep_time(self) -> None:
        seen_ms, apart_ms = self._clock(), self._clock() - steady_ms()
        while True:
            now_ms = self._clock()
            before_ms, apart_ms = apart_ms, now_ms - steady_ms()
            step_ms = apart_ms - before_ms
            if abs(step_ms) >= STEP_MS:
                self.feed(ClockStepped(step_ms))
            deadline_ms = self._core.deadline
            # A deadline that was named before the clock was set back may now be far away: the core names another.
            if deadline_ms is not None and (now_ms >= deadline_ms or now_ms < seen_ms):
                self.feed(Tick())
            seen_ms = now_ms
            self._was_fed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s()):
                    await self._was_fed.wait()

    def _wait_s(self) -> float:
        """How long to wait for the deadline, unless an event moves it."""
        deadline_ms = self._core.deadline
        if deadline_ms is None:
            return RECHECK_S
        return min(max((deadline_ms - self._clock()) / 1000, TICK_APART_S), RECHECK_S)

    async def _read_meter(self, order: TakeReading) -> None:
        try:
            async with asyncio.timeout(READING_WITHIN_S):
                reading = await self._meter.take(order.round, order.start_ms, order.end_ms)
        except TimeoutError:
            log.warning("the meter did not answer within %d s; round %d has no reading", READING_WITHIN_S, order.round)
            reading = Reading(order.round, 0, 0, ReadingStatus.BOUNDARY_MISSING)
        self.feed(ReadingTaken(reading))

    def feed(self, event: Event) -> None:
        """Hand one event to the core and do what it wants. After `stop` nothing happens any more.

        Raises:
            HomeError: A record could not be kept; the effects after it were not done.
        """
        if self._stop.is_set():
            return
        effects = self._core.handle(event, self._clock())
        for is_record, run in groupby(effects, lambda effect: isinstance(effect, Store)):
            if is_record:
                self._archive.apply([effect.record for effect in run if isinstance(effect, Store)])
            else:
                for effect in run:
                    self._do(effect)
        self._was_fed.set()

    def _do(self, effect: Effect) -> None:
        match effect:
            case Publish(topic, payload, expires_ms):
                self._wire.publish_soon(topic, payload, expires_in_s=(expires_ms - self._clock()) / 1000)
            case Subscribe(topic_filter):
                self._wire.subscribe(topic_filter)
            case TakeReading():
                self._tasks.create_task(self._read_meter(effect))
            case Notice(level, text):
                log.log(_LOG_LEVELS[level], "%s", text)
            case Refuse():
                self._count(effect)
            case Left():
                log.info("the gateway is in no network any more; it may be switched off")
                self.stop()
            case Store():
                raise AssertionError("records are kept together, in `feed`")

    def _count(self, refusal: Refuse) -> None:
        self.refusals[refusal.reason] += 1
        kind = refusal.reason.name
        if self._quiet.allows(kind, time.monotonic()):
            what = "message" if refusal.notification is None else refusal.notification.name.replace("_", " ")
            held_back = self._quiet.held_back(kind)
            more = f" ({held_back} more of this kind in the minutes before)" if held_back else ""
            log.warning("refused: %s, because %s%s", what, refusal.reason.sentence, more)


def _translate(event: bus_events.BusEvent) -> Event:
    match event:
        case bus_events.Message(topic, payload, is_retained):
            return Received(topic, payload, is_retained)
        case bus_events.Connected():
            return Connected()
        case bus_events.Disconnected():
            return Disconnected()


async def run(settings: GatewaySettings, *, leave: bool = False) -> int:
    """Be a gateway until SIGINT or SIGTERM; SIGUSR1 or `leave` makes it leave its network first.

    Args:
        settings: The owner's settings.
        leave: Whether to leave the network for good and then end.

    Returns:
        The exit status: 0 after a clean stop or an exit that the provider confirmed, 1 when the credentials, the vault
        or the meter can't be used; why, the log says in a sentence.
    """
    status = 0
    try:
        credentials = load_credentials(settings.home, Role.GATEWAY, wall_ms())
        rules = rules_of(settings, credentials)
        with Vault(settings.home, settings.ledger_frames) as vault:
            log.info("%s: started, its public key is %s", settings.name, vault.identity.public_key.hex())
            tell_owner(settings)
            core = Member(vault.identity, rules, vault.load(), random.SystemRandom(), wall_ms())
            bus, meter = Bus(settings.broker, settings.name, credentials=settings.home), open_meter(settings.meter)
            agent = Agent(core, vault, bus, meter)
            if leave:
                agent.leave()
            with _signals(agent):
                async with bus, meter:
                    await agent.run()
        log.info("%s: stopped", settings.name)
    except* (HomeError, MeterError) as errors:
        for error in leaves(errors):
            log.critical("%s: stopped: %s", settings.name, error)
        status = 1
    return status


def tell_owner(settings: GatewaySettings) -> None:
    """Log what the owner should know at every start: a weak suite, and what is held against the provider.

    Raises:
        HomeError: The vault cannot be read.
    """
    if NAMED[settings.suite] is BASIC:
        log.warning("%s: %s", settings.name, BASIC_WARNING)
    if kept := summary(read_evidence(settings.home)):
        log.warning("%s: evidence against the provider is kept: %s", settings.name, kept)


@contextmanager
def _signals(agent: Agent) -> Iterator[None]:
    """Let signals reach the agent while inside."""
    loop = asyncio.get_running_loop()
    actions = {signal.SIGINT: agent.stop, signal.SIGTERM: agent.stop, signal.SIGUSR1: agent.leave}
    for number, action in actions.items():
        loop.add_signal_handler(number, action)
    try:
        yield
    finally:
        for number in actions:
            loop.remove_signal_handler(number)


def rules_of(settings: GatewaySettings, credentials: Credentials) -> MemberRules:
    """What the core goes by: the owner's settings, and the credentials in the home directory.

    Raises:
        HomeError: The certificate is for another name or region than the settings.
    """
    subject, provider = credentials.certificate.subject, credentials.provider
    assert provider is not None, "a gateway's credentials have the provider's certificate"
    if (subject.name, subject.region) != (settings.name, settings.region):
        raise HomeError(
            f"The certificate in {settings.home} is for {subject.name} in region {subject.region}, and the settings"
            f" are for {settings.name} in region {settings.region}. Correct the settings, or install the certificate"
            " that was issued for them."
        )
    return MemberRules(
        settings.name,
        settings.region,
        NAMED[settings.suite],
        credentials.authority,
        credentials.certificate.der,
        provider.public_key,
        credentials.revocations,
        DrawValues(credentials.identity, settings.region),
        settings.members_min,
        settings.masks_min,
        settings.draws_min if settings.draws_min is not None else NAMED[settings.suite].draws,
        settings.degree_max,
        round(settings.period_min_s * 1000),
    )
