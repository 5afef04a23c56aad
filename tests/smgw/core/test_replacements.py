"""The budget of replacements: how often a gateway that is cut off may draw again during the life of its certificate."""

from dataclasses import replace

from common.identifiers import ClientId
from smgw.core.events import (
    Connected,
    Effect,
    Level,
    Replaced,
    Store,
)
from tests.smgw.core.builders import (
    SELF,
    Bench,
    after,
    edge,
    final,
    shown,
)
from tests.smgw.core.rosters import SCHEDULE
from tests.smgw.core.slots import DRAWS, THIRTY, clients, drawn_in, notices, slots


def established(missing: int, *, replaced: tuple[Replaced, ...] = ()) -> tuple[Bench, list[ClientId]]:
    """A gateway with started edges to all that it drew; and the first so many of these."""
    bench, _ = drawn_in()
    held = tuple(edge(client) for client in clients(bench))
    bench.kept = replace(bench.kept, edges=held, replaced=replaced)
    bench.restart()
    bench.handle(Connected(), *shown(THIRTY))
    return bench, clients(bench)[:missing]


def rounds(bench: Bench, expected: set[int], count: int) -> list[Effect]:
    """So many FINALs in a row that expect these, and what the gateway does about them but ask and report."""
    effects: list[Effect] = []
    for _ in range(count):
        number = bench.now_ms // SCHEDULE.period_ms
        at_ms = SCHEDULE.deadline(after(number, 0), 0)
        effects += bench.handle(final(number, expected=expected, at=THIRTY.at, at_ms=at_ms), at_ms=at_ms)
        bench.now_ms += SCHEDULE.period_ms
    return effects


def test_one_slot_in_four_may_be_replaced_when_the_gateway_is_cut_off() -> None:
    bench, cut_off = established(missing=4)
    before = slots(bench)
    expected = {SELF, *clients(bench)[4:], 30}
    assert slots(bench) == before
    rounds(bench, expected, 3)
    assert slots(bench) == before
    effects = rounds(bench, expected, 1)
    ended = before.keys() - slots(bench).keys()
    assert len(ended) == 1
    (number,) = ended
    assert before[number].client in cut_off
    assert Store(Replaced(SELF, number)) in effects
    assert "Its certificate allows 1 such replacements, and this is no. 1." in notices(effects)[0].text
    assert len(slots(bench)) == DRAWS


def test_when_the_budget_is_spent_the_owner_is_told_once_and_nothing_is_drawn() -> None:
    bench, _ = established(missing=4, replaced=(Replaced(SELF, 5),))
    before = slots(bench)
    expected = {SELF, *clients(bench)[4:], 30}
    effects = rounds(bench, expected, 12)
    assert slots(bench) == before
    told = [notice for notice in notices(effects) if notice.level is Level.CRITICAL]
    assert [notice.text for notice in told] == [
        "The provider has cut this gateway off from 4 of the 6 neighbors that it drew. It draws no others: whoever"
        " could make it draw again could choose for it."
    ]


def test_a_restart_and_a_reconnect_do_not_renew_the_budget() -> None:
    bench, _ = established(missing=4)
    expected = {SELF, *clients(bench)[4:], 30}
    rounds(bench, expected, 4)
    once = slots(bench)
    bench.restart()
    bench.handle(Connected(), *shown(THIRTY))
    rounds(bench, {SELF, 30}, 12)
    assert slots(bench) == once


def test_a_new_certificate_has_a_budget_of_its_own() -> None:
    bench, _ = established(missing=4, replaced=(Replaced(77, 5),))
    before = slots(bench)
    rounds(bench, {SELF, *clients(bench)[4:], 30}, 4)
    assert len(before.keys() - slots(bench).keys()) == 1


def test_with_enough_expected_neighbors_nothing_is_replaced() -> None:
    bench, _ = established(missing=3)
    before = slots(bench)
    rounds(bench, {SELF, *clients(bench)[3:], 30}, 12)
    assert slots(bench) == before


def test_a_neighbor_that_is_back_in_between_is_not_replaced() -> None:
    bench, cut_off = established(missing=4)
    before = slots(bench)
    for _ in range(4):
        rounds(bench, {SELF, 30}, 3)
        rounds(bench, {SELF, *cut_off, *clients(bench)}, 1)
    assert slots(bench) == before
