"""What the simulation found in the member machine; the seeds are in tests/simulation."""

from dataclasses import replace

import pytest

from common import topics
from common.frames import Notification, decode
from common.identifiers import NetworkId
from common.schedule import DAY_MS
from common.tunnels import Drawn, Kind, Role, TunnelOpen
from smgw.core.events import Connected, Membership, Publish, ReadingTaken, Subscribe, VaultContents
from smgw.core.quorum import quorum_of
from tests.smgw.core.builders import (
    ALL,
    GONE,
    OWN,
    RULES,
    SELF,
    START,
    Bench,
    after,
    contents,
    edge,
    final,
    not_sent,
    opening,
    order,
    published,
    refusals,
    reported,
    roster,
    settled,
    tunnel,
    valid,
)
from tests.smgw.core.rosters import NETWORK, ROUND, SCHEDULE, proof, root


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
    kept = replace(contents(gone=frozenset()), edges=(*contents().edges, waiting))
    bench = Bench(kept, replace(RULES, degree_max=7), START)
    bench.handle(Connected(), roster(), opening(8, Role.RESPONDER))
    assert waiting not in bench.kept.edges
    assert len(bench.kept.edges) == 6


@pytest.mark.parametrize(("until_ms", "is_sent"), [(START - SCHEDULE.period_ms, True), (START, False)])
def test_one_interval_is_reported_once_whichever_network_it_was_reported_in(until_ms: int, is_sent: bool) -> None:
    """Sums of one interval in two networks, with and without a household, would show its reading."""
    _, effects = reported(settled(replace(contents(), metered_until_ms=until_ms)))
    assert effects == not_sent("ROUND_NOT_NEW") if not is_sent else published(effects) == [Notification.SUPERPOSITION]


def test_up_to_when_energy_was_reported_is_remembered_over_a_move_and_a_restart() -> None:
    bench, _ = reported()
    assert bench.kept.metered_until_ms == START
    bench.kept = replace(bench.kept, membership=Membership(NetworkId(8), SELF), sent=(), closed=())
    bench.restart()
    assert bench.kept.metered_until_ms == START


def test_who_is_proven_to_have_left_holds_nothing_for_a_member_of_a_mesh_and_gets_no_new_seed() -> None:
    """Whoever left counts among the others no more; could it still be a holder, fewer would be needed of more."""
    bench = settled()
    quorum = quorum_of(bench.member.situation)
    assert quorum is not None
    assert quorum.drawn.isdisjoint(GONE)
    assert refusals(bench.handle(opening(9, Role.RESPONDER))) == ["BAD_DRAW"]


def test_a_tunnel_number_under_a_frame_is_not_given_to_another_edge() -> None:
    bench, _ = reported()
    bench.member.situation.erase(tunnel(2))
    data = TunnelOpen(tunnel(2), Role.RESPONDER, Kind.RENEWAL, 1, proof(3, root())).encode()
    named = order(Notification.TUNNEL_OPEN, data, at_ms=bench.now_ms)
    assert refusals(bench.handle(named)) == ["REPEATED"]
