"""A round's masks cover one reading only: through restarts, reconnects, and a clock that is set back."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from common.frames import Notification
from smgw.core.events import Connected, Disconnected, Event, Publish, ReadingTaken, Store, Tick
from tests.common.strategies import moderate
from tests.smgw.core.builders import (
    MIDNIGHT,
    SEND_AT,
    START,
    Bench,
    after,
    before,
    contents,
    correction,
    final,
    not_sent,
    published,
    refusals,
    reported,
    roster,
    sent_by,
    settled,
    valid,
)
from tests.smgw.core.rosters import ROUND, SCHEDULE

PERIOD_MS = SCHEDULE.period_ms
DEADLINE = SCHEDULE.deadline(ROUND, 0)


def come_back(bench: Bench, at_ms: int) -> list[bytes]:
    """Start again from the vault, get the retained frames and a reading, and run to the end of the round."""
    bench.now_ms = at_ms
    bench.restart()
    effects = bench.handle(Connected(), roster(), final())
    effects += bench.handle(ReadingTaken(valid(import_dwh=99)))
    effects += bench.run(START + PERIOD_MS - 1)
    return [effect.payload for effect in effects if isinstance(effect, Publish) and is_report(effect)]


def is_report(effect: Publish) -> bool:
    return published([effect]) == [Notification.SUPERPOSITION]


def test_after_a_restart_within_the_round_the_stored_bytes_are_repeated_and_nothing_is_made_anew() -> None:
    bench, effects = reported()
    frame, records = sent_by(effects), len(bench.records)
    assert come_back(bench, SEND_AT + 1_000) == [frame]
    assert bench.records[records:] == []


def test_after_a_restart_the_order_of_the_retained_frames_does_not_matter() -> None:
    bench, effects = reported()
    bench.restart()
    again = bench.handle(Connected(), final(), roster())
    assert [e.payload for e in again if isinstance(e, Publish)] == [sent_by(effects)]


def test_after_a_restart_a_corrected_frame_is_repeated_as_corrected() -> None:
    bench, _ = reported()
    effects = bench.handle(correction(5), at_ms=DEADLINE)
    assert come_back(bench, DEADLINE + 1_000) == [sent_by(effects)]


def test_without_a_stored_frame_a_gateway_that_started_within_the_round_is_silent() -> None:
    bench = Bench(now_ms=START + 1)
    bench.handle(Connected(), roster(), final(), Tick(), ReadingTaken(valid()))
    effects = bench.run(START + PERIOD_MS - 1)
    assert effects == not_sent("STARTED_WITHIN_ROUND")


def test_a_frame_that_was_stored_but_never_left_is_sent_after_the_restart() -> None:
    bench, effects = reported()
    (record,) = (effect.record for effect in effects if isinstance(effect, Store))
    assert bench.sent == record
    assert come_back(bench, SEND_AT + 1) == [sent_by(effects)]


def test_after_the_deadline_of_the_round_nothing_is_repeated() -> None:
    bench, _ = reported()
    assert come_back(bench, DEADLINE) == []


def test_after_the_final_of_the_round_nothing_is_repeated() -> None:
    bench, _ = reported()
    bench.handle(final(ROUND))
    bench.restart()
    assert published(bench.handle(Connected(), roster(), final())) == []


def test_a_bus_that_comes_back_gets_the_same_bytes_again() -> None:
    bench, effects = reported()
    assert bench.handle(Disconnected()) == []
    again = bench.handle(Connected(), at_ms=SEND_AT + 5_000)
    assert [e for e in again if isinstance(e, Publish)] == [e for e in effects if isinstance(e, Publish)]


def test_a_bus_that_comes_back_after_the_deadline_gets_nothing() -> None:
    bench, _ = reported()
    assert published(bench.handle(Disconnected(), Connected(), at_ms=DEADLINE)) == []


def test_a_clock_set_back_makes_nothing_new_for_a_round_that_was_sent() -> None:
    bench, _ = reported()
    bench.now_ms = START - 1_000
    bench.handle(Tick())
    bench.tick(START)
    assert bench.handle(ReadingTaken(valid(import_dwh=77))) == []
    assert bench.run(START + PERIOD_MS - 1) == []


def test_a_clock_set_back_by_rounds_leaves_every_earlier_round_without_a_frame() -> None:
    bench, _ = reported()
    earlier = SCHEDULE.start(before(ROUND, 3))
    bench.tick(earlier)
    bench.handle(ReadingTaken(valid(before(ROUND, 3))))
    assert published(bench.run(earlier + PERIOD_MS - 1)) == []


def test_a_restored_backup_of_the_vault_does_not_send_in_the_round_it_wakes_up_in() -> None:
    bench, _ = reported()
    bench.kept = contents()
    assert come_back(bench, SEND_AT + 1_000) == []


def test_a_round_not_above_the_last_one_that_was_sent_is_refused() -> None:
    bench, _ = reported()
    ahead = Bench(replace(bench.kept, sent=(replace(bench.sent, round=after(ROUND)),)))
    ahead.handle(roster(), final(), at_ms=START - 1_000)
    _, effects = reported(ahead)
    assert refusals(effects) == ["ROUND_NOT_NEW"]


def test_seeds_of_a_later_day_than_the_round_are_never_used() -> None:
    tomorrow = [replace(e, seed=e.seed.on(SCHEDULE.day(MIDNIGHT))) for e in contents().edges]
    bench = Bench(replace(contents(), edges=tuple(tomorrow)))
    bench.handle(roster(), final(), at_ms=START - 1_000)
    _, effects = reported(bench)
    assert refusals(effects) == ["ROUND_NOT_NEW"]


moments = st.integers(START - 2 * PERIOD_MS, START + 2 * PERIOD_MS)
turns = st.sampled_from(["tick", "reading", "restart", "connect", "disconnect", "roster", "final", "correct 5"])


@moderate
@given(st.lists(st.tuples(moments, turns), max_size=40))
def test_whatever_happens_in_whatever_order_a_round_has_one_first_frame(steps: list[tuple[int, str]]) -> None:
    """Clock jumps, restarts and messages in any order: frames of one round and one attempt are the same bytes."""
    bench, frames = settled(), dict[tuple[int, int], bytes]()
    for at_ms, turn in steps:
        current = SCHEDULE.round_at(at_ms)
        bench.now_ms = at_ms
        if turn == "restart":
            bench.restart()
        events: dict[str, Event] = {
            "reading": ReadingTaken(valid(current, import_dwh=at_ms % 1_000)),
            "connect": Connected(),
            "disconnect": Disconnected(),
            "roster": roster(),
            "final": final(before(current)),
            "correct 5": correction(5, number=current),
        }
        for effect in bench.handle(events.get(turn, Tick())):
            if isinstance(effect, Publish) and is_report(effect):
                assert bench.sent.frame == effect.payload
                key = (bench.sent.round, bench.sent.attempt)
                assert frames.setdefault(key, effect.payload) == effect.payload
