"""Both machines together: real gateways register, agree on seeds and report, and the provider's sum is right.

Every message arrives at once and in order; what happens when it does not is the simulation's to show.
"""

import random
from collections import deque
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from common.identifiers import NetworkId, RoundNumber
from common.suites import BASIC
from common.topics import inbox_filter
from provider.core.events import Connected, MemberState, Message, Publish, RoundStatus
from smgw.core import events as gateway
from smgw.core.member import Member
from smgw.core.reading import Reading, ReadingStatus
from smgw.core.situation import MemberRules
from tests.provider.core.bench import Bench, empty
from tests.provider.core.builders import NETWORK, PROVIDER, SCHEDULE, identity, name
from tests.smgw.core.builders import require_stored_first

FIRST = RoundNumber(2_000_001)


@dataclass(slots=True)
class Household:
    """One gateway and its meter, whose energy in a round is whatever the test says."""

    number: int
    member: Member
    filters: set[str] = field(default_factory=set)
    is_deaf: bool = False


@dataclass(slots=True)
class Village:
    """A provider and its gateways in one virtual time, with nothing between them."""

    count: int
    readings: dict[int, int] = field(default_factory=dict)
    provider: Bench = field(default_factory=lambda: empty(at_ms=SCHEDULE.start(RoundNumber(FIRST - 1))))
    houses: dict[str, Household] = field(default_factory=dict)
    _mail: deque[Publish | gateway.Publish] = field(default_factory=deque)
    _kept: dict[str, Publish] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hear(self.provider.handle(Connected()))
        self.deliver()
        for number in range(1, self.count + 1):
            self.move_in(number)

    def move_in(self, number: int) -> None:
        """A gateway without any memory comes to the bus."""
        rules = MemberRules(name(number), "north", PROVIDER.public_key, BASIC)
        now_ms = self.provider.now_ms
        member = Member(identity(number), rules, gateway.VaultContents(), random.Random(number), now_ms)
        self.houses[name(number)] = house = Household(number, member)
        self.tell(house, gateway.Connected())

    def tell(self, house: Household, event: gateway.Event) -> None:
        if house.is_deaf:
            return
        effects = house.member.handle(event, self.provider.now_ms)
        require_stored_first(effects)
        for effect in effects:
            if isinstance(effect, gateway.Publish):
                self._mail.append(effect)
            elif isinstance(effect, gateway.Subscribe):
                self.subscribe(house, effect.topic_filter)
            elif isinstance(effect, gateway.TakeReading):
                energy = self.readings.get(house.number, 0)
                reading = Reading(effect.round, energy, 0, ReadingStatus.VALID)
                self.tell(house, gateway.ReadingTaken(reading))

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
            for house in self.houses.values():
                inbox = inbox_filter(house.member.situation.rules.name).rsplit("/", 1)[1]
                if said.topic.endswith(f"/{inbox}") or self.is_broadcast(said.topic, house):
                    self.tell(house, gateway.Received(said.topic, said.payload))

    def is_broadcast(self, topic: str, house: Household) -> bool:
        return topic.rsplit("/", 1)[0] + "/+" in house.filters

    def hear(self, effects: object) -> None:
        assert isinstance(effects, list)
        self._mail.extend(effect for effect in effects if isinstance(effect, Publish))

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
        return {m.name: m.state for m in self.provider.contents.members}

    def last(self) -> tuple[RoundStatus, int | None, int | None]:
        result = self.provider.results[-1]
        return result.status, result.import_dwh, result.contributors


def village(count: int, *energies: int) -> Village:
    """A village that operates from `FIRST` + 1 on, with these readings in every round."""
    found = Village(count, dict(enumerate(energies, start=1)))
    found.run(FIRST + 1)
    return found


energy = st.integers(-(2**40), 2**40)


@settings(max_examples=8, deadline=None)
@given(st.lists(energy, min_size=7, max_size=7))
def test_the_sum_of_what_real_gateways_send_is_the_sum_of_their_readings(energies: list[int]) -> None:
    here = village(7, *energies)
    here.run(FIRST + 2)
    assert here.last() == (RoundStatus.COMPLETE, sum(energies), 7)


