"""The loop around the provider's machine: messages or the deadline go in, effects come out and are done in order.

It decides nothing about the protocol. All messages that wait go in at once, so that the machine reads and adds frames
in batches; all records of one event are stored in one transaction, before anything is sent.
Source: ARCHITECTURE.md, "Two pure cores, thin shells".
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, Protocol, assert_never

from broker import events as bus_events
from broker.home import HomeError
from broker.pace import OncePerMinute
from common import topics
from common.identifiers import NetworkId
from common.sizes import PRIVATE_MIN
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
    RoundClosed,
    RoundResult,
    RoundStatus,
    Store,
    Tick,
)
from provider.refusals import Refusals
from provider.results import DEMONSTRATION, as_json, as_sentences, is_demonstration

log = logging.getLogger(__name__)

BATCH_MAX: Final = 1_000_000
"""As many messages as there can be: one left behind would be looked at only after a deadline that it had met."""

PATIENCE_S: Final = 1.0
"""The longest wait without a look at the clock, which may be set forward at any time."""


class Machine(Protocol):
    """The pure core; `provider.core.machine.ProviderMachine` is one."""

    def handle(self, event: Event, now_ms: int) -> Sequence[Effect]:
        """What is to be done about an event."""

    @property
    def deadline(self) -> int | None:
        """When it wants a Tick, Unix milliseconds."""


class Exchange(Protocol):
    """What the loop needs of the bus; `broker.bus.Bus` has it."""

    async def next_batch(self, limit: int, timeout_s: float) -> list[bus_events.BusEvent]:
        """Everything that waits, or what comes first within the time."""

    def publish_soon(
        self, topic: str, payload: bytes, *, retain: bool = False, expires_in_s: float | None = None
    ) -> bool:
        """Hand in a message; False when the outbox is full, which the bus counts and logs."""


class Keeper(Protocol):
    """What the loop needs of the store; `provider.store.Store` has it."""

    def apply(self, records: Iterable[Record]) -> None:
        """Keep all of them, on the disk, or none."""


class Ledger(Protocol):
    """What the loop needs of the results file; `provider.results.ResultsFile` has it."""

    def append(self, results: Iterable[RoundResult]) -> None:
        """Write the lines of closed rounds."""


def unix_ms() -> int:
    """The clock of the protocol."""
    return time.time_ns() // 1_000_000


class Aggregator:
    """One provider at work. A cancellation is safe at any point: it leaves what a crash at that point would leave."""

    def __init__(
        self, machine: Machine, bus: Exchange, store: Keeper, results: Ledger, clock: Callable[[], int] = unix_ms
    ) -> None:
        self.connected = asyncio.Event()
        self._machine = machine
        self._bus = bus
        self._store = store
        self._results = results
        self._clock = clock
        self._refusals = Refusals()
        self._quiet = OncePerMinute()
        self._shown: dict[NetworkId, int] = {}
        self._exposed: set[NetworkId] = set()
        self._handed_in: deque[Event] = deque()
        self._seen_ms = clock()

    @property
    def counters(self) -> Mapping[str, int]:
        """How many messages were refused since the start, by reason, `bad_signature` for example."""
        return {reason.name.lower(): count for reason, count in self._refusals.counts.items()}

    def hand_in(self, event: Event) -> None:
        """Let the machine know of something that did not come over the bus, within a second."""
        self._handed_in.append(event)

    async def run(self) -> None:
        """Work for ever.

        Raises:
            HomeError: Nothing can be stored any more; then nothing was sent that needed it.
        """
        while True:
            await self.step()

    async def step(self) -> None:
        """Wait for messages or the deadline, and do what is to be done."""
        for event in _events(await self._bus.next_batch(BATCH_MAX, self._patience_s())):
            await self._perform(self._machine.handle(event, self._clock()))
            if isinstance(event, Connected):
                self.connected.set()
        while self._handed_in:
            await self._perform(self._machine.handle(self._handed_in.popleft(), self._clock()))
        deadline, now_ms = self._machine.deadline, self._clock()
        # A deadline that was named before the clock was set back may now be far away: the machine names another.
        if deadline is not None and (deadline <= now_ms or now_ms < self._seen_ms):
            await self._perform(self._machine.handle(Tick(), now_ms))
        self._seen_ms = now_ms

    def _patience_s(self) -> float:
        deadline = self._machine.deadline
        if deadline is None:
            return PATIENCE_S
        return min(max(deadline - self._clock(), 0) / 1000, PATIENCE_S)

    async def _perform(self, effects: Sequence[Effect]) -> None:
        """Store first, in one transaction: a crash leaves all of an event's records or none. Then do the rest."""
        if records := [effect.record for effect in effects if isinstance(effect, Store)]:
            await asyncio.to_thread(self._store.apply, records)
        for is_closing, group in groupby(effects, lambda effect: isinstance(effect, RoundClosed)):
            if is_closing:
                self._close([effect for effect in group if isinstance(effect, RoundClosed)])
            else:
                for effect in group:
                    self._do(effect)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Publish():
                expires_in_s = max(effect.expires_ms - self._clock(), 0) / 1000
                self._bus.publish_soon(
                    effect.topic, effect.payload, retain=effect.is_retained, expires_in_s=expires_in_s
                )
            case Refuse():
                self._refusals.note(effect)
            case Notice():
                log.log(logging.WARNING if effect.is_warning else logging.INFO, "%s", effect.text)
            case Store() | RoundClosed():
                pass
            case _:
                assert_never(effect)

    def _close(self, closed: Sequence[RoundClosed]) -> None:
        """Show rounds that closed together: to people, to programs, and in the file. They are stored already.

        After an outage these can be thousands without a sum; the result topic then shows each network's last one.
        """
        results = [effect.result for effect in closed]
        for sentence in as_sentences(results):
            log.info("%s", sentence)
        for result in results:
            self._warn_of_size(result)
        for network, last in {effect.result.network: effect for effect in closed}.items():
            payload = as_json(last.result, last.certified, self._refusals.counts)
            is_newest = last.result.round >= self._shown.get(network, 0)
            self._shown[network] = max(last.result.round, self._shown.get(network, 0))
            self._bus.publish_soon(topics.result(network), payload, retain=is_newest)
        try:
            self._results.append(result for result in results if result.status is not RoundStatus.PENDING)
        except HomeError as error:
            if self._quiet.allows("results", time.monotonic()):
                log.error("%s", error)

    def _warn_of_size(self, result: RoundResult) -> None:
        """Say when a network's sums begin to cover too few contributors, and when they cover enough again."""
        if result.contributors is None or is_demonstration(result) == (result.network in self._exposed):
            return
        self._exposed ^= {result.network}
        if is_demonstration(result):
            what = f"{DEMONSTRATION}: its sums cover {result.contributors} contributors, fewer than {PRIVATE_MIN}"
            log.warning("network %d (%s): %s", result.network, result.region, what)
        else:
            log.info("network %d (%s): %d contributors now", result.network, result.region, result.contributors)


def _events(batch: Iterable[bus_events.BusEvent]) -> Iterator[Event]:
    """The bus's events as the machine's, with all messages between two others as one."""
    for kind, group in groupby(batch, type):
        if kind is bus_events.Message:
            yield Received(tuple(Message(m.topic, m.payload, m.retained) for m in group if isinstance(m, kind)))
        else:
            yield from (Connected() if kind is bus_events.Connected else Disconnected() for _ in group)
