"""A network in which real gateways come and go without end: everybody keeps neighbors that it drew, and sums go on."""

import random

import pytest

from common.identifiers import ClientId
from provider.core.events import EdgeState, MemberState, RoundStatus
from provider.core.keygraph import components, neighborhoods
from smgw.core import events as gateway
from tests.provider.core.builders import NETWORK, PARAMETERS
from tests.provider.core.certified import name
from tests.provider.core.village import FIRST, Village, village

COUNT = 30
DEGREE_MAX = 40


class Churn:
    """A village in which some leave and others join in every round. Each gateway reads 1."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.round = int(FIRST) + 1
        self.joined = COUNT
        self.village: Village = village(COUNT, *[1] * 500, certified=5)

    @property
    def there(self) -> list[int]:
        return [house.number for house in self.village.houses.values()]

    def pass_by(self, rounds: int = 1) -> None:
        self.round += rounds
        self.village.run(self.round)

    def step(self, leaving: int, joining: int, deaf: int = 0) -> None:
        """One round; whoever is deaf in it hears again in the next."""
        chosen = self.random.sample(self.there, leaving + deaf)
        leavers, silent = chosen[:leaving], chosen[leaving:]
        for number in leavers:
            self.village.tell(self.village.houses[name(number)], gateway.LeaveRequested())
        self.village.move_in(*range(self.joined + 1, self.joined + joining + 1))
        self.joined += joining
        self.village.deliver()
        for number in silent:
            self.village.houses[name(number)].is_deaf = True
        self.pass_by()
        for number in silent:
            self.village.comes_back(number)
        for number in leavers:
            del self.village.houses[name(number)]

    def check(self) -> None:
        """Nobody has too many neighbors or too few of its own choice, and the key graph is in one piece."""
        desk = self.village.provider.machine.networks[NETWORK].desk
        expected = set(self.village.provider.last.expected)
        near = neighborhoods(expected, desk.graph.in_state(EdgeState.STARTED))
        assert len(components(expected, near)) == 1
        assert all(PARAMETERS.masks_min <= len(near[client]) <= DEGREE_MAX for client in expected)
        assert len(desk.in_state(MemberState.PRESENT)) - len(expected) <= 3


@pytest.mark.parametrize("seed", [1, 2])
def test_under_endless_churn_sums_go_on_and_everybody_keeps_neighbors_that_it_drew(seed: int) -> None:
    churn = Churn(seed)
    for _ in range(20):
        churn.step(leaving=2, joining=2)
        churn.check()
    churn.pass_by(2)
    results = churn.village.provider.results
    # Whoever leaves in the round in which all draw anew may have too few of the new ones to send its last reading.
    assert sum(result.status is not RoundStatus.COMPLETE for result in results[1:]) <= 1
    assert (results[-1].status, results[-1].contributors) == (RoundStatus.COMPLETE, COUNT)
    gone = {ClientId(number) for number in range(1, churn.joined + 1)} - {ClientId(number) for number in churn.there}
    for house in churn.village.houses.values():
        drawn = {slot.client for slot in house.member.situation.slots.values()}
        assert len(drawn) == PARAMETERS.draws
        assert not drawn & gone
        assert drawn <= {edge.peer for edge in house.member.situation.edges.values()}
    assert not [what for what in churn.village.refusals() if "ROSTER" in what]


def test_with_members_that_drop_out_as_well_sums_are_corrected_and_go_on() -> None:
    churn = Churn(3)
    for _ in range(10):
        churn.step(leaving=1, joining=1, deaf=2)
        churn.check()
    statuses = [result.status for result in churn.village.provider.results[1:]]
    assert set(statuses) <= {RoundStatus.COMPLETE, RoundStatus.CORRECTED}
    assert statuses.count(RoundStatus.CORRECTED) >= 9
