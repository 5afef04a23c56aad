"""What the provider must not do: kept with both frames, told to the owner, and answered by staying away."""

import pytest

from common.identifiers import RoundNumber
from common.payloads import view_of
from smgw.core.events import Connected, Effect, Evidence, Level, Notice, Offense, Received, Store
from smgw.core.grievances import AWAY_ROUNDS_MAX, DAY_MS
from tests.smgw.core.builders import ALL, PEERS, Bench, after, announced, published, refusals, view
from tests.smgw.core.hardened import (
    BEFORE,
    MESH,
    calls_missing,
    closes,
    evidence,
    given,
    reports,
    sealed,
    shares,
    waiting,
)
from tests.smgw.core.rosters import ROUND, SCHEDULE

FIRST = SCHEDULE.deadline(ROUND, 0)
SECOND = SCHEDULE.deadline(ROUND, 1)


def alarms(effects: list[Effect]) -> list[str]:
    return [effect.text for effect in effects if isinstance(effect, Notice) and effect.level is Level.CRITICAL]


@pytest.mark.parametrize("other", [closes(included=PEERS), closes(expected=PEERS), closes(of_view=b"another.")])
def test_a_second_final_of_a_round_is_refused_and_kept_beside_the_first(other: Received) -> None:
    bench, said = sealed(), closes()
    bench.handle(said, at_ms=FIRST)
    effects = bench.handle(other)
    assert refusals(effects) == ["CONTRADICTION"]
    assert evidence(effects) == [Evidence(FIRST, ROUND, Offense.TWO_FINALS, said.payload, other.payload)]
    assert "two different FINALs" in alarms(effects)[0]
    assert given(bench.handle(said)) == shares(*PEERS)


def test_a_second_final_after_a_restart_is_refused_although_the_first_frame_is_not_kept() -> None:
    bench = sealed()
    bench.handle(closes(), at_ms=FIRST)
    bench.restart()
    bench.handle(Connected(), announced(MESH))
    effects = bench.handle(closes(included=PEERS))
    assert (refusals(effects), evidence(effects), len(alarms(effects))) == (["CONTRADICTION"], [], 1)


def test_a_final_for_a_round_that_another_called_void_is_a_second_one() -> None:
    bench, void = sealed(), closes(after(ROUND), void_from=ROUND)
    bench.handle(void, at_ms=SCHEDULE.deadline(after(ROUND), 0))
    effects = bench.handle(closes())
    (kept,) = evidence(effects)
    assert (kept.offense, kept.first, kept.second) == (Offense.TWO_FINALS, void.payload, closes().payload)
    assert refusals(effects) == ["CONTRADICTION"]


@pytest.mark.parametrize(
    ("reason", "other"),
    [("CONTRADICTION", calls_missing(6)), ("LIST_SHRINKS", calls_missing(6, attempt=2))],
)
def test_a_list_that_contradicts_the_one_before_is_refused_and_both_are_kept(reason: str, other: Received) -> None:
    bench, first = sealed(), calls_missing(5)
    bench.handle(first, at_ms=FIRST)
    effects = bench.handle(other)
    assert refusals(effects) == [reason]
    assert evidence(effects) == [Evidence(FIRST, ROUND, Offense.TWO_CORRECTIONS, first.payload, other.payload)]
    assert bench.sent.missing == type(bench.sent.missing).of([PEERS[3]])


def test_a_final_that_includes_whom_a_correction_named_is_kept_beside_it() -> None:
    bench, first = sealed(), calls_missing(5)
    bench.handle(first, at_ms=FIRST)
    said = closes(included=ALL)
    effects = bench.handle(said, at_ms=SECOND)
    assert evidence(effects) == [Evidence(SECOND, ROUND, Offense.NAMED_AND_INCLUDED, first.payload, said.payload)]
    assert "called members missing" in alarms(effects)[0]
    assert given(effects) == shares(1, 2, 3, 6, 7)


def test_a_final_that_includes_nobody_whom_a_correction_named_is_no_offense() -> None:
    bench = sealed()
    bench.handle(calls_missing(5), at_ms=FIRST)
    assert evidence(bench.handle(closes(included=ALL - {5}), at_ms=SECOND)) == []


def test_one_offense_of_a_round_is_kept_once() -> None:
    bench = sealed()
    bench.handle(closes(), at_ms=FIRST)
    others = [bench.handle(closes(included=ALL - {peer})) for peer in PEERS]
    assert [len(evidence(effects)) for effects in others] == [1, 0, 0, 0, 0, 0]
    assert all(refusals(effects) == ["CONTRADICTION"] for effects in others)


