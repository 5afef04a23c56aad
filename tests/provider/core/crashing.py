"""A small network of real cores in one virtual time, any of which may be killed between any two of its effects.

Everybody starts from what is stored, and goes on from it after the crash. Whatever leaves anybody is kept, so that a
test can judge the whole history: `tests.provider.core.history`. What happens is in `tests.provider.core.scenario`.
"""

import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

from common.identifiers import RoundNumber
from common.suites import HARDENED
from provider.core import events as provider
from provider.core.machine import ProviderMachine
from smgw.core import events as gateway
from smgw.core.member import Member
from smgw.core.reading import Reading, ReadingStatus
from smgw.core.situation import MemberRules
from tests.provider.core.bench import with_record
from tests.provider.core.builders import NETWORK, PARAMETERS, PROVIDER
from tests.provider.core.certified import AUTHORITY, TRUST, certificate, identity, name, revocations
from tests.provider.core.village import draw_values
from tests.smgw.core.memory import remembered

COUNT: Final = 6
"""Members: five neighbors each, of whom four are needed, and one may be silent."""

RULED: Final = replace(PARAMETERS, suite=HARDENED.code, draws=24)
NOBODY: Final = 0
"""The provider, among the numbers of the gateways."""

Said = gateway.Publish | provider.Publish


@dataclass(frozen=True, slots=True)
class Point:
    """Where a party is killed: while it handles its `event`-th event, before all that is stored (`cut` 0), or after it
    and before the `cut`-th of what it sends. It is back after `down_ms`.
    """

    party: int
    event: int
    cut: int
    down_ms: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """What is on the disks of everybody, by number."""

    vaults: tuple[gateway.VaultContents, ...]
    store: provider.StoreContents


