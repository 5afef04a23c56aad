"""Both machines together: real gateways register, draw, agree on seeds and report, and the provider's sum is right.

Every message arrives at once and in order; what happens when it does not is the simulation's to show.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from common.identifiers import NetworkId, RoundNumber
from provider.core.events import MemberState, RoundStatus
from smgw.core import events as gateway
from tests.provider.core.builders import NETWORK, SCHEDULE
from tests.provider.core.certified import name
from tests.provider.core.village import FIRST, village

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
    tunnels = set(here.houses[name(7)].member.situation.edges)
    here.comes_back(7)
    here.run(FIRST + 6)
    assert here.last() == (RoundStatus.COMPLETE, 28, 7)
    assert set(here.houses[name(7)].member.situation.edges) == tunnels


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


def test_the_first_gateway_of_a_mesh_which_asks_for_nobody_comes_back_without_its_store() -> None:
    here = village(7, 1, 2, 3, 4, 5, 6, 7)
    here.move_in(1)
    here.run(FIRST + 4)
    assert here.last() == (RoundStatus.COMPLETE, 28, 7)


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
    rosters = here.provider.contents.rosters
    here.restart_provider()
    here.run(FIRST + 2)
    assert here.last()[0] is RoundStatus.LOST
    here.run(FIRST + 3)
    assert here.last() == (RoundStatus.COMPLETE, 28, 7)
    assert set(here.states().values()) == {MemberState.PRESENT}
    assert here.provider.contents.rosters == rosters
    assert here.refusals() == {}


def test_the_network_a_gateway_is_in_is_the_one_of_its_region() -> None:
    here = village(5, 1, 1, 1, 1, 1)
    memberships = [house.member.situation.membership for house in here.houses.values()]
    assert {m.network for m in memberships if m} == {NetworkId(7)}
    assert sorted(m.client for m in memberships if m) == [1, 2, 3, 4, 5]


def test_in_a_mesh_everybody_is_everybodys_neighbor() -> None:
    here = village(9, *[1] * 9)
    desk = here.provider.machine.networks[NETWORK].desk
    assert all(len(desk.graph.neighbors(client)) == 8 for client in desk.members)
    assert here.refusals() == {}
