"""Somebody is killed at every point of a scenario, and the whole history must still hold what the protocol promises.

Every effect of every event of the provider and of six gateways is such a point: through a round with everybody, one
with a missing member and its correction, one whose sum waits for the shares of two silent holders, their return, and
the rounds after; and through a founding and an exit. The normal run takes some points, and everybody is back at once;
`DCNET_CRASHES=whole`, as `make simulate` runs it, takes all of them, and kills for a minute and a half, and for longer
than a round, as well.
"""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache

import pytest

from common.frames import Notification, decode
from common.payloads import Release, Superposition
from common.sealing import Bits
from common.signing import Direction
from common.suites import HARDENED
from common.superposition import LANES_LAYOUT, add
from provider.core.events import FinalRecord, RoundResult, RoundStatus
from smgw.core.events import Sent
from tests.provider.core.builders import SCHEDULE
from tests.provider.core.certified import identity
from tests.provider.core.crashing import COUNT, NOBODY, Point, Said, World
from tests.provider.core.history import History
from tests.provider.core.scenario import ALL_HERE, LAST, ONE_MISSING, TOO_FEW, TWO_SILENT, founding, leaving, rounds

IS_WHOLE = os.environ.get("DCNET_CRASHES") == "whole"
DOWN_MS = (0, 90_000, 1_000_000) if IS_WHOLE else (0,)


@cache
def undisturbed(scenario: Callable[..., World] = rounds) -> World:
    return scenario()


def judged(world: World) -> History:
    history = History.of(world)
    history.require_masks_used_once()
    history.require_either_kind()
    history.require_one_order()
    history.require_exact_sums()
    return history


def statuses(world: World) -> dict[int, RoundStatus]:
    """How each round ended."""
    return {record.round: record.status for _, record in world.kept if isinstance(record, RoundResult)}


def test_the_scenario_has_a_correction_a_sum_that_waited_and_hundreds_of_points_to_be_killed_at() -> None:
    world = undisturbed()
    history, ended = judged(world), statuses(world)
    assert (ended[ALL_HERE], ended[ONE_MISSING]) == (RoundStatus.COMPLETE, RoundStatus.CORRECTED)
    assert (ended[TOO_FEW], ended[TWO_SILENT]) == (RoundStatus.REFUSED, RoundStatus.COMPLETE)
    assert list(ended).index(TOO_FEW) < list(ended).index(TWO_SILENT)
    assert {number for number, _ in history.corrections} == {ONE_MISSING}
    assert ended[LAST] is RoundStatus.COMPLETE
    points = Counter(point.party for point in world.points)
    assert points[NOBODY] > 100
    assert min(points[number] for number in range(1, COUNT + 1)) > 25
    assert len(world.points) > 400


@pytest.mark.parametrize("down_ms", DOWN_MS)
@pytest.mark.parametrize(("scenario", "count", "step"), [(rounds, 400, 4), (founding, 350, 16), (leaving, 100, 4)])
def test_wherever_somebody_is_killed_no_promise_is_broken(
    scenario: Callable[..., World], count: int, step: int, down_ms: int
) -> None:
    """No mask covers two readings, nobody gives both kinds, there is one FINAL for a round, and all sums are exact."""
    points = undisturbed(scenario).points
    assert len(points) > count
    for number, point in enumerate(points[:: 1 if IS_WHOLE else step]):
        world = scenario(Point(point.party, point.event, point.cut, down_ms))
        assert world.has_crashed, point
        try:
            judged(world)
        except AssertionError as error:
            error.add_note(f"killed at point {number}: {point}")
            raise
        assert statuses(world)[LAST] is RoundStatus.COMPLETE, point


# The judge sees what is wrong


def test_a_provider_that_forgets_the_final_that_it_sent_is_found_out() -> None:
    """Killed when it has sent it, and without its record, it signs another for the same round."""
    found = list[str]()
    for point in undisturbed().points:
        if point.party == NOBODY and point.cut:
            with suppress(AssertionError):
                judged(rounds(point, forgets=FinalRecord))
                continue
            found.append("two FINALs")
        if found:
            break
    assert found == ["two FINALs"]


def doctored(notification: Notification, number: int, change: Callable[[bytes], bytes]) -> World:
    """The undisturbed history, in which gateway 1 has said something else in this round."""
    world, said = undisturbed(), list[tuple[int, Said]]()
    for party, publish in world.said:
        frame = decode(publish.payload).frame
        is_meant = party == 1 and frame.notification is notification and SCHEDULE.round_at(frame.timestamp_ms) == number
        said.append((party, replace(publish, payload=change(publish.payload)) if is_meant else publish))
    return replace(world, said=said)


def test_a_release_for_a_member_that_was_corrected_out_is_found_out() -> None:
    def for_everybody(raw: bytes) -> bytes:
        frame = decode(raw).frame
        release = Release.decode(frame.data)
        more = replace(release, members=Bits.of([True] * (COUNT - 1)), shares=(1,) * (COUNT - 1))
        return replace(frame, data=more.encode()).signed(identity(1), Direction.UP)

    with pytest.raises(AssertionError, match="gave both kinds"):
        judged(doctored(Notification.RELEASE, ONE_MISSING, for_everybody))


def test_a_second_reading_under_the_masks_of_a_round_is_found_out() -> None:
    world = undisturbed()

    def of_one_more(raw: bytes) -> bytes:
        frame = decode(raw).frame
        order = Superposition.decode(frame.data)
        lanes = HARDENED.read(order.body).lanes
        if not HARDENED.read(order.body).attempt:
            return raw
        body = LANES_LAYOUT.pack(*add(lanes, (1, 0, 0))) + order.body[LANES_LAYOUT.size :]
        other = replace(frame, data=replace(order, body=body).encode()).signed(identity(1), Direction.UP)
        sent = next(record for _, record in world.kept if isinstance(record, Sent) and record.frame == raw)
        world.kept.append((1, replace(sent, frame=other)))
        return other

    with pytest.raises(AssertionError, match="covers two readings"):
        judged(doctored(Notification.SUPERPOSITION, ONE_MISSING, of_one_more))


def test_a_sum_that_is_off_by_one_is_found_out() -> None:
    world = undisturbed()
    kept = [
        (party, replace(record, import_dwh=record.import_dwh + 1))
        if isinstance(record, RoundResult) and record.import_dwh is not None
        else (party, record)
        for party, record in world.kept
    ]
    with pytest.raises(AssertionError):
        judged(replace(world, kept=kept))