@settings(max_examples=8, deadline=None)
@given(st.lists(energy, min_size=9, max_size=9), st.sets(st.integers(1, 9), min_size=1, max_size=4))
def test_without_the_missing_the_corrected_sum_is_that_of_the_others(energies: list[int], deaf: set[int]) -> None:
    here = village(9, *energies)
    for number in deaf:
        here.houses[name(number)].is_deaf = True
    here.run(FIRST + 2)
    others = [energies[number - 1] for number in range(1, 10) if number not in deaf]
    assert here.last() == (RoundStatus.CORRECTED, sum(others), len(others))


def test_a_member_that_was_deaf_for_some_rounds_comes_back_with_its_seeds() -> None:
    here = village(7, 1, 2, 3, 4, 5, 6, 7)
    here.houses[name(7)].is_deaf = True
    here.run(FIRST + 4)
    assert here.last() == (RoundStatus.COMPLETE, 21, 6)
    back = here.houses[name(7)]
    back.is_deaf = False
    tunnels = set(back.member.situation.edges)
    here.tell(back, gateway.Disconnected())
    here.tell(back, gateway.Connected())
    here.subscribe(back, f"dcnet/1/{NETWORK}/all/+")
    here.run(FIRST + 6)
    assert here.last() == (RoundStatus.COMPLETE, 28, 7)
    assert set(back.member.situation.edges) == tunnels


def test_a_gateway_that_lost_its_store_is_the_same_member_with_new_seeds() -> None:
    here = village(7, 1, 2, 3, 4, 5, 6, 7)
    old = set(here.houses[name(7)].member.situation.edges)
    here.move_in(7)
    here.run(FIRST + 4)
    assert here.last() == (RoundStatus.COMPLETE, 28, 7)
    edges = here.houses[name(7)].member.situation.edges
    assert not old & set(edges)
    for house in here.houses.values():
        assert not old & set(house.member.situation.edges)


def test_whoever_leaves_is_forgotten_by_all_and_the_others_go_on() -> None:
    here = village(8, 1, 2, 3, 4, 5, 6, 7, 8)
    here.tell(here.houses[name(8)], gateway.LeaveRequested())
    here.run(FIRST + 3)
    assert here.last() == (RoundStatus.COMPLETE, 28, 7)
    assert here.states()[name(8)] is MemberState.LEFT
    for house in here.houses.values():
        assert all(edge.peer != 8 for edge in house.member.situation.edges.values())
    assert here.houses[name(8)].member.situation.membership is None


def test_a_newcomer_is_counted_two_rounds_later_at_most() -> None:
    here = village(7, 1, 2, 3, 4, 5, 6, 7)
    here.readings[8] = 100
    here.move_in(8)
    here.run(FIRST + 3)
    assert here.last() == (RoundStatus.COMPLETE, 128, 8)


def test_both_ends_of_every_edge_hold_one_seed_and_across_midnight_sums_stay_right() -> None:
    here = village(6, 1, 2, 3, 4, 5, 6)
    midnight = 2_000_064
    here.run(midnight + 12)
    assert {result.import_dwh for result in here.provider.results} == {21}
    day = SCHEDULE.day(RoundNumber(midnight))
    for edge in here.provider.contents.edges:
        a, b = (here.houses[name(end)].member.situation.edges[edge.tunnel] for end in (edge.initiator, edge.responder))
        assert a.seed == b.seed
        assert a.seed.day == day


def test_a_provider_that_starts_again_loses_the_round_and_no_member() -> None:
    here = village(7, 1, 2, 3, 4, 5, 6, 7)
    here.provider.now_ms += 1_000
    here.hear(here.provider.restart(here.provider.now_ms))
    here.run(FIRST + 2)
    assert here.last()[0] is RoundStatus.LOST
    here.run(FIRST + 3)
    assert here.last() == (RoundStatus.COMPLETE, 28, 7)
    assert set(here.states().values()) == {MemberState.PRESENT}


def test_the_network_a_gateway_is_in_is_the_one_of_its_region() -> None:
    here = village(5, 1, 1, 1, 1, 1)
    memberships = [house.member.situation.membership for house in here.houses.values()]
    assert {m.network for m in memberships if m} == {NetworkId(7)}
    assert sorted(m.client for m in memberships if m) == [1, 2, 3, 4, 5]
