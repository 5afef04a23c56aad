"""Notification 4 and its answer: the same reading without the masks toward the missing."""

from dataclasses import replace

import pytest

from common.clients import ClientSet
from common.frames import Notification, decode
from common.identifiers import ClientId
from common.payloads import Superposition, view_of
from common.refusal import Refusal
from common.suites import fingerprint
from common.superposition import vector
from smgw.core.events import (
    Connected,
    Disconnected,
    Effect,
    Notice,
    Publish,
    ReadingTaken,
    Received,
    Refuse,
    Sent,
    Store,
)
from tests.smgw.core.builders import (
    OWN,
    PEERS,
    RULES,
    SELF,
    SEND_AT,
    START,
    VIEW,
    Bench,
    after,
    before,
    body,
    contents,
    correction,
    final,
    members,
    published,
    refusals,
    reported,
    roster,
    said,
    sent_by,
    settled,
    tunnel,
    valid,
    view,
    without,
)
from tests.smgw.core.rosters import PARAMETERS, ROUND, SCHEDULE

FIRST = SCHEDULE.deadline(ROUND, 0)
SECOND = SCHEDULE.deadline(ROUND, 1)
REFUSED = Notification.CORRECTION


def refuses(reason: str) -> list[Effect]:
    return [Refuse(Refusal[reason], REFUSED)]


def asked(*orders: Received, at_ms: int = FIRST) -> list[Effect]:
    """What a gateway that has reported does about the last of these orders."""
    bench, _ = reported()
    effects: list[Effect] = []
    for order in orders:
        effects = bench.handle(order, at_ms=at_ms)
    return effects


def test_a_correction_is_answered_with_the_same_reading_without_the_masks_toward_the_missing() -> None:
    bench, effects = reported(reading=valid(import_dwh=4_321))
    first = body(sent_by(effects))
    effects = bench.handle(correction(2, 5), at_ms=FIRST)
    frame, kept = sent_by(effects), tuple(tunnel(peer) for peer in (1, 3, 6, 7))
    second = body(frame)
    assert second.lanes == without(first.lanes, 2, 5)
    assert without(second.lanes, 1, 3, 6, 7) == vector(4_321, 0)
    assert (second.attempt, second.edges) == (1, fingerprint(kept))
    missing = ClientSet.of([ClientId(2), ClientId(5)])
    data = Superposition.decode(decode(frame).frame.data).encode()
    assert effects == [
        Store(Sent(ROUND, VIEW, valid(import_dwh=4_321), 1, kept, missing, frame, PEERS)),
        said(Notification.SUPERPOSITION, data, FIRST, SECOND - FIRST),
    ]


def test_a_further_attempt_drops_only_the_masks_that_are_left() -> None:
    bench, effects = reported()
    bench.handle(correction(2), at_ms=FIRST)
    again = bench.handle(correction(2, 7, attempt=2), at_ms=SECOND)
    assert body(sent_by(again)).lanes == without(body(sent_by(effects)).lanes, 2, 7)
    assert (bench.sent.attempt, bench.sent.missing) == (2, members([2, 7]))


def test_an_attempt_that_was_lost_on_the_way_is_made_up_by_the_next() -> None:
    bench, effects = reported()
    again = bench.handle(correction(2, 7, attempt=2), at_ms=SECOND)
    assert body(sent_by(again)).lanes == without(body(sent_by(effects)).lanes, 2, 7)


def test_a_correction_that_names_no_neighbor_changes_nothing() -> None:
    bench, effects = reported()
    assert bench.handle(correction(8, 9), at_ms=FIRST) == []
    assert bench.sent.frame == sent_by(effects)


@pytest.mark.parametrize("missing", [SELF, 5, 8])
def test_a_gateway_that_has_not_sent_when_a_correction_comes_stays_silent_in_that_round(missing: int) -> None:
    bench = settled()
    bench.tick(START)
    bench.handle(ReadingTaken(valid()))
    effects = bench.handle(correction(missing), at_ms=SEND_AT - 1)
    assert effects[0] == Refuse(Refusal.LATE, Notification.SUPERPOSITION)
    assert published(bench.tick(SEND_AT) + bench.run(SCHEDULE.start(after(ROUND)) - 1)) == []


