"""One round at the provider: distinct clients are counted, the missing are found, and the sum is opened."""

from dataclasses import replace

from common.frames import Notification
from common.identifiers import RoundNumber
from common.superposition import ZERO
from provider.core.events import (
    FinalRecord,
    MemberState,
    Notice,
    RoundClosed,
    RoundResult,
    RoundStatus,
    Store,
    Why,
)
from tests.provider.core.bench import Bench, operating
from tests.provider.core.builders import (
    DEADLINE,
    NETWORK,
    ROUND,
    SCHEDULE,
    START,
    after,
    beyond_mesh,
    corrects,
    everybody,
    final,
    final_frame,
    members,
    published,
    reading,
    refusals,
    result_of,
    retained,
    ring,
    total,
)

SECOND = SCHEDULE.deadline(ROUND, 1)
SEVEN = (1, 2, 3, 4, 5, 6, 7)


def complete(now_ms: int, **changes: object) -> RoundResult:
    result = RoundResult(
        network=NETWORK,
        region="north",
        round=ROUND,
        start_ms=START - SCHEDULE.period_ms,
        status=RoundStatus.COMPLETE,
        why=Why.NONE,
        members=7,
        present=7,
        missing=0,
        away=0,
        attempts=0,
        import_dwh=2_800,
        export_dwh=28,
        contributors=7,
        duration_ms=now_ms - START,
    )
    return replace(result, **changes)  # type: ignore[arg-type]


def test_a_round_closes_as_soon_as_everybody_has_sent() -> None:
    bench = operating(everybody(7))
    view = bench.view
    bench.now_ms = START + 5_000
    assert bench.report(*SEVEN[:6]) == []
    effects = bench.report(7)
    said = final(ROUND, view, members(*SEVEN), members(*SEVEN), leaves=7)
    frame = final_frame(said, START + 5_000)
    assert effects == [
        Store(complete(START + 5_000)),
        Store(FinalRecord(NETWORK, ROUND, frame)),
        RoundClosed(complete(START + 5_000), certified=8),
        retained(frame, START + 5_000),
    ]


def test_one_batch_is_as_good_as_single_messages() -> None:
    bench = operating(everybody(7))
    result = result_of(bench.report(*SEVEN))
    assert (result.import_dwh, result.export_dwh, result.contributors) == total(*SEVEN)


def test_clients_are_counted_and_not_frames() -> None:
    bench = operating(everybody(7))
    effects = bench.report(1, 2, 3, 4, 5, 6, 6)
    assert refusals(effects) == ["REPEATED"]
    assert published(bench.tick(DEADLINE)) == [Notification.CORRECTION]


def test_a_zero_vector_counts_as_present_and_not_as_a_contributor() -> None:
    bench = operating(everybody(7))
    bench.report(*SEVEN[:6])
    result = result_of(bench.receive(bench.frame(7, lanes=ZERO)))
    assert (result.status, result.present, result.contributors) == (RoundStatus.COMPLETE, 7, 6)


def test_before_the_deadline_nothing_is_corrected() -> None:
    bench = operating(everybody(7))
    bench.report(*SEVEN[:6])
    assert bench.machine.deadline == DEADLINE
    assert bench.tick(DEADLINE - 1) == []


def test_the_missing_are_named_and_their_neighbors_send_again() -> None:
    bench = operating(everybody(7))
    view = bench.view
    bench.report(*SEVEN[:5])
    text = f"round {ROUND}: 2 missing, correction 1"
    assert bench.tick(DEADLINE) == [corrects(ROUND, view, 1, 6, 7), Notice(text)]
    assert bench.machine.deadline == SECOND
    effects = bench.report(*SEVEN[:5], missing=(6, 7), attempt=1)
    result = result_of(effects)
    assert (result.status, result.why, result.attempts) == (RoundStatus.CORRECTED, Why.NONE, 1)
    assert (result.present, result.missing) == (5, 2)
    assert (result.import_dwh, result.export_dwh, result.contributors) == total(1, 2, 3, 4, 5)
    assert bench.last.included == members(1, 2, 3, 4, 5)


