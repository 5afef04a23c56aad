"""A network of suite `hardened` that grows: from a mesh to drawn neighbors, and until everybody draws anew."""

from dataclasses import replace
from itertools import pairwise

from common.identifiers import ClientId, RoundNumber
from common.roster import MESH_MAX
from common.suites import HARDENED
from provider.core.events import RoundResult, RoundStatus
from tests.provider.core.builders import PARAMETERS
from tests.provider.core.certified import name
from tests.provider.core.village import FIRST, Village, village

WIDE = replace(PARAMETERS, suite=HARDENED.code, draws=24)
NARROW = replace(PARAMETERS, suite=HARDENED.code, draws=6)


def drawn(there: Village, number: int) -> set[ClientId]:
    """Whom this gateway has drawn."""
    return {slot.client for slot in there.houses[name(number)].member.situation.slots.values()}


def held(there: Village, number: int) -> set[ClientId]:
    """With whom this gateway has a seed in use."""
    return {edge.peer for edge in there.houses[name(number)].member.situation.edges.values() if edge.is_started}


def sums(results: list[RoundResult]) -> list[tuple[RoundStatus, int | None, int | None]]:
    return [(result.status, result.import_dwh, result.contributors) for result in results]


def test_when_the_26th_member_comes_everybody_draws_and_no_round_is_lost() -> None:
    there = village(MESH_MAX, *range(1, MESH_MAX + 2), certified=MESH_MAX + 1, parameters=WIDE)
    there.run(FIRST + 2)
    assert drawn(there, 1) == set()
    there.provider.results.clear()
    there.move_in(26)
    there.run(FIRST + 6)
    before, after = (RoundStatus.COMPLETE, 325, 25), (RoundStatus.COMPLETE, 351, 26)
    assert sums(there.provider.results) == [before, after, after, after]
    assert {len(drawn(there, number)) for number in range(1, 27)} == {24}
    assert there.refusals() == {}


def test_when_the_roster_has_doubled_everybody_draws_anew_and_no_round_is_lost() -> None:
    there = village(26, *[1] * 52, certified=26, parameters=NARROW)
    there.run(FIRST + 2)
    there.move_in(*range(27, 52))
    there.run(FIRST + 5)
    first = {number: drawn(there, number) for number in range(1, 27)}
    there.provider.results.clear()
    there.move_in(52)
    there.run(FIRST + 16)
    assert [result.contributors for result in there.provider.results] == [51] + [52] * 10
    assert {result.status for result in there.provider.results} == {RoundStatus.COMPLETE}
    assert all(drawn(there, number) != clients for number, clients in first.items())
    assert all(drawn(there, number) <= held(there, number) for number in range(1, 53))
    assert there.refusals() == {}


def thirty() -> Village:
    """Thirty members that drew six neighbors each, of whom five are needed."""
    there = village(30, *range(1, 31), certified=30, parameters=NARROW)
    there.run(FIRST + 3)
    there.provider.results.clear()
    return there


def cut_off(there: Village) -> tuple[int, set[int]]:
    """Two who were drawn by one, and as few others as possible are among those who drew both; that one, and the two."""
    choices = [(n, {a, b}) for n in range(1, 31) for a in drawn(there, n) for b in drawn(there, n) if a < b]
    number, pair = min(choices, key=lambda each: (len(robbed(there, each[1])), each[0]))
    return number, {int(client) for client in pair}


def robbed(there: Village, missing: set[ClientId]) -> set[int]:
    """Who of the others has drawn two of these or more, so that fewer than five of its holders are left."""
    others = (number for number in range(1, 31) if number not in missing)
    return {number for number in others if len(drawn(there, number) & missing) >= 2}


def test_who_is_left_with_too_few_holders_is_called_missing_at_once_and_the_sum_is_exact() -> None:
    there = thirty()
    _, pair = cut_off(there)
    thin = robbed(there, {ClientId(client) for client in pair})
    assert thin
    for number in pair:
        there.houses[name(number)].is_deaf = True
    there.run(FIRST + 4)
    there.deliver()
    result = there.provider.results[-1]
    left = set(range(1, 31)) - pair - thin
    assert (result.round, result.status, result.attempts) == (RoundNumber(FIRST + 3), RoundStatus.CORRECTED, 1)
    assert (result.import_dwh, result.contributors) == (sum(left), len(left))
    assert there.provider.last.included == type(there.provider.last.included).of(map(ClientId, left))


def test_a_member_that_lacks_too_many_of_its_known_holders_is_not_expected_until_one_is_back() -> None:
    there = thirty()
    _, pair = cut_off(there)
    thin = robbed(there, {ClientId(client) for client in pair})
    for number in pair:
        there.houses[name(number)].is_deaf = True
    there.run(FIRST + 5)
    assert not {int(client) for client in there.provider.last.expected} & (pair | thin)
    assert "gateway TOO_FEW_DRAWN" not in there.refusals()
    there.comes_back(min(pair))
    there.run(FIRST + 8)
    assert thin <= {int(client) for client in there.provider.last.expected}
    assert there.provider.results[-1].contributors == 29


def test_a_provider_that_has_forgotten_who_holds_for_whom_loses_few_rounds_to_who_lacks_holders() -> None:
    """Whoever lacks some is silent, and says so to nobody: it is tried again after longer and longer pauses."""
    there = thirty()
    _, pair = cut_off(there)
    for number in pair:
        there.houses[name(number)].is_deaf = True
    there.run(FIRST + 5)
    there.restart_provider()
    there.provider.results.clear()
    there.run(FIRST + 35)
    corrected = [result.round - FIRST for result in there.provider.results if result.attempts]
    assert len(there.provider.results) >= 29
    assert len(corrected) <= 6, corrected
    assert all(later - earlier > 4 for earlier, later in pairwise(corrected[2:]))
