"""What the simulation found in the network machine; the seeds are in tests/simulation."""

from common import topics
from common.frames import Notification, decode
from common.payloads import Entered, Holdings
from common.schedule import DAY_MS
from provider.core.events import EdgeState, MemberState, Publish
from tests.provider.core.bench import empty, operating
from tests.provider.core.builders import (
    NETWORK,
    ROUND,
    SCHEDULE,
    START,
    edge,
    everybody,
    member,
    message,
    registration,
    ring,
    rosters,
    stored,
    wanting,
)
from tests.provider.core.certified import name


def test_a_clock_set_back_by_a_day_does_not_keep_newcomers_out_of_the_roster() -> None:
    bench = empty()
    bench.receive(registration(1), registration(2))
    assert [each.at.leaves for each in rosters(bench.tick(START - DAY_MS))] == [2]


def test_an_edge_that_stands_too_long_to_be_started_is_dropped() -> None:
    away, waiting = member(8, MemberState.AWAY), edge(1, 8, EdgeState.STANDING)
    contents = stored(everybody(7), range(1, 8), ROUND - 2, others=[away], edges=[waiting])
    bench = operating(everybody(7), contents=contents)
    bench.report(*range(1, 8))
    assert waiting.tunnel in bench.edges(EdgeState.STANDING)
    for number in range(1, 50):
        bench.now_ms = START + number * SCHEDULE.period_ms
        bench.report(*range(1, 8))
    assert waiting.tunnel not in bench.edges(EdgeState.STANDING)


def test_whoever_has_a_seed_in_dispute_with_a_leaver_hears_of_the_exit_too() -> None:
    bench = operating(everybody(7))
    bench.receive(message(7, Notification.RESUME, Holdings(()).encode()))
    effects = bench.receive(message(7, Notification.EXIT, at_ms=START + 1))
    effects += bench.report(*range(1, 7)) + bench.run(START + SCHEDULE.period_ms)
    told = {effect.topic for effect in effects if isinstance(effect, Publish) and said(effect) is Notification.EXIT}
    assert told == {topics.down(NETWORK, name(client)) for client in range(1, 7)}
    assert not any(member.awaiting for member in bench.machine.networks[NETWORK].desk.members.values())


def test_a_tunnel_that_is_reported_twice_in_one_notification_has_failed_once() -> None:
    bench = operating(ring(40, reach=4))
    bench.receive(wanting(1, 20))
    (tunnel,) = (edge.tunnel for edge in bench.machine.networks[NETWORK].desk.graph.in_state(EdgeState.OPEN))
    bench.receive(message(1, Notification.ENTERED, Entered((), (tunnel, tunnel)).encode()))
    assert bench.machine.networks[NETWORK].desk.graph.get(tunnel) is None


def test_whoever_sent_and_answers_no_correction_is_there_and_only_the_silent_are_away() -> None:
    """A gateway refuses a correction that leaves it too few masks, and those who drew it cannot do without it."""
    bench = operating(everybody(12))
    for attempt in range(4):
        bench.report(*range(1, 12 - attempt), missing=range(13 - attempt, 13), attempt=attempt)
        bench.tick(SCHEDULE.deadline(ROUND, attempt))
    assert len(bench.results) == 1
    assert bench.state(12) is MemberState.AWAY
    assert {bench.state(client) for client in range(1, 12)} == {MemberState.PRESENT}
    assert set(bench.last.expected) == set(range(1, 12))


def said(effect: Publish) -> Notification:
    return decode(effect.payload).frame.notification