def test_only_neighbors_of_the_missing_are_awaited_again() -> None:
    bench = operating(ring(12), contents=beyond_mesh(ring(12)))
    bench.report(*range(2, 13))
    bench.tick(DEADLINE)
    touched, untouched = (2, 3, 11, 12), (4, 5, 6, 7, 8, 9, 10)
    assert refusals(bench.report(*untouched)) == ["REPEATED"] * 7
    assert refusals(bench.report(5, attempt=1)) == ["UNEXPECTED"]
    assert result_of(bench.report(*touched, missing=(1,), attempt=1)).contributors == 11


def test_a_frame_of_the_first_sending_does_not_answer_a_correction() -> None:
    bench = operating(everybody(7))
    bench.report(*SEVEN[:6])
    bench.tick(DEADLINE)
    assert refusals(bench.report(1)) == ["LATE"]


def test_a_frame_of_a_missing_member_is_late_and_changes_nothing() -> None:
    bench = operating(everybody(7))
    bench.report(*SEVEN[:6])
    bench.tick(DEADLINE)
    assert refusals(bench.report(7)) == ["LATE"]
    result = result_of(bench.report(*SEVEN[:6], missing=(7,), attempt=1))
    assert (result.import_dwh, result.export_dwh, result.contributors) == total(*SEVEN[:6])


def test_a_neighbor_that_drops_out_of_a_correction_is_named_in_the_next() -> None:
    bench = operating(everybody(8))
    view = bench.view
    bench.report(*SEVEN)
    bench.tick(DEADLINE)
    bench.report(*SEVEN[:6], missing=(8,), attempt=1)
    assert bench.tick(SECOND)[0] == corrects(ROUND, view, 2, 7, 8)
    result = result_of(bench.report(*SEVEN[:6], missing=(7, 8), attempt=2))
    assert (result.attempts, result.import_dwh) == (2, 2_100)


def test_attempts_end_and_then_the_round_is_lost() -> None:
    bench = operating(everybody(12))
    clients = list(range(1, 13))
    for attempt in range(4):
        bench.report(*clients[: 11 - attempt], missing=clients[12 - attempt :], attempt=attempt)
        effects = bench.tick(SCHEDULE.deadline(ROUND, attempt))
        assert bool(bench.results) == (attempt == 3)
    result = result_of(effects)
    assert (result.status, result.why, result.attempts) == (RoundStatus.LOST, Why.ATTEMPTS, 3)
    assert (result.present, result.import_dwh, result.contributors) == (0, None, None)
    assert bench.last.included == members()


def test_when_nobody_sends_the_round_is_lost() -> None:
    bench = operating(everybody(7))
    result = result_of(bench.tick(DEADLINE))
    assert (result.status, result.why, result.present, result.missing) == (RoundStatus.LOST, Why.NOBODY, 0, 7)


def test_below_the_minimum_nothing_is_corrected_and_nothing_published() -> None:
    bench = operating(everybody(7))
    bench.report(1, 2, 3, 4)
    effects = bench.tick(DEADLINE)
    result = result_of(effects)
    assert (result.status, result.why, result.import_dwh) == (RoundStatus.REFUSED, Why.TOO_FEW_LEFT, None)
    assert Notification.CORRECTION not in published(effects)


def test_a_member_left_with_too_few_masks_is_left_out_as_well() -> None:
    """Client 8 has three neighbors; with one of them missing it has too few, though it sent."""
    pairs = [*everybody(7), (1, 8), (2, 8), (3, 8)]
    bench = operating(pairs, contents=beyond_mesh(pairs))
    view = bench.view
    bench.report(2, 3, 4, 5, 6, 7, 8)
    assert bench.tick(DEADLINE)[0] == corrects(ROUND, view, 1, 1, 8)
    result = result_of(bench.report(2, 3, 4, 5, 6, 7, missing=(1, 8), attempt=1))
    assert (result.import_dwh, result.export_dwh, result.contributors) == total(2, 3, 4, 5, 6, 7)
    assert (bench.state(1), bench.state(8)) == (MemberState.AWAY, MemberState.PRESENT)


