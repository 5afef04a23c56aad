"""What the simulation found in the member machine; the seeds are in tests/simulation."""

from dataclasses import replace

from common import topics
from common.frames import Notification, decode
from common.schedule import DAY_MS
from common.tunnels import Drawn, Role
from smgw.core.events import Connected, Publish, ReadingTaken, Subscribe, VaultContents
from tests.smgw.core.builders import (
    ALL,
    OWN,
    RULES,
    SELF,
    START,
    Bench,
    after,
    contents,
    edge,
    final,
    opening,
    published,
    roster,
    settled,
    valid,
)
from tests.smgw.core.rosters import NETWORK, ROUND, SCHEDULE


def test_a_clock_set_back_by_a_day_does_not_put_off_the_next_request_by_a_day() -> None:
    bench = Bench(VaultContents(), now_ms=START)
    bench.handle(Connected())
    bench.tick(START - DAY_MS)
    deadline = bench.member.deadline
    assert deadline is not None
    assert deadline <= START - DAY_MS + 120_000


def test_a_member_that_never_got_the_rules_subscribes_again_when_it_asks() -> None:
    bench = Bench(contents(), now_ms=START)
    bench.handle(Connected())
    effects = bench.run(START + 10_000)
    assert Subscribe(topics.broadcast_filter(NETWORK)) in effects
    assert Notification.RESUME in published(effects)
    assert effects.index(Subscribe(topics.broadcast_filter(NETWORK))) < next(
        index for index, effect in enumerate(effects) if isinstance(effect, Publish)
    )


def test_a_gateway_that_started_with_a_clock_far_ahead_sends_again_soon_after_it_was_set_right() -> None:
    bench = Bench(now_ms=START + DAY_MS)
    bench.handle(Connected(), roster())
    bench.tick(START)
    bench.handle(final(ROUND), at_ms=START + SCHEDULE.deadline(ROUND, 0) - SCHEDULE.start(ROUND))
    following = after(ROUND)
    bench.tick(SCHEDULE.start(following))
    bench.handle(ReadingTaken(valid(following)))
    assert Notification.SUPERPOSITION in published(bench.tick(SCHEDULE.send_at(following, OWN.public_key)))


def test_a_member_that_is_left_out_of_a_mesh_asks_for_those_who_should_have_asked_for_it() -> None:
    """They may hold seeds that it lost, and so lack nothing themselves."""
    bench = settled(contents(peers=(1, 2, 3)))
    (publish,) = [
        effect
        for effect in bench.handle(final(ROUND, expected=ALL - {SELF}), at_ms=SCHEDULE.deadline(ROUND, 0))
        if isinstance(effect, Publish)
    ]
    asked = Drawn.decode(decode(publish.payload).frame.data)
    assert {5, 6, 7} <= {member.client for member in asked.members}


def test_an_edge_that_was_never_started_gives_way_to_a_new_neighbor() -> None:
    waiting = edge(9, is_started=False)
    bench = Bench(replace(contents(), edges=(*contents().edges, waiting)), replace(RULES, degree_max=7), START)
    bench.handle(Connected(), roster(), opening(8, Role.RESPONDER))
    assert waiting not in bench.kept.edges
    assert len(bench.kept.edges) == 6
