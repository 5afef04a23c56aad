"""Whoever is not expected asks to be taken back: with its seeds, for more neighbors, or from the start."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from common.frames import Notification
from common.identifiers import ClientId
from common.payloads import HeldEdge, Holdings, Resumed
from common.tunnels import Role
from smgw.core.events import Connected, Disconnected, Edge, EdgeErased, Effect, Publish, Store
from tests.smgw.core.builders import (
    ALL,
    PEERS,
    REGISTRATION,
    RULES,
    SELF,
    START,
    Bench,
    asked,
    contents,
    edge,
    final,
    opening,
    order,
    published,
    roster,
    said,
    settled,
    tunnel,
)
from tests.smgw.core.rosters import PARAMETERS, ROUND, SCHEDULE

DEADLINE = SCHEDULE.deadline(ROUND, 0)
WAIT_MS = 2_000


def held(*edges: Edge) -> bytes:
    return Holdings(tuple(HeldEdge(e.tunnel, e.peer, e.is_started) for e in edges)).encode()


def resumed(*tunnels: int) -> bytes:
    return Resumed(tuple(tunnel(peer) for peer in tunnels)).encode()


def left_out(expected: Iterable[int]) -> tuple[Bench, list[Effect]]:
    """A member that the FINAL of `ROUND` leaves out, and what it asks at its moment."""
    bench = settled()
    bench.tick(START)
    bench.handle(final(ROUND, expected=expected), at_ms=DEADLINE)
    due = bench.member.deadline
    assert due is not None
    return bench, bench.tick(due)


def test_a_member_that_starts_again_waits_for_the_retained_final_and_then_resumes_with_all_its_seeds() -> None:
    kept = (*contents().edges, edge(9, is_started=False))
    bench = Bench(replace(contents(), edges=kept), now_ms=START)
    assert published(bench.handle(Connected(), roster())) == []
    assert bench.run(START + WAIT_MS) == [said(Notification.RESUME, held(*kept), START + WAIT_MS)]


def test_a_member_that_a_final_leaves_out_resumes_when_enough_of_its_neighbors_are_expected() -> None:
    bench, effects = left_out({*ALL} - {SELF, 1, 2, 3})
    assert effects == [said(Notification.RESUME, held(*contents().edges), bench.now_ms)]


def test_a_member_with_too_few_expected_neighbors_sends_an_emergency() -> None:
    bench, effects = left_out({*ALL, 8, 9} - {SELF, 1, 2, 3, 5})
    assert effects == [said(Notification.EMERGENCY, held(*contents().edges), bench.now_ms)]


def test_the_owners_minimum_of_masks_decides_what_is_enough() -> None:
    bench = Bench(rules=replace(RULES, masks_min=5))
    bench.handle(Connected(), roster(replace(PARAMETERS, members_min=6, masks_min=5)), final(), at_ms=START)
    effects = bench.handle(final(ROUND, expected={1, 2, 3, 5, 8, 9}), at_ms=DEADLINE)
    asked = published(effects + bench.run(DEADLINE + SCHEDULE.window_ms))
    assert next(each for each in asked if each is not Notification.DRAWN) == Notification.EMERGENCY


def test_left_out_members_do_not_all_ask_at_once() -> None:
    bench, _ = left_out(PEERS)
    assert DEADLINE < bench.now_ms < DEADLINE + SCHEDULE.window_ms


def test_three_resumes_without_an_answer_end_in_a_registration() -> None:
    bench, _ = left_out(PEERS)
    effects = bench.run(bench.now_ms + 20_000)
    assert published(effects) == [Notification.RESUME, Notification.RESUME, Notification.REGISTER]
    times = [e.expires_ms for e in effects if isinstance(e, Publish)]
    assert effects[-1] == asked(REGISTRATION, times[-1] - 60_000)


def test_an_answer_to_a_resume_counts_them_from_the_start() -> None:
    bench, _ = left_out(PEERS)
    bench.handle(order(Notification.RESUMED, resumed(*PEERS)))
    assert set(published(bench.run(bench.now_ms + 10_000))) == {Notification.RESUME}


def test_the_provider_names_the_edges_that_run_and_the_gateway_starts_them() -> None:
    bench = Bench(replace(contents((1, 2, 3)), edges=(*contents((1, 2, 3)).edges, edge(5, is_started=False))))
    said_by_provider = order(Notification.RESUMED, resumed(1, 2, 5, 9))
    assert bench.handle(said_by_provider) == [Store(edge(5))]
    assert bench.handle(said_by_provider) == []


def test_a_resumed_edge_erases_the_one_it_renews() -> None:
    renewed = edge(5, is_started=False, generation=1)
    bench = Bench(replace(contents(), edges=(*contents().edges, renewed)))
    said_by_provider = order(Notification.RESUMED, Resumed((renewed.tunnel,)).encode())
    assert bench.handle(said_by_provider) == [Store(EdgeErased(tunnel(5))), Store(edge(5, generation=1))]


def test_a_final_that_expects_it_again_ends_the_asking() -> None:
    bench, _ = left_out(PEERS)
    bench.now_ms = SCHEDULE.start(ROUND) + SCHEDULE.period_ms
    bench.handle(final(ROUND + 1), at_ms=SCHEDULE.deadline(ROUND, 0) + SCHEDULE.period_ms)
    assert published(bench.run(bench.now_ms + 600_000)) == []


def test_while_the_bus_is_gone_nobody_is_asked_and_afterwards_soon() -> None:
    bench, _ = left_out(PEERS)
    bench.handle(Disconnected())
    assert published(bench.run(DEADLINE + 200_000)) == []
    back_at = bench.now_ms
    bench.handle(Connected())
    assert published(bench.run(back_at + WAIT_MS)) == [Notification.RESUME]


def test_a_joining_gateway_that_a_final_leaves_out_finishes_its_handshakes_first() -> None:
    bench = Bench(replace(contents(), edges=()), now_ms=START)
    bench.handle(Connected(), roster(), opening(2, Role.INITIATOR))
    assert published(bench.handle(final(expected=PEERS))) == []
    assert set(published(bench.run(START + 15_000))) == {Notification.TUNNEL}


def test_a_member_that_lost_all_its_neighbors_asks_for_others() -> None:
    bench = settled()
    bench.tick(START)
    for peer in PEERS:
        bench.member.situation.erase(tunnel(peer))
    bench.handle(final(ROUND, expected=PEERS), at_ms=DEADLINE)
    assert Notification.REGISTER in published(bench.run(DEADLINE + SCHEDULE.window_ms))


@pytest.mark.parametrize("peers", [(1, 2), ()])
def test_a_member_starts_again_with_what_seeds_it_has(peers: tuple[int, ...]) -> None:
    bench = Bench(contents(peers), now_ms=START)
    bench.handle(Connected())
    (kind,) = published(bench.run(START + WAIT_MS))
    assert kind is (Notification.RESUME if peers else Notification.REGISTER)


def test_a_started_edge_is_used_only_toward_its_own_neighbor() -> None:
    known = settled().member.situation
    assert known.final is not None
    assert set(known.started_edges(known.final.expected)) == set(PEERS)
    assert known.started_edges(known.final.expected)[ClientId(5)].tunnel == tunnel(5)
