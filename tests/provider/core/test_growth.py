"""Real gateways in a network that grows past a mesh, doubles, and loses members: each keeps neighbors that it drew."""

from dataclasses import replace

from common.identifiers import ClientId
from common.roster import MESH_MAX
from provider.core.events import MemberState, RevocationsRenewed, RoundStatus
from smgw.core import events as gateway
from tests.provider.core.builders import PARAMETERS, SCHEDULE
from tests.provider.core.certified import YEARS, certificate, name, revocations
from tests.provider.core.village import FIRST, Village, village

DRAWS = PARAMETERS.draws


def neighbors(here: Village, number: int) -> set[ClientId]:
    """With whom this gateway shares a seed."""
    return {edge.peer for edge in here.houses[name(number)].member.situation.edges.values()}


def drawn(here: Village, number: int) -> set[ClientId]:
    """Whom this gateway drew."""
    return {slot.client for slot in here.houses[name(number)].member.situation.slots.values()}


def is_summed(here: Village, *numbers: int) -> bool:
    """Whether the last round holds exactly the readings of these gateways."""
    return here.last() == (RoundStatus.COMPLETE, sum(here.readings[number] for number in numbers), len(numbers))


def populated(count: int) -> Village:
    """A village in which gateway n reads n * n."""
    return village(count, *(number * number for number in range(1, 80)), certified=5)


def require_drawn(here: Village, *numbers: int) -> None:
    """Each of these has drawn, and has an edge with everybody it drew."""
    for number in numbers:
        assert len(drawn(here, number)) == DRAWS
        assert drawn(here, number) <= neighbors(here, number)


def test_when_the_26th_comes_all_draw_and_the_edges_of_the_mesh_stay() -> None:
    here = populated(MESH_MAX)
    assert all(len(neighbors(here, number)) == 24 and not drawn(here, number) for number in range(1, 26))
    here.move_in(26)
    here.run(FIRST + 3)
    assert is_summed(here, *range(1, 27))
    require_drawn(here, *range(1, 27))
    assert all(len(neighbors(here, number)) >= 24 for number in range(1, 26))
    assert DRAWS <= len(neighbors(here, 26)) < 25
    assert here.refusals() == {}


def test_a_network_that_begins_beyond_a_mesh_draws_at_once() -> None:
    here = populated(26)
    here.run(FIRST + 2)
    assert is_summed(here, *range(1, 27))
    require_drawn(here, *range(1, 27))
    edges = here.provider.contents.edges
    assert 2 * len(edges) / 26 < 2 * DRAWS
    assert here.refusals() == {}


def test_when_a_network_has_doubled_all_draw_anew_and_the_old_edges_stay() -> None:
    here = populated(26)
    before = {number: (drawn(here, number), neighbors(here, number)) for number in range(1, 27)}
    here.move_in(*range(27, 52))
    here.run(FIRST + 3)
    assert is_summed(here, *range(1, 52))
    assert all(drawn(here, number) == before[number][0] for number in range(1, 27))
    here.move_in(52)
    here.run(FIRST + 5)
    assert is_summed(here, *range(1, 53))
    require_drawn(here, *range(1, 53))
    for number in range(1, 27):
        assert drawn(here, number) != before[number][0]
        assert before[number][1] <= neighbors(here, number)
    assert here.refusals() == {}


def test_every_tunnel_was_asked_for_by_its_initiator() -> None:
    here = populated(40)
    for edge in here.provider.contents.edges:
        assert edge.responder in drawn(here, edge.initiator)
    assert here.refusals() == {}


def test_whoever_drew_a_leaver_draws_another_in_the_roster_in_force() -> None:
    here = populated(40)
    drew = [number for number in range(1, 40) if 40 in drawn(here, number)]
    assert drew
    here.tell(here.houses[name(40)], gateway.LeaveRequested())
    here.run(FIRST + 4)
    assert is_summed(here, *range(1, 40))
    require_drawn(here, *range(1, 40))
    assert not any(40 in drawn(here, number) | neighbors(here, number) for number in range(1, 40))