def leave_out(bench: Bench, number: int, last: bytes, *, apart_ms: int = 0) -> tuple[list[Effect], bytes]:
    """One round in which the gateway sends and a FINAL is without it; what it does about that, and the FINAL's name."""
    round_ = RoundNumber(number)
    bench.now_ms += apart_ms
    reports(bench, round_)
    said = closes(round_, of_view=last, included=PEERS)
    return bench.handle(said, at_ms=SCHEDULE.deadline(round_, 0)), view_of(said.payload)


def left_out(times: int) -> tuple[Bench, list[Effect], bytes]:
    """A gateway that was left out so often in a row, what it did the last time, and the name of the last FINAL."""
    bench, effects = waiting()[0], list[Effect]()
    last = view(BEFORE)
    for number in range(times):
        effects, last = leave_out(bench, ROUND + number, last)
    return bench, effects, last


def away(bench: Bench, number: int, last: bytes) -> int:
    """How many rounds in a row the gateway refuses to send, until it sends again."""
    for rounds in range(AWAY_ROUNDS_MAX + 2):
        effects = reports(bench, number + rounds)
        if refusals(effects) != ["STAYS_AWAY"]:
            assert len(published(effects)) == 1
            return rounds
        said = closes(number + rounds, of_view=last, included=PEERS)
        last = view(said)
        bench.handle(said, at_ms=SCHEDULE.deadline(RoundNumber(number + rounds), 0))
    raise AssertionError("it never came back")


def test_that_a_gateway_was_left_out_is_kept_with_its_own_frame() -> None:
    bench, effects, _ = left_out(1)
    (kept,) = evidence(effects)
    assert (kept.round, kept.offense, kept.first) == (ROUND, Offense.LEFT_OUT, bench.sent.frame)
    assert view_of(kept.second) == bench.kept.closed[-1].view
    assert bench.member.declared_missing == 1


@pytest.mark.parametrize("times", [1, 2])
def test_a_gateway_that_was_left_out_less_than_three_times_stays(times: int) -> None:
    bench, _, last = left_out(times)
    assert away(bench, ROUND + times, last) == 0


def test_a_gateway_that_was_left_out_three_times_in_a_day_stays_away_for_a_while_and_returns() -> None:
    bench, effects, last = left_out(3)
    (told,) = (effect.text for effect in effects if isinstance(effect, Notice))
    rounds = away(bench, ROUND + 3, last)
    assert 1 <= rounds <= AWAY_ROUNDS_MAX
    assert told.endswith(f"It stays away until round {ROUND + 3 + rounds}.")


def test_what_happened_a_day_ago_does_not_count() -> None:
    bench, _, last = left_out(2)
    number = ROUND + 2 + DAY_MS // SCHEDULE.period_ms
    before = closes(number - 1, of_view=last)
    bench.handle(before, at_ms=SCHEDULE.deadline(RoundNumber(number - 1), 0))
    _, last = leave_out(bench, number, view(before))
    assert bench.member.declared_missing == 3
    assert away(bench, number + 1, last) == 0


def test_how_often_it_was_left_out_is_known_after_a_restart() -> None:
    bench, _, last = left_out(2)
    bench.now_ms = SCHEDULE.start(after(ROUND, 2)) - 1_000
    bench.restart()
    bench.handle(Connected(), announced(MESH), closes(after(ROUND), of_view=bench.sent.view, included=PEERS))
    effects, last = leave_out(bench, ROUND + 2, last)
    assert isinstance(effects[0], Store)
    assert 1 <= away(bench, ROUND + 3, last) <= AWAY_ROUNDS_MAX


def test_what_a_final_shows_of_the_provider_is_kept_although_a_later_one_came_first() -> None:
    bench, first = sealed(), calls_missing(5)
    bench.handle(first, at_ms=FIRST)
    said = closes(included=ALL)
    bench.handle(closes(after(ROUND), of_view=view(said)), at_ms=SCHEDULE.deadline(after(ROUND), 0))
    effects = bench.handle(said)
    assert evidence(effects) == [Evidence(bench.now_ms, ROUND, Offense.NAMED_AND_INCLUDED, first.payload, said.payload)]


def test_a_final_of_another_chain_that_leaves_the_gateway_out_is_counted_and_proves_nothing() -> None:
    bench = sealed()
    effects = bench.handle(closes(included=PEERS, of_view=b"another."), at_ms=SECOND)
    assert evidence(effects) == []
    assert bench.member.declared_missing == 1
