from dataclasses import replace

import pytest

from common.clients import ClientSet
from common.frames import Notification, decode
from common.payloads import Superposition
from common.suites import BASIC, fingerprint
from common.superposition import ZERO, vector
from smgw.core.events import (
    Closed,
    Level,
    Membership,
    Notice,
    Publish,
    ReadingTaken,
    Sent,
    Store,
    TakeReading,
)
from smgw.core.reading import Reading, ReadingStatus
from tests.smgw.core.builders import (
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
    edge,
    final,
    not_sent,
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
from tests.smgw.core.rosters import NETWORK, PARAMETERS, ROUND, SCHEDULE

PERIOD_MS = SCHEDULE.period_ms
WINDOW_END = START + SCHEDULE.window_ms
TAKE = TakeReading(ROUND, START - PERIOD_MS, START)


def test_a_reading_is_taken_when_its_round_begins_and_sent_at_the_gateways_own_moment() -> None:
    bench = settled()
    assert bench.tick(START) == [TAKE]
    assert bench.handle(ReadingTaken(valid())) == []
    assert bench.member.deadline == SEND_AT
    assert bench.tick(SEND_AT - 1) == []
    effects = bench.tick(SEND_AT)
    frame = sent_by(effects)
    tunnels = tuple(tunnel(peer) for peer in PEERS)
    order = Superposition.decode(decode(frame).frame.data)
    assert (order.suite, order.round, order.view) == (BASIC.code, ROUND, VIEW)
    assert effects == [
        Store(Sent(ROUND, VIEW, valid(), 0, tunnels, ClientSet(), frame, PEERS)),
        said(Notification.SUPERPOSITION, order.encode(), SEND_AT, SCHEDULE.deadline(ROUND, 0) - SEND_AT),
    ]


def test_the_frame_holds_the_reading_under_the_mask_of_every_expected_neighbor() -> None:
    _, effects = reported(reading=valid(import_dwh=1_234, export_dwh=-5))
    said_body = body(sent_by(effects))
    assert without(said_body.lanes, *PEERS) == vector(1_234, -5)
    assert (said_body.attempt, said_body.edges) == (0, fingerprint(tunnel(peer) for peer in PEERS))
    assert decode(sent_by(effects)).frame.transmission_bit


def test_neighbors_that_are_not_expected_and_edges_that_are_not_started_give_no_mask() -> None:
    kept = contents()
    bench = Bench(replace(kept, edges=(*kept.edges[:5], edge(7, is_started=False))))
    bench.handle(roster(), final(expected={SELF, 1, 2, 3, 5, 7, 9}), at_ms=START - 1_000)
    _, effects = reported(bench)
    assert without(body(sent_by(effects)).lanes, 1, 2, 3, 5) == vector(1_234, 0)


def test_nothing_more_is_sent_in_the_round() -> None:
    bench, _ = reported()
    assert bench.handle(ReadingTaken(valid(import_dwh=9))) == []
    assert bench.run(START + PERIOD_MS - 1) == []


def test_a_reading_of_another_round_is_not_taken() -> None:
    bench = settled()
    bench.tick(START)
    assert bench.handle(ReadingTaken(valid(before(ROUND)))) == []
    assert bench.tick(SEND_AT) == []


@pytest.mark.parametrize("status", [status for status in ReadingStatus if status is not ReadingStatus.VALID])
def test_a_reading_that_is_not_valid_becomes_the_zero_vector(status: ReadingStatus) -> None:
    _, effects = reported(reading=Reading(ROUND, 77, 77, status))
    assert without(body(sent_by(effects)).lanes, *PEERS) == ZERO
    text = f"No valid reading for round {ROUND} ({status.value}); the zero vector was sent."
    assert effects[2:] == [Notice(Level.WARNING, text)]


def test_a_meter_that_does_not_answer_becomes_the_zero_vector_at_the_end_of_the_window() -> None:
    bench = settled()
    assert bench.tick(START) == [TAKE]
    assert bench.tick(SEND_AT) == []
    assert bench.member.deadline == WINDOW_END
    effects = bench.tick(WINDOW_END)
    assert without(body(sent_by(effects)).lanes, *PEERS) == ZERO


def test_a_final_that_comes_within_the_window_is_sent_under_at_once() -> None:
    bench = Bench()
    bench.handle(roster())
    bench.tick(START)
    bench.handle(ReadingTaken(valid()))
    assert bench.tick(SEND_AT) == []
    effects = bench.handle(final(), at_ms=WINDOW_END - 1)
    assert published(effects) == [Notification.SUPERPOSITION]


def test_without_the_final_of_the_round_before_nothing_is_sent() -> None:
    bench = settled()
    late = SCHEDULE.start(after(ROUND))
    _, first = reported(bench)
    assert first
    bench.tick(late)
    bench.handle(ReadingTaken(valid(after(ROUND))))
    assert bench.run(late + SCHEDULE.window_ms) == not_sent("NO_FINAL", after(ROUND))
    assert bench.handle(final(ROUND)) == [Store(Closed(ROUND, True, view(final(ROUND))))]
    assert bench.run(late + PERIOD_MS - 1) == []


def test_a_gateway_that_is_not_expected_is_silent() -> None:
    bench = Bench()
    bench.handle(roster(), final(expected=PEERS), at_ms=START - 1_000)
    _, effects = reported(bench)
    assert effects == []


def test_a_round_that_is_closed_already_gets_nothing() -> None:
    bench = settled()
    bench.tick(START)
    bench.handle(final(ROUND, included=PEERS))
    assert bench.handle(ReadingTaken(valid())) == []
    assert bench.run(START + PERIOD_MS - 1) == []


def test_a_reading_never_leaves_under_fewer_masks_than_the_minimum() -> None:
    assert refused_with({SELF, 1, 2, 8, 9}) == "TOO_FEW_MASKS"
    assert refused_with({SELF, 1, 2, 3, 9}) is None


def test_the_networks_minimum_of_masks_wins_when_it_is_stricter_than_the_owners() -> None:
    """The other way round, the gateway takes no part at all."""
    bench = Bench(rules=replace(RULES, masks_min=2))
    bench.handle(
        roster(replace(PARAMETERS, members_min=8, masks_min=5)),
        final(expected={SELF, 1, 2, 3, 5, 8, 9, 10}),
        at_ms=START - 1_000,
    )
    _, effects = reported(bench)
    assert effects == not_sent("TOO_FEW_MASKS")


def test_nothing_is_sent_when_fewer_members_than_the_minimum_are_expected() -> None:
    assert refused_with({SELF, 1, 2, 3}) == "TOO_FEW_MEMBERS"


def test_a_gateway_that_slept_past_the_deadline_sends_nothing_late() -> None:
    bench = settled()
    bench.tick(START)
    bench.handle(ReadingTaken(valid()))
    assert bench.tick(SCHEDULE.deadline(ROUND, 0)) == not_sent("LATE")
    assert bench.run(START + PERIOD_MS - 1) == []


def test_a_gateway_that_wakes_up_late_in_a_round_does_not_even_send_zeros() -> None:
    bench = settled()
    assert bench.tick(SCHEDULE.deadline(ROUND, 2)) == [TAKE, *not_sent("LATE")]


def test_a_leaving_member_sends_while_it_is_expected() -> None:
    bench = Bench(replace(contents(), membership=Membership(NETWORK, SELF, is_leaving=True)))
    bench.handle(roster(), final(), at_ms=START - 1_000)
    _, effects = reported(bench)
    assert published(effects) == [Notification.SUPERPOSITION]


def refused_with(expected: set[int]) -> str | None:
    bench = Bench()
    bench.handle(roster(), final(expected=expected), at_ms=START - 1_000)
    _, effects = reported(bench)
    if any(isinstance(effect, Publish) for effect in effects):
        return None
    (reason,) = refusals(effects)
    assert effects == not_sent(reason)
    return reason


def test_a_network_with_too_few_members_for_three_rounds_is_told_to_the_owner_once() -> None:
    bench, told = Bench(), []
    bench.handle(roster())
    for number in range(5):
        at_ms = START + number * PERIOD_MS
        bench.handle(final(ROUND - 1 + number, expected={1, 2}, at_ms=at_ms), at_ms=at_ms)
        effects = bench.run(at_ms + WINDOW_END - START)
        told += [(number, effect.text) for effect in effects if isinstance(effect, Notice)]
    text = (
        "For 3 rounds the network has expected 2 members, and this gateway sends with 5 at least. It sends as soon as"
        " there are enough."
    )
    assert told == [(2, text)]
