"""FINAL: which one counts, what it starts, and what the gateway says about a round it was left out of."""

from dataclasses import replace

import pytest

from common.frames import Notification
from common.refusal import Refusal
from common.suites import fingerprint
from smgw.core.events import (
    Closed,
    Connected,
    Edge,
    EdgeErased,
    Effect,
    Evidence,
    Level,
    Notice,
    Offense,
    ReadingTaken,
    Refuse,
    Store,
    VaultContents,
)
from tests.smgw.core.builders import (
    ALL,
    PEERS,
    SELF,
    START,
    VIEW,
    Bench,
    after,
    before,
    body,
    contents,
    edge,
    final,
    published,
    refusals,
    reported,
    roster,
    sent_by,
    settled,
    tunnel,
    valid,
    view,
)
from tests.smgw.core.rosters import ROUND, SCHEDULE

DEADLINE = SCHEDULE.deadline(ROUND, 0)


def refuses(reason: str) -> list[Effect]:
    return [Refuse(Refusal[reason], Notification.FINAL)]


def test_a_final_of_a_round_to_come_is_refused() -> None:
    assert settled().handle(final(after(ROUND), at_ms=START), at_ms=START) == refuses("FUTURE")


def test_the_final_of_the_round_that_runs_may_come_early() -> None:
    assert settled().handle(final(ROUND, at_ms=START + 1), at_ms=START + 1)[-1:] != refuses("FUTURE")


@pytest.mark.parametrize("rounds", [2, 3, 50])
def test_a_final_older_than_the_round_before_is_refused(rounds: int) -> None:
    bench = Bench()
    bench.handle(roster())
    bench.now_ms = START
    assert bench.handle(final(before(ROUND, rounds))) == refuses("STALE")


def test_a_final_that_waited_for_long_is_refused_before_anybody_checks_its_signature() -> None:
    bench = settled()
    old = final(ROUND, at_ms=START)
    unsigned = type(old)(old.topic, old.payload[:-64] + bytes(64))
    assert bench.handle(unsigned, at_ms=START + 3 * SCHEDULE.period_ms + 1) == refuses("STALE")
    assert bench.handle(unsigned, at_ms=START) == refuses("BAD_SIGNATURE")


def test_an_earlier_final_than_the_last_is_refused() -> None:
    bench = settled()
    bench.handle(final(ROUND), at_ms=DEADLINE)
    assert bench.handle(final()) == refuses("STALE")


def test_a_repeated_final_changes_nothing() -> None:
    bench, _ = reported()
    order = final(ROUND, expected=PEERS)
    assert bench.handle(order, at_ms=DEADLINE)
    assert bench.handle(order) == []


def test_a_second_different_final_of_a_round_is_refused() -> None:
    bench, _ = reported()
    bench.handle(final(ROUND), at_ms=DEADLINE)
    assert refusals(bench.handle(final(ROUND, expected=PEERS))) == ["CONTRADICTION"]


def test_a_final_before_the_rules_waits_for_them() -> None:
    bench = Bench()
    assert bench.handle(final(), at_ms=START - 1_000) == []
    bench.handle(roster())
    assert published(reported(bench)[1]) == [Notification.SUPERPOSITION]


def test_a_final_that_turns_out_stale_when_the_rules_come_is_counted_as_a_final() -> None:
    bench, effects = reported()
    bench.restart()
    bench.handle(Connected(), final(before(ROUND, 2)))
    out = bench.handle(roster())
    assert [effect for effect in out if isinstance(effect, Refuse)] == refuses("STALE")
    assert sent_by(out) == sent_by(effects)


def test_a_final_that_includes_the_gateway_closes_its_round() -> None:
    bench, _ = reported()
    order = final(ROUND)
    assert bench.handle(order, at_ms=DEADLINE) == [Store(Closed(ROUND, True, view(order)))]
    assert bench.member.declared_missing == 0