@dataclass(slots=True)
class World:
    """The network. `point` is where somebody is killed, `points` are those where somebody could have been."""

    memory: Memory
    now_ms: int
    point: Point | None = None
    points: list[Point] = field(default_factory=list)
    said: list[tuple[int, Said]] = field(default_factory=list)
    """By whom, in the order in which it left."""
    kept: list[tuple[int, gateway.Record | provider.Record]] = field(default_factory=list)
    """By whom, in the order in which it was stored."""
    shown: list[provider.RoundResult] = field(default_factory=list)
    """What the provider told people of rounds, also of pending ones."""
    refused: list[tuple[int, str]] = field(default_factory=list)
    """By whom, and why."""
    has_crashed: bool = False
    forgets: type | None = None
    """A defect: whoever is killed finds no record of this kind that belonged to that event."""
    before: Memory = Memory((), provider.StoreContents())
    """What was on the disks at the beginning."""
    _machine: ProviderMachine | None = None
    _members: dict[int, Member] = field(default_factory=dict)
    _absent: set[int] = field(default_factory=set)
    _down: dict[int, int] = field(default_factory=dict)
    _filters: dict[int, set[str]] = field(default_factory=dict)
    _mail: deque[tuple[int, Said]] = field(default_factory=deque)
    _retained: dict[str, provider.Publish] = field(default_factory=dict)
    _events: Counter[int] = field(default_factory=Counter)
    _starts: Counter[int] = field(default_factory=Counter)
    _asked: Counter[tuple[int, RoundNumber]] = field(default_factory=Counter)

    def begin(self) -> None:
        """Everybody starts from what is stored."""
        self.before = self.memory
        for party in range(COUNT + 1):
            self._start(party)
        self._deliver()

    def _start(self, party: int) -> None:
        if party == NOBODY:
            setup = provider.NetworkSetup(NETWORK, RULED, self.memory.store)
            self._machine = ProviderMachine(PROVIDER, [setup], self._dice(party), self.now_ms, TRUST)
            self._tell_provider(provider.Connected())
            return
        vault, entropy = self.memory.vaults[party - 1], self._dice(party)
        self._members[party] = Member(identity(party), rules(party), vault, entropy, self.now_ms)
        self._filters[party] = set()
        if party not in self._absent:
            self._tell(party, gateway.Connected())

    def _dice(self, party: int) -> random.Random:
        """Others at each start, as they are in life."""
        self._starts[party] += 1
        return random.Random(f"{party} {self._starts[party]} {self.now_ms}")

    # What happens

    def leaves(self, number: int) -> None:
        """The gateway's line is cut."""
        self._absent.add(number)
        self._filters[number] = set()
        self._tell(number, gateway.Disconnected())

    def returns(self, number: int) -> None:
        """Its line is whole again."""
        self._absent.discard(number)
        self._tell(number, gateway.Connected())
        self._deliver()

    def wants_to_leave(self, number: int) -> None:
        """Its owner wants it to leave the network for good."""
        self._tell(number, gateway.LeaveRequested())

    def restart(self, party: int) -> None:
        """It is killed, and back at once."""
        self._start(party)
        self._deliver()

    def hears(self, message: provider.Message) -> list[str]:
        """The provider gets a message that no gateway made; why it refuses it."""
        before = len(self.refused)
        self._tell_provider(provider.Received((message,)))
        self._deliver()
        return [reason for party, reason in self.refused[before:] if party == NOBODY]

    def run(self, until_ms: int) -> None:
        """Let time pass up to this moment, from deadline to deadline."""
        self._deliver()
        while (moment := max(self._due(), self.now_ms + 1)) < until_ms:
            self.now_ms = moment
            for party in [party for party, at_ms in self._down.items() if at_ms <= moment]:
                del self._down[party]
                self._start(party)
            self._tick_provider(moment)
            for number, member in list(self._members.items()):
                if number not in self._down and member.deadline is not None and member.deadline <= moment:
                    self._tell(number, gateway.Tick())
            self._deliver()
        self.now_ms = until_ms

    def _tick_provider(self, moment: int) -> None:
        assert self._machine is not None
        if NOBODY not in self._down and (self._machine.deadline or moment) <= moment:
            self._tell_provider(provider.Tick())

    def _due(self) -> int:
        assert self._machine is not None
        clocks = {NOBODY: self._machine.deadline} | {n: member.deadline for n, member in self._members.items()}
        due = [at_ms for party, at_ms in clocks.items() if at_ms is not None and party not in self._down]
        return min([*due, *self._down.values()])

    # Events, effects, and what a crash leaves of them

    def _tell(self, number: int, event: gateway.Event) -> None:
        if number in self._down:
            return
        effects = self._members[number].handle(event, self.now_ms)
        said = [effect for effect in effects if isinstance(effect, gateway.Publish)]
        records = [effect.record for effect in effects if isinstance(effect, gateway.Store)]
        if self._is_killed(number, len(said), bool(records)):
            self._crash(number, records, said)
            return
        self._keep(number, records)
        for effect in effects:
            match effect:
                case gateway.Publish():
                    self._say(number, effect)
                case gateway.Subscribe(topic_filter):
                    self._subscribe(number, topic_filter)
                case gateway.Refuse(reason):
                    self.refused.append((number, reason.name))
                case gateway.TakeReading(round_):
                    self._tell(number, gateway.ReadingTaken(self._measure(number, round_)))

    def _measure(self, number: int, round_: RoundNumber) -> Reading:
        """Another one whenever it is asked for, so that a second frame of a round could not hide."""
        self._asked[number, round_] += 1
        energy = 1_000 * number + 10 * (round_ % 100) + self._asked[number, round_]
        return Reading(round_, energy, 0, ReadingStatus.VALID)

    def _tell_provider(self, event: provider.Event) -> None:
        assert self._machine is not None
        if NOBODY in self._down:
            return
        effects = self._machine.handle(event, self.now_ms)
        said = [effect for effect in effects if isinstance(effect, provider.Publish)]
        records = [effect.record for effect in effects if isinstance(effect, provider.Store)]
        if self._is_killed(NOBODY, len(said), bool(records)):
            self._crash(NOBODY, records, said)
            return
        self._keep(NOBODY, records)
        for effect in effects:
            match effect:
                case provider.Publish():
                    self._say(NOBODY, effect)
                case provider.RoundClosed(result):
                    self.shown.append(result)
                case provider.Refuse(reason):
                    self.refused.append((NOBODY, reason.name))

    def _is_killed(self, party: int, said: int, stores: bool) -> bool:
        """Whether this is the event; it notes where a crash would leave something undone."""
        self._events[party] += 1
        event = self._events[party]
        if self.point is None:
            cuts = range(0 if stores else 1, said + 1)
            self.points += [Point(party, event, cut) for cut in cuts]
        return self.point is not None and (party, event) == (self.point.party, self.point.event)

    def _crash(self, party: int, records: Sequence[gateway.Record | provider.Record], said: Sequence[Said]) -> None:
        assert self.point is not None
        self.has_crashed = True
        cut, down_ms = self.point.cut, self.point.down_ms
        if cut:
            lost = [record for record in records if self.forgets is not None and isinstance(record, self.forgets)]
            self.kept += [(party, record) for record in lost]
            self._keep(party, [record for record in records if record not in lost])
        for publish in said[: max(cut - 1, 0)]:
            self._say(party, publish)
        if down_ms:
            self._down[party] = self.now_ms + down_ms
            self._filters[party] = set()
        else:
            self._start(party)

    def _keep(self, party: int, records: Sequence[gateway.Record | provider.Record]) -> None:
        memory = self.memory
        for record in records:
            self.kept.append((party, record))
            if party == NOBODY:
                memory = replace(memory, store=with_record(memory.store, record))  # type: ignore[arg-type]
            else:
                vaults = list(memory.vaults)
                vaults[party - 1] = remembered(vaults[party - 1], record)  # type: ignore[arg-type]
                memory = replace(memory, vaults=tuple(vaults))
        self.memory = memory

    # The broker

    def _say(self, party: int, publish: Said) -> None:
        if party in self._absent:
            return
        self.said.append((party, publish))
        self._mail.append((party, publish))

    def _subscribe(self, number: int, topic_filter: str) -> None:
        self._filters[number].add(topic_filter)
        for kept in list(self._retained.values()):
            if kept.topic.startswith(topic_filter.removesuffix("+")) and number not in self._absent:
                self._tell(number, gateway.Received(kept.topic, kept.payload, is_retained=True))

    def _deliver(self) -> None:
        """Carry every message to whom it is for, until nobody has anything to say."""
        while self._mail:
            _, said = self._mail.popleft()
            if isinstance(said, gateway.Publish):
                message = provider.Message(said.topic, said.payload)
                self._tell_provider(provider.Received((message,)))
                continue
            if said.is_retained:
                self._retained[said.topic] = said
            head, who = said.topic.rsplit("/", 1)
            for number in range(1, COUNT + 1):
                is_for = f"{head}/+" in self._filters[number] if head.endswith("/all") else who == name(number)
                if is_for and number not in self._absent:
                    self._tell(number, gateway.Received(said.topic, said.payload))


@cache
def rules(number: int) -> MemberRules:
    """The settings of gateway `number`."""
    return MemberRules(
        name=name(number),
        region="north",
        suite=HARDENED,
        authority=AUTHORITY,
        certificate=certificate(number),
        provider_key=PROVIDER.public_key,
        revocations=AUTHORITY.revocations(revocations(valid=COUNT)),
        values=draw_values(number),
    )