def test_a_correction_from_another_final_silences_nobody() -> None:
    bench = settled()
    bench.tick(START)
    bench.handle(ReadingTaken(valid()))
    assert bench.handle(correction(SELF, of_view=b"another."), at_ms=SEND_AT - 1) == []
    assert published(bench.tick(SEND_AT)) == [Notification.SUPERPOSITION]


@pytest.mark.parametrize("missing", [(SELF,), PEERS])
def test_a_frame_that_a_correction_has_overtaken_is_not_sent_again(missing: tuple[int, ...]) -> None:
    bench, _ = reported()
    bench.handle(correction(*missing))
    bench.handle(Disconnected())
    assert Notification.SUPERPOSITION not in published(bench.handle(Connected()))


def test_a_correction_of_a_round_to_come_is_ignored() -> None:
    assert asked(correction(5, number=after(ROUND))) == []


def test_a_repeated_correction_is_refused_and_changes_nothing() -> None:
    assert asked(correction(5), correction(5)) == refuses("REPEATED")
    assert asked(correction(8), correction(8)) == refuses("REPEATED")


def test_after_a_restart_a_correction_that_was_answered_changes_nothing() -> None:
    bench, _ = reported()
    bench.handle(correction(5), at_ms=FIRST)
    bench.restart()
    bench.handle(roster(), final())
    records = len(bench.records)
    assert bench.handle(correction(5)) == []
    assert len(bench.records) == records


