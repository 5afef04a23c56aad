"""A provider and real gateways in one virtual time, with nothing between them: every message arrives at once."""

import random
from collections import Counter, deque
from dataclasses import dataclass, field
from functools import cache

from common import topics
from common.draws import DrawValues
from common.identifiers import RoundNumber
from common.parameters import Parameters
from common.suites import SUITES
from common.topics import inbox_filter
from provider.core.events import Connected, Effect, MemberState, Message, Publish, Refuse, RoundStatus
from smgw.core import events as gateway
from smgw.core.member import Member
from smgw.core.reading import Reading, ReadingStatus
from smgw.core.situation import MemberRules
from tests.provider.core.bench import Bench, empty
from tests.provider.core.builders import NETWORK, PARAMETERS, PROVIDER, SCHEDULE
from tests.provider.core.certified import AUTHORITY, certificate, identity, name, revocations

FIRST = RoundNumber(2_000_001)


@cache
def draw_values(number: int) -> DrawValues:
    """Gateway n's, made once: they cost a thousand hashes."""
    return DrawValues(identity(number), "north")


@dataclass(slots=True)
class Household:
    """One gateway and its meter, whose energy in a round is whatever the test says."""

    number: int
    member: Member
    filters: set[str] = field(default_factory=set)
    is_deaf: bool = False


@dataclass(slots=True)
class Village:
    """The provider, its gateways, and what they say. `certified` is how many gateways the administrator knows."""

    certified: int = 0
    readings: dict[int, int] = field(default_factory=dict)
    provider: Bench = field(default_factory=lambda: empty(at_ms=SCHEDULE.start(RoundNumber(FIRST - 1))))
    houses: dict[str, Household] = field(default_factory=dict)
    notices: list[tuple[str, gateway.Notice]] = field(default_factory=list)
    _refused: Counter[str] = field(default_factory=Counter)
    _mail: deque[Publish | gateway.Publish] = field(default_factory=deque)
    _kept: dict[str, Publish] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hear(self.provider.handle(Connected()))
        self.deliver()

    def move_in(self, *numbers: int, cert: bytes = b"") -> None:
        """Gateways without any memory come to the bus, with their certificates or this one."""
        for number in numbers:
            rules = MemberRules(
                name=name(number),
                region="north",
                suite=SUITES[self.provider.machine.networks[NETWORK].desk.parameters.suite],
                authority=AUTHORITY,
                certificate=cert or certificate(number),
                provider_key=PROVIDER.public_key,
                revocations=AUTHORITY.revocations(revocations(valid=self.certified)),
                values=draw_values(number),
            )
            now_ms = self.provider.now_ms
            member = Member(identity(number), rules, gateway.VaultContents(), random.Random(number), now_ms)
            self.houses[name(number)] = house = Household(number, member)
            self.tell(house, gateway.Connected())

    def comes_back(self, number: int) -> None:
        """A gateway that was deaf hears again."""
        house = self.houses[name(number)]
        house.is_deaf = False
        self.tell(house, gateway.Disconnected())
        self.tell(house, gateway.Connected())
        self.subscribe(house, topics.broadcast_filter(NETWORK))

    def restart_provider(self) -> None:
        """The provider is killed and started at once."""
        self.provider.now_ms += 1_000
        self.hear(self.provider.restart(self.provider.now_ms))

    def tell(self, house: Household, event: gateway.Event) -> None:
        if house.is_deaf:
            return
        effects = house.member.handle(event, self.provider.now_ms)
        kinds = [isinstance(effect, gateway.Store) for effect in effects]
        assert kinds == sorted(kinds, reverse=True), effects
        for effect in effects:
            match effect:
                case gateway.Publish():
                    self._mail.append(effect)
                case gateway.Subscribe(topic_filter):
                    self.subscribe(house, topic_filter)
                case gateway.TakeReading(round_):
                    reading = Reading(round_, self.readings.get(house.number, 0), 0, ReadingStatus.VALID)
                    self.tell(house, gateway.ReadingTaken(reading))
                case gateway.Notice():
                    self.notices.append((name(house.number), effect))
                case gateway.Refuse(reason):
                    self._refused[f"gateway {reason.name}"] += 1

    def subscribe(self, house: Household, topic_filter: str) -> None:
        house.filters.add(topic_filter)
        for kept in list(self._kept.values()):
            if kept.topic.startswith(topic_filter.removesuffix("+")):
                self.tell(house, gateway.Received(kept.topic, kept.payload, is_retained=True))

    def deliver(self) -> None:
        """Carry every message to whom it is for, until nobody has anything to say."""
        while self._mail:
            said = self._mail.popleft()
            if isinstance(said, gateway.Publish):
                self.hear(self.provider.receive(Message(said.topic, said.payload)))
                continue
            if said.is_retained:
                self._kept[said.topic] = said
            for house in self._receivers(said.topic):
                self.tell(house, gateway.Received(said.topic, said.payload))

    def _receivers(self, topic: str) -> list[Household]:
        head, who = topic.rsplit("/", 1)
        if head.endswith("/all"):
            return [house for house in self.houses.values() if f"{head}/+" in house.filters]
        house = self.houses.get(who)
        assert house is None or inbox_filter(who).endswith(f"/{house.member.situation.rules.name}")
        return [house] if house else []

    def is_said(self, who: int, sentence: str) -> bool:
        """Whether the owner of this gateway was told so."""
        return any(name(who) == teller and sentence in notice.text for teller, notice in self.notices)

    def hear(self, effects: list[Effect]) -> None:
        """What the provider says is on its way; what it refused is counted."""
        for effect in effects:
            if isinstance(effect, Publish):
                self._mail.append(effect)
            elif isinstance(effect, Refuse):
                self._refused[f"provider {effect.reason.name}"] += 1

    def run(self, until: int) -> None:
        """Let time pass up to the start of this round, from deadline to deadline."""
        until_ms = SCHEDULE.start(RoundNumber(until))
        self.deliver()
        while (moment := max(self.due(), self.provider.now_ms + 1)) < until_ms:
            self.hear(self.provider.tick(moment))
            for house in list(self.houses.values()):
                if house.member.deadline is not None and house.member.deadline <= moment:
                    self.tell(house, gateway.Tick())
            self.deliver()
        self.provider.now_ms = until_ms

    def due(self) -> int:
        """The next deadline of anybody."""
        clocks = [self.provider.machine.deadline]
        clocks += [house.member.deadline for house in self.houses.values() if not house.is_deaf]
        return min(deadline for deadline in clocks if deadline is not None)

    def states(self) -> dict[str, MemberState]:
        """Where each member stands; of two with one name the later."""
        return {m.name: m.state for m in self.provider.contents.members}

    def last(self) -> tuple[RoundStatus, int | None, int | None]:
        """How the last round ended: its import and its contributors."""
        result = self.provider.results[-1]
        return result.status, result.import_dwh, result.contributors

    def refusals(self) -> dict[str, int]:
        """What anybody has refused so far."""
        return dict(self._refused)


def village(
    count: int, *energies: int, certified: int = 0, parameters: Parameters = PARAMETERS, list_: bytes = b""
) -> Village:
    """A village that operates from `FIRST` + 1 on, with these readings in every round."""
    bench = empty(parameters, at_ms=SCHEDULE.start(RoundNumber(FIRST - 1)), revocations=list_)
    found = Village(certified or count, dict(enumerate(energies, start=1)), bench)
    found.move_in(*range(1, count + 1))
    found.run(FIRST + 1)
    return found
