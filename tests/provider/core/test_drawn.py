"""DRAWN: a tunnel for whom the sender drew, as soon as both are there, or the proof that the other one is gone."""

from dataclasses import replace

import pytest

from common.frames import Notification
from common.identifiers import TunnelId
from common.payloads import Entered, HeldEdge, Holdings
from common.tunnels import End, Kind, Role
from provider.core.events import EdgeState, Effect, MemberState, Message, RevocationsRenewed
from provider.core.tunnels import BURST_MAX
from tests.provider.core.bench import Bench, empty, operating
from tests.provider.core.builders import (
    NETWORK,
    PARAMETERS,
    ROUND,
    SCHEDULE,
    START,
    after,
    departures,
    edge,
    everybody,
    leaf,
    member,
    message,
    opened,
    refusals,
    registration,
    ring,
    stored,
    wanting,
)
from tests.provider.core.certified import YEARS, certificate, name, revocations

SEVEN = (1, 2, 3, 4, 5, 6, 7)
EXIT = message(2, Notification.EXIT)


def asked(effects: list[Effect]) -> list[tuple[str, str]]:
    """Who was given a tunnel to whom."""
    return [
        (who, name(order.peer.leaf.client)) for who, order in opened(effects) if order.role is Role.INITIATOR
    ]  # fmt: skip


def failing(bench: Bench, client: int) -> list[Effect]:
    """Notification 2: all tunnels that this client initiated have failed."""
    graph = bench.machine.networks[NETWORK].desk.graph
    tunnels = tuple(edge.tunnel for edge in graph.in_state(EdgeState.OPEN) if edge.initiator == client)
    return bench.receive(message(client, Notification.ENTERED, Entered((), tunnels).encode(), at_ms=bench.now_ms))


def ringed() -> Bench:
    """Forty members, each with eight neighbors: 20 is not one of client 1's."""
    return operating(ring(40, reach=4))


def next_round(bench: Bench) -> list[Effect]:
    """Everybody who is expected sends in the next round."""
    bench.now_ms = SCHEDULE.start(after(bench.last.round))
    return bench.report(*bench.last.expected)


def test_a_drawn_member_is_proven_in_the_roster_of_the_draw() -> None:
    bench = ringed()
    bench.receive(registration(41))
    bench.tick(START + 1_000)
    (_, order), (_, other) = opened(bench.receive(wanting(1, 20), at_ms=START + 1_000))
    assert (order.kind, other.kind, order.role, other.role) == (Kind.DRAW, Kind.DRAW, Role.RESPONDER, Role.INITIATOR)
    assert (order.peer.at, other.peer.at) == (bench.machine.networks[NETWORK].rosters.of_epoch(1),) * 2
    assert (order.peer.leaf, other.peer.leaf) == (leaf(1), leaf(20))
    order.peer.require()
    other.peer.require()


def test_a_mesh_is_always_that_of_the_present_roster() -> None:
    bench = empty()
    bench.receive(registration(1), registration(2))
    bench.tick(START + 1_000)
    bench.receive(registration(3, at_ms=START + 2_000), at_ms=START + 2_000)
    bench.tick(START + 3_000)
    orders = opened(bench.receive(wanting(2, 1, at_ms=START + 3_000), at_ms=START + 3_000))
    assert {(order.kind, order.peer.at.epoch) for _, order in orders} == {(Kind.MESH, 2)}


def test_a_mesh_that_the_network_outgrew_brings_no_tunnels() -> None:
    bench = empty()
    bench.receive(registration(1), registration(2))
    bench.tick(START + 1_000)
    bench.receive(*(registration(number, at_ms=START + 2_000) for number in range(3, 30)), at_ms=START + 2_000)
    bench.tick(START + 3_000)
    assert bench.receive(wanting(2, 1, at_ms=START + 3_000), at_ms=START + 3_000) == []


def test_a_pair_with_an_edge_or_an_open_tunnel_gets_no_other() -> None:
    bench = ringed()
    assert bench.receive(wanting(1, 2)) == []
    assert asked(bench.receive(wanting(1, 20, at_ms=START + 1))) == [("gw-1", "gw-20")]
    assert bench.receive(wanting(1, 20, at_ms=START + 2)) == []
    assert bench.receive(wanting(20, 1, at_ms=START + 3)) == []


def test_what_a_member_wants_now_is_all_that_it_wants() -> None:
    away = member(8, MemberState.AWAY)
    bench = operating(everybody(7), contents=stored(everybody(7), SEVEN, ROUND - 2, others=[away]))
    assert bench.receive(wanting(1, 8)) == []
    assert bench.receive(wanting(1, at_ms=START + 1)) == []
    assert asked(bench.receive(message(8, Notification.RESUME, Holdings(()).encode()))) == []