def test_a_gateway_that_was_left_out_although_it_sent_counts_that_and_says_so() -> None:
    bench, _ = reported()
    order, frame = final(ROUND, included=PEERS, of_view=VIEW), bench.sent.frame
    text = (
        f"The provider left this gateway out of round {ROUND} although it sent"
        " (1 times within a day, 1 times since the start)."
    )
    assert bench.handle(order, at_ms=DEADLINE) == [
        Store(Closed(ROUND, False, view(order))),
        Store(Evidence(DEADLINE, ROUND, Offense.LEFT_OUT, frame, order.payload)),
        Notice(Level.WARNING, text),
    ]
    assert bench.member.declared_missing == 1


def test_a_round_that_had_no_sum_left_nobody_out() -> None:
    bench, _ = reported()
    order = final(ROUND, included=())
    assert bench.handle(order, at_ms=DEADLINE) == [Store(Closed(ROUND, False, view(order)))]
    assert bench.member.declared_missing == 0


def test_a_gateway_that_did_not_send_counts_nothing() -> None:
    bench = settled()
    bench.tick(START)
    assert bench.handle(final(ROUND, included=PEERS), at_ms=DEADLINE) == []
    assert bench.member.declared_missing == 0


def test_edges_start_in_the_round_after_the_final_that_names_them() -> None:
    bench = Bench(replace(contents(), edges=(*contents(PEERS[:4]).edges, edge(6, is_started=False))))
    bench.handle(roster(), final(), at_ms=START - 1_000)
    _, first = reported(bench)
    assert body(sent_by(first)).edges == fingerprint(tunnel(peer) for peer in (1, 2, 3, 5))
    order = final(ROUND, started=[tunnel(6)])
    assert bench.handle(order, at_ms=DEADLINE) == [Store(Closed(ROUND, True, view(order))), Store(edge(6))]
    second = report_next(bench)
    assert body(sent_by(second)).edges == fingerprint(tunnel(peer) for peer in (1, 2, 3, 5, 6))


def report_next(bench: Bench) -> list[Effect]:
    """What the gateway does about its reading of the round after `ROUND`."""
    bench.tick(SCHEDULE.start(after(ROUND)))
    bench.handle(ReadingTaken(valid(after(ROUND))))
    return bench.run(SCHEDULE.deadline(after(ROUND), 0))


def test_an_edge_that_starts_erases_the_one_it_renews() -> None:
    renewed = edge(5, is_started=False, generation=1)
    bench = Bench(VaultContents(contents().membership, (*contents().edges, renewed)))
    bench.handle(roster(), at_ms=START - 1_000)
    effects = bench.handle(final(started=[renewed.tunnel]))
    started = edge(5, generation=1)
    assert effects[:2] == [Store(EdgeErased(tunnel(5))), Store(started)]
    assert {e.tunnel for e in bench.kept.edges if e.peer == 5} == {started.tunnel}


def test_edges_of_others_and_edges_that_run_already_are_not_started_again() -> None:
    bench = settled()
    bench.tick(START)
    assert bench.handle(final(ROUND, started=[tunnel(5), tunnel(9, 4)]), at_ms=DEADLINE) == []


def test_an_edge_that_no_final_started_is_forgotten_after_96_rounds() -> None:
    stood = SCHEDULE.start(before(ROUND, 96))
    waiting: Edge = edge(9, is_started=False, stood_ms=stood)
    bench = Bench(VaultContents(contents().membership, (*contents().edges, waiting)))
    assert bench.handle(roster(), final(), at_ms=START)[-1:] != [Store(EdgeErased(waiting.tunnel))]
    assert waiting in bench.kept.edges
    bench.handle(final(ROUND), at_ms=START + 1)
    assert waiting not in bench.kept.edges


def test_a_final_that_expects_everybody_but_this_gateway_makes_it_ask() -> None:
    bench = settled()
    bench.tick(START)
    assert published(bench.handle(final(ROUND, expected=ALL - {SELF}), at_ms=DEADLINE)) == []
    due = bench.member.deadline
    assert due is not None
    assert DEADLINE < due < DEADLINE + SCHEDULE.window_ms
    assert published(bench.tick(due)) == [Notification.RESUME]