def test_a_part_too_small_to_hide_anybody_is_left_out() -> None:
    """Two groups joined by client 5 alone: without it the smaller one could be summed by itself."""
    left, right = everybody(4), [(a, b) for a, b in everybody(12) if a > 5]
    bridge = [(a, 5) for a in (1, 2, 3, 4, 6, 7)]
    pairs = [*left, *right, *bridge]
    bench = operating(pairs, contents=beyond_mesh(pairs))
    view = bench.view
    bench.report(1, 2, 3, 4, *range(6, 13))
    assert bench.tick(DEADLINE)[0] == corrects(ROUND, view, 1, 1, 2, 3, 4, 5)
    result = result_of(bench.report(6, 7, missing=(1, 2, 3, 4, 5), attempt=1))
    assert (result.import_dwh, result.export_dwh, result.contributors) == total(*range(6, 13))


def test_a_network_that_falls_apart_into_small_parts_is_refused() -> None:
    left, right = everybody(4), [(a, b) for a, b in everybody(9) if a > 5]
    pairs = [*left, *right, *[(a, 5) for a in (1, 2, 6, 7)]]
    bench = operating(pairs, contents=beyond_mesh(pairs))
    bench.report(1, 2, 3, 4, 6, 7, 8, 9)
    result = result_of(bench.tick(DEADLINE))
    assert (result.status, result.why) == (RoundStatus.REFUSED, Why.SPLIT)


def test_masks_that_do_not_cancel_are_never_published() -> None:
    bench = operating(everybody(7))
    bench.report(*SEVEN[:6])
    seventh = [e.tunnel for e in bench.contents.edges if 7 in (e.initiator, e.responder)]
    result = result_of(bench.receive(bench.saying(7, (1, 2, 2**40), seventh)))
    assert (result.status, result.why) == (RoundStatus.LOST, Why.NO_CANCEL)
    assert (result.present, result.import_dwh, result.contributors) == (0, None, None)


def test_a_sum_over_fewer_readings_than_the_minimum_is_not_published() -> None:
    bench = operating(everybody(7))
    bench.report(1, 2, 3, 4)
    result = result_of(bench.receive(*(bench.frame(client, lanes=ZERO) for client in (5, 6, 7))))
    assert (result.status, result.why) == (RoundStatus.REFUSED, Why.TOO_FEW_READINGS)
    assert (result.import_dwh, result.contributors) == (None, None)


def test_other_masks_than_those_of_the_key_graph_make_a_member_missing() -> None:
    bench = operating(everybody(7))
    view = bench.view
    bench.report(*SEVEN[:6])
    wrong = [e.tunnel for e in bench.contents.edges if 7 in (e.initiator, e.responder)][1:]
    assert refusals(bench.receive(bench.saying(7, reading(7), wrong))) == ["WRONG_MASKS"]
    assert bench.tick(DEADLINE)[0] == corrects(ROUND, view, 1, 7)


def test_a_round_that_is_closed_takes_no_frame() -> None:
    bench = operating(everybody(7))
    late = bench.frame(7)
    bench.report(*SEVEN)
    assert refusals(bench.receive(late)) == ["LATE"]


def test_good_and_bad_messages_in_one_batch_do_not_touch_each_other() -> None:
    bench = operating(everybody(7))
    good = [bench.frame(client) for client in SEVEN]
    bad = [replace(good[0], payload=b"DCN"), replace(good[1], is_retained=True), replace(good[2], topic="x")]
    effects = bench.receive(bad[0], *good[:3], bad[1], *good[3:], bad[2], good[0])
    assert refusals(effects) == ["TOO_SHORT", "RETAINED", "WRONG_TOPIC", "REPEATED"]
    assert result_of(effects).contributors == 7


def test_every_round_follows_the_one_before() -> None:
    bench = operating(everybody(7))
    for number in range(ROUND, ROUND + 4):
        view = bench.view
        bench.now_ms = SCHEDULE.start(RoundNumber(number)) + 1_000
        bench.report(*SEVEN)
        assert (bench.last.round, bench.last.view) == (number, view)
    assert [result.round for result in bench.results] == [after(ROUND, step) for step in range(4)]


def frames_of(bench: Bench) -> list[RoundNumber]:
    return [record.round for record in bench.records if isinstance(record, FinalRecord)]


def test_no_round_has_two_finals() -> None:
    bench = operating(everybody(7))
    bench.report(*SEVEN)
    bench.tick(DEADLINE)
    bench.run(SCHEDULE.start(after(ROUND, 5)))
    assert frames_of(bench) == sorted(set(frames_of(bench)))