def test_a_drawn_member_that_is_away_gets_its_tunnel_when_it_is_back() -> None:
    away = member(8, MemberState.AWAY)
    bench = operating(everybody(7), contents=stored(everybody(7), SEVEN, ROUND - 2, others=[away]))
    assert bench.receive(wanting(1, 8), wanting(2, 8)) == []
    back = bench.receive(message(8, Notification.RESUME, Holdings(()).encode()))
    assert asked(back) == [("gw-1", "gw-8"), ("gw-2", "gw-8")]


def test_a_member_that_is_away_itself_waits_until_it_is_back() -> None:
    away = member(8, MemberState.AWAY)
    bench = operating(everybody(7), contents=stored(everybody(7), SEVEN, ROUND - 2, others=[away]))
    assert bench.receive(wanting(8, 1, 2)) == []
    back = bench.receive(message(8, Notification.RESUME, Holdings(()).encode()))
    assert asked(back) == [("gw-8", "gw-1"), ("gw-8", "gw-2")]


def test_a_tunnel_in_vain_is_opened_again_after_a_final_and_not_twice_in_a_period() -> None:
    bench = ringed()
    bench.receive(wanting(1, 20))
    assert opened(failing(bench, 1)) == []
    assert opened(bench.receive(wanting(1, 20, at_ms=START + 1), at_ms=START + 1)) == []
    assert opened(bench.report(*range(1, 41))) == []
    assert asked(next_round(bench)) == [("gw-1", "gw-20")]


def test_a_tunnel_in_which_nothing_happens_is_closed_and_opened_again_a_period_later() -> None:
    bench = ringed()
    bench.receive(wanting(1, 20))
    bench.report(*range(1, 41))
    assert len(bench.machine.networks[NETWORK].desk.graph.in_state(EdgeState.OPEN)) == 1
    assert asked(next_round(bench)) == []
    assert bench.machine.networks[NETWORK].desk.graph.in_state(EdgeState.OPEN) == []
    assert asked(next_round(bench)) == [("gw-1", "gw-20")]


def test_a_member_that_did_not_answer_is_not_asked_again_before_it_says_something() -> None:
    silent = member(8, MemberState.JOINING)
    bench = operating(everybody(7), contents=stored(everybody(7), SEVEN, ROUND - 2, others=[silent]))
    assert asked(bench.receive(wanting(1, 8))) == [("gw-1", "gw-8")]
    failing(bench, 1)
    for _ in range(4):
        assert opened(next_round(bench)) == []
    assert bench.receive(wanting(8, at_ms=bench.now_ms)) == []
    assert asked(next_round(bench)) == [("gw-1", "gw-8")]


def test_nobody_gets_more_neighbors_than_the_rules_allow() -> None:
    bench = operating(ring(40, reach=4), parameters=replace(PARAMETERS, degree_max=9))
    assert asked(bench.receive(wanting(1, 20, 21))) == [("gw-1", "gw-20")]
    assert asked(bench.receive(wanting(2, 20))) == []
    assert asked(bench.receive(wanting(3, 22))) == [("gw-3", "gw-22")]


def test_a_member_that_leaves_wants_nobody() -> None:
    bench = ringed()
    bench.receive(message(1, Notification.EXIT))
    assert refusals(bench.receive(wanting(1, 20))) == ["UNEXPECTED"]
    bench.report(*range(1, 41))
    assert refusals(bench.receive(wanting(1, 20, at_ms=START + 1))) == ["UNKNOWN_CLIENT"]


def test_one_bad_entry_refuses_all_and_changes_nothing() -> None:
    bench = ringed()
    assert refusals(bench.receive(wanting(1, 20, 41))) == ["UNKNOWN_ROSTER"]
    assert opened(next_round(bench)) == []


def test_when_all_draw_at_once_their_tunnels_are_opened_in_portions_with_time_for_rounds_in_between() -> None:
    bench = empty()
    bench.receive(*(registration(number) for number in range(1, 61)))
    bench.tick(START + 1_000)
    at_ms = bench.now_ms
    drawn = {client: [(client + step - 1) % 60 + 1 for step in range(1, 7)] for client in range(1, 61)}
    portions = [bench.receive(*(wanting(client, *drawn[client], at_ms=at_ms) for client in drawn))]
    while bench.machine.deadline == 0:
        portions.append(bench.tick(at_ms))
    counts = [len(asked(portion)) for portion in portions]
    assert sum(counts) == 360
    assert all(count < BURST_MAX + 6 for count in counts)