@pytest.mark.parametrize(
    ("reason", "orders"),
    [
        ("LIST_SHRINKS", (correction(2, 5), correction(5, 6, attempt=2))),
        ("CONTRADICTION", (correction(2), correction(5))),
        ("STALE", (correction(2, 5, attempt=2), correction(2))),
        ("NAMES_ITSELF", (correction(2, SELF),)),
        ("WRONG_VIEW", (correction(2, of_view=bytes(8)),)),
        ("WRONG_SUITE", (correction(2, suite=2),)),
        ("WRONG_ROUND", (correction(2, number=before(ROUND)),)),
        ("TOO_FEW_MASKS", (correction(1, 2, 3, 5),)),
        ("BAD_DATA", (correction(2, attempt=0),)),
        ("BAD_DATA", (correction(),)),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused(reason: str, orders: tuple[Received, ...]) -> None:
    assert [effect for effect in asked(*orders) if isinstance(effect, Refuse)] == refuses(reason)


def test_a_refused_order_leaves_the_frame_as_it_was() -> None:
    bench, effects = reported()
    bench.handle(correction(1, 2, 3, 5), correction(2, SELF), correction(2, of_view=bytes(8)), at_ms=FIRST)
    assert bench.sent.frame == sent_by(effects)


def test_a_contradiction_is_found_after_a_restart_too() -> None:
    bench, _ = reported()
    bench.handle(correction(5), at_ms=FIRST)
    bench.restart()
    bench.handle(roster(), final())
    assert refusals(bench.handle(correction(6))) == ["CONTRADICTION"]


def test_exactly_the_minimum_of_masks_may_be_left() -> None:
    bench = Bench()
    known = final(expected={SELF, *PEERS, 8})
    bench.handle(roster(), known, at_ms=FIRST - SCHEDULE.period_ms)
    bench, _ = reported(bench)
    assert published(bench.handle(correction(1, 2, 3, of_view=view(known)), at_ms=FIRST)) == [
        Notification.SUPERPOSITION
    ]


def test_a_correction_that_would_leave_too_few_members_is_refused() -> None:
    bench = Bench(contents(), RULES)
    bench.handle(roster(replace(PARAMETERS, members_min=6)), final(), at_ms=FIRST - SCHEDULE.period_ms)
    bench, _ = reported(bench)
    assert bench.handle(correction(2, 8), at_ms=FIRST)  # 8 was not expected: six of seven are left
    assert bench.handle(correction(2, 5, 8, attempt=2), at_ms=FIRST) == refuses("TOO_FEW_MEMBERS")


def test_after_the_final_no_correction_is_answered() -> None:
    bench, _ = reported()
    bench.handle(final(ROUND), at_ms=FIRST)
    assert bench.handle(correction(5)) == refuses("ROUND_CLOSED")


def test_after_a_restart_the_round_is_still_closed() -> None:
    bench, _ = reported()
    bench.handle(final(ROUND), at_ms=FIRST)
    bench.restart()
    bench.handle(roster())
    assert bench.handle(correction(5)) == refuses("ROUND_CLOSED")


def test_a_final_that_voids_the_round_ends_its_corrections_as_well() -> None:
    bench, _ = reported()
    bench.handle(final(after(ROUND), included=()), at_ms=SCHEDULE.start(after(ROUND)))
    assert bench.handle(correction(5)) == refuses("WRONG_VIEW")


def test_without_the_seed_of_a_neighbor_that_left_meanwhile_the_gateway_cannot_correct() -> None:
    bench, _ = reported()
    bench.member.situation.erase(tunnel(6))
    assert bench.handle(correction(5), at_ms=FIRST) == refuses("WRONG_MASKS")


@pytest.mark.parametrize(("attempt", "until"), [(1, SECOND), (2, SCHEDULE.deadline(ROUND, 2)), (200, FIRST + 180_000)])
def test_a_correction_is_answered_until_its_own_deadline_and_not_after(attempt: int, until: int) -> None:
    bench, _ = reported()
    assert bench.handle(correction(5, attempt=attempt), at_ms=until) == refuses("LATE")
    bench, _ = reported()
    answer = bench.handle(correction(5, attempt=attempt), at_ms=until - 1)
    assert [e.expires_ms for e in answer if isinstance(e, Publish)] == [until]


def test_neighbors_that_are_no_longer_expected_have_no_mask_to_drop() -> None:
    bench, known = Bench(), final(expected={SELF, *PEERS} - {7})
    bench.handle(roster(), known, at_ms=FIRST - SCHEDULE.period_ms)
    bench, _ = reported(bench)
    assert bench.handle(correction(7, of_view=view(known)), at_ms=FIRST) == []


def test_a_network_that_lengthens_its_rounds_by_years_gets_no_answer_and_ages_no_seed() -> None:
    bench, _ = reported()
    seeds = [edge.seed for edge in bench.kept.edges]
    longer = replace(PARAMETERS, schedule=replace(SCHEDULE, period_ms=2**32 - 1))
    assert refusals(bench.handle(roster(longer, epoch=2))) == ["WEAKER_RULES"]
    assert published(bench.handle(correction(5), at_ms=FIRST)) == []
    assert [edge.seed for edge in bench.kept.edges] == seeds


def test_a_correction_of_an_earlier_round_has_no_bearing_on_one_of_this_round() -> None:
    """The FINAL of that round never came: a gateway that was away must not take the next order for a contradiction."""
    bench, _ = reported()
    bench.handle(correction(2), at_ms=FIRST)
    later = after(ROUND, 2)
    known = final(later - 1)
    bench.handle(known, at_ms=SCHEDULE.deadline(after(ROUND), 0))
    bench.tick(SCHEDULE.start(later))
    bench.handle(ReadingTaken(valid(later)))
    bench.tick(SCHEDULE.send_at(later, OWN.public_key))
    order = correction(3, number=later, of_view=view_of(known.payload))
    effects = bench.handle(order, at_ms=SCHEDULE.deadline(later, 0))
    assert [effect for effect in effects if isinstance(effect, Refuse | Notice)] == []
    assert body(sent_by(effects)).attempt == 1
