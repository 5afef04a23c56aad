"""Seeds move on with the days, by the number of the round: both ends agree across midnight, and old keys go."""

from dataclasses import replace

import pytest

from common.schedule import DAY_MS
from smgw.core.events import Effect, ReadingTaken, Store
from tests.smgw.core.builders import (
    MIDNIGHT,
    PEERS,
    Bench,
    after,
    before,
    body,
    contents,
    edge,
    final,
    roster,
    seed,
    sent_by,
    valid,
    without,
)
from tests.smgw.core.rosters import SCHEDULE

DAY = SCHEDULE.day(MIDNIGHT)


def around(number: int) -> Bench:
    """A member at the end of the round before this one, which expects it."""
    bench = Bench(now_ms=SCHEDULE.start(before(number)))
    bench.handle(roster(), final(before(number)))
    bench.tick(SCHEDULE.start(after(number, 0)))
    return bench


def report(bench: Bench, number: int) -> list[Effect]:
    bench.handle(ReadingTaken(valid(number)))
    return bench.run(SCHEDULE.start(after(number)) - 1)


def days(bench: Bench) -> set[int]:
    return {e.seed.day for e in bench.kept.edges}


@pytest.mark.parametrize("number", [before(MIDNIGHT), MIDNIGHT, after(MIDNIGHT), after(MIDNIGHT, 96 * 3)])
def test_masks_are_those_of_the_rounds_own_day(number: int) -> None:
    frame = sent_by(report(around(number), number))
    assert without(body(frame).lanes, *PEERS, number=number) == (1_234, 0, 1)


def test_the_day_of_a_round_changes_exactly_at_midnight() -> None:
    assert SCHEDULE.start(MIDNIGHT) % DAY_MS == 0
    assert SCHEDULE.day(before(MIDNIGHT)) == DAY - 1


def test_the_key_of_the_day_before_is_erased_eight_rounds_into_the_new_day() -> None:
    bench = around(MIDNIGHT)
    assert days(bench) == {DAY - 1}
    for rounds in range(8):
        number = after(MIDNIGHT, rounds)
        bench.handle(final(number), at_ms=SCHEDULE.deadline(number, 0))
        assert days(bench) == {DAY - 1}
    number = after(MIDNIGHT, 8)
    effects = bench.handle(final(number), at_ms=SCHEDULE.deadline(number, 0))
    aged = [replace(edge(peer), seed=seed(peer).on(DAY)) for peer in PEERS]
    assert [effect for effect in effects if isinstance(effect, Store)] == [Store(record) for record in aged]
    bench.restart()
    for kept in bench.member.situation.edges.values():
        with pytest.raises(ValueError, match="was erased"):
            kept.seed.on(DAY - 1)


def test_before_the_ratchet_rounds_of_the_new_day_still_get_its_masks() -> None:
    bench = around(after(MIDNIGHT, 3))
    frame = sent_by(report(bench, after(MIDNIGHT, 3)))
    assert days(bench) == {DAY - 1}
    assert without(body(frame).lanes, *PEERS, number=after(MIDNIGHT, 3)) == (1_234, 0, 1)


def test_after_the_ratchet_masks_are_the_same_as_from_the_old_key() -> None:
    number = after(MIDNIGHT, 20)
    aged = tuple(replace(e, seed=e.seed.on(DAY)) for e in contents().edges)
    bench = Bench(replace(contents(), edges=aged), now_ms=SCHEDULE.start(before(number)))
    bench.handle(roster(), final(before(number)))
    bench.tick(SCHEDULE.start(number))
    frame = sent_by(report(bench, number))
    assert without(body(frame).lanes, *PEERS, number=number) == (1_234, 0, 1)


def test_a_gateway_that_was_away_for_days_catches_up_with_the_first_final() -> None:
    number = after(MIDNIGHT, 96 * 5 + 8)
    bench = Bench()
    bench.handle(roster(), final(number, expected=PEERS), at_ms=SCHEDULE.deadline(number, 0))
    assert days(bench) == {DAY + 5}