def test_a_newcomer_that_draws_a_leaver_is_shown_that_it_left_and_draws_on() -> None:
    here = populated(40)
    for number in range(20, 31):
        here.tell(here.houses[name(number)], gateway.LeaveRequested())
    here.run(FIRST + 3)
    here.move_in(*range(41, 51))
    here.run(FIRST + 6)
    there = [*range(1, 20), *range(31, 51)]
    assert is_summed(here, *there)
    require_drawn(here, *there)
    assert not any(drawn(here, number) & set(range(20, 31)) for number in there)


def test_a_revoked_gateway_is_left_out_and_whoever_drew_it_draws_another() -> None:
    here = populated(40)
    here.hear(here.provider.handle(RevocationsRenewed(revocations(5, 40, valid=5))))
    here.run(FIRST + 4)
    assert is_summed(here, *range(1, 40))
    assert here.states()[name(40)] is MemberState.LEFT
    require_drawn(here, *range(1, 40))
    assert not any(40 in drawn(here, number) | neighbors(here, number) for number in range(1, 40))


def test_a_gateway_whose_certificate_expires_is_left_out() -> None:
    here = Village(5, {number: number for number in range(1, 9)})
    here.move_in(*range(1, 8))
    here.move_in(8, cert=certificate(8, serial=1_008, term=replace(YEARS, end_ms=SCHEDULE.start(FIRST) + 2_000_000)))
    here.run(FIRST + 2)
    assert is_summed(here, *range(1, 9))
    here.run(FIRST + 6)
    assert is_summed(here, *range(1, 8))
    assert here.states()[name(8)] is MemberState.LEFT
    assert all(8 in neighbors(here, number) for number in range(1, 8)), "it may have renewed, so its seeds are kept"


def test_a_gateway_that_renews_its_certificate_stays_the_same_member() -> None:
    here = populated(7)
    here.hear(here.provider.handle(RevocationsRenewed(revocations(5, valid=5))))
    here.move_in(7, cert=certificate(7, serial=1_007))
    here.run(FIRST + 4)
    assert is_summed(here, *range(1, 8))
    assert here.provider.contents.members[6].certificate == certificate(7, serial=1_007)
    assert len(here.provider.contents.members) == 7


def test_while_a_roster_holds_less_than_half_of_the_certified_nobody_makes_neighbors() -> None:
    here = Village(certified=16, readings=dict.fromkeys(range(1, 9), 1))
    here.move_in(*range(1, 8))
    here.run(FIRST + 2)
    assert not any(neighbors(here, number) for number in range(1, 8))
    assert here.is_said(1, "The roster holds 7 of 16 gateways with a valid certificate")
    here.move_in(8)
    here.run(FIRST + 4)
    assert is_summed(here, *range(1, 9))


def test_rules_that_changed_reach_gateways_in_a_new_epoch() -> None:
    here = populated(8)
    here.provider.setups = (replace(here.provider.setups[0], parameters=replace(PARAMETERS, members_min=6)),)
    here.restart_provider()
    here.run(FIRST + 3)
    assert is_summed(here, *range(1, 9))
    for house in here.houses.values():
        roster = house.member.situation.roster
        assert roster is not None
        assert (roster.at.epoch, roster.parameters.members_min) == (2, 6)
    assert not [what for what in here.refusals() if what.startswith("gateway")]


def test_gateways_follow_when_the_roster_says_that_many_have_left() -> None:
    here = populated(40)
    for number in range(1, 7):
        here.tell(here.houses[name(number)], gateway.LeaveRequested())
    here.run(FIRST + 4)
    assert is_summed(here, *range(7, 41))
    assert [(each.epoch, each.leaves, each.live) for each in here.provider.contents.rosters] == [
        (1, 40, 40),
        (2, 40, 34),
    ]
    require_drawn(here, *range(7, 41))