# Who is gone


def without(bench: Bench, *said: Message) -> Bench:
    """After a round in which these frames arrived."""
    bench.receive(*said)
    bench.report(*bench.last.expected)
    return bench


def test_whoever_wants_a_leaver_is_shown_its_exit() -> None:
    bench = without(ringed(), message(20, Notification.EXIT))
    effects = bench.receive(wanting(1, 20))
    ((who, departure),) = departures(effects)
    assert (who, departure.end, departure.member.leaf) == ("gw-1", End.EXIT, leaf(20))
    assert departure.evidence == message(20, Notification.EXIT).payload
    assert departure.member.at == bench.machine.networks[NETWORK].rosters.of_epoch(1)
    departure.member.require()
    assert opened(effects) == []


def test_while_a_leaver_is_still_expected_nothing_is_shown() -> None:
    bench = ringed()
    bench.receive(message(20, Notification.EXIT))
    assert bench.receive(wanting(1, 20)) == []
    assert [who for who, _ in departures(bench.report(*range(1, 41)))] == ["gw-1"]


def test_a_departure_is_shown_once_for_each_question() -> None:
    bench = without(ringed(), message(20, Notification.EXIT))
    assert len(departures(bench.receive(wanting(1, 20)))) == 1
    assert departures(next_round(bench)) == []
    assert len(departures(bench.receive(wanting(1, 20, at_ms=bench.now_ms)))) == 1


def test_whoever_wants_a_revoked_member_is_shown_its_certificate() -> None:
    bench = without(operating(ring(40, reach=4), revocations=revocations(2, 20)))
    ((_, departure),) = departures(bench.receive(wanting(1, 20)))
    assert (departure.end, departure.evidence) == (End.CERTIFICATE, certificate(20))


def with_expired(client: int) -> Bench:
    """Forty members; the certificate of one of them has expired when the round begins."""
    contents = stored(ring(40, reach=4), number=ROUND - 2)
    ending = certificate(client, term=replace(YEARS, end_ms=START - 1_000))
    people = [replace(each, certificate=ending) if each.client == client else each for each in contents.members]
    return without(operating(ring(40, reach=4), contents=replace(contents, members=tuple(people))))


def test_that_a_certificate_has_expired_is_shown_to_nobody() -> None:
    bench = with_expired(20)
    assert bench.state(20) is MemberState.LEFT
    assert bench.receive(wanting(1, 20, at_ms=bench.now_ms)) == []
    assert departures(next_round(bench)) == []


def test_whoever_waits_for_an_expired_member_is_shown_its_certificate_once_it_is_revoked() -> None:
    bench = with_expired(20)
    bench.receive(wanting(1, 20, at_ms=bench.now_ms))
    bench.handle(RevocationsRenewed(revocations(2, 20)))
    ((who, departure),) = departures(next_round(bench))
    assert (who, departure.end, departure.member.leaf) == ("gw-1", End.CERTIFICATE, leaf(20))
    assert departures(next_round(bench)) == []


# Sides that disagree


@pytest.mark.parametrize("state", [EdgeState.STANDING, EdgeState.STARTED])
def test_an_edge_that_only_the_asker_lacks_is_found_by_its_claims(state: EdgeState) -> None:
    away = member(8, MemberState.AWAY)
    contents = stored(everybody(7), SEVEN, ROUND - 2, others=[away], edges=[edge(1, 8, state)])
    bench = operating(everybody(7), contents=contents)
    assert bench.receive(wanting(8, 1)) == []
    effects = bench.receive(message(8, Notification.RESUME, Holdings(()).encode()))
    assert [order.kind for _, order in opened(effects)] == [Kind.RENEWAL] * 2


def test_a_renewal_in_vain_leaves_the_want() -> None:
    away = member(8, MemberState.AWAY)
    claims = Holdings((HeldEdge(TunnelId(99), member(1).client, is_started=True),)).encode()
    bench = operating(everybody(7), contents=stored(everybody(7), SEVEN, ROUND - 2, others=[away]))
    bench.receive(wanting(8, 1))
    effects = bench.receive(message(8, Notification.RESUME, claims))
    assert [order.kind for _, order in opened(effects)] == [Kind.RENEWAL] * 2
    failing(bench, 8)
    assert [order.kind for _, order in opened(bench.report(*SEVEN))] == [Kind.RENEWAL] * 2
    bench.now_ms += 1
    failing(bench, 8)
    assert opened(next_round(bench)) == []
    kinds = [order.kind for _, order in opened(next_round(bench))]
    assert kinds == [Kind.MESH] * 2
