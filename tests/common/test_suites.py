"""Suite `basic`: masks cancel over whole graphs, corrections leave what a fresh superposition would hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Seed
from common.refusal import Refusal, RefusedError
from common.sealing import Context
from common.secret import Secret
from common.suites import BARE, BASIC, HARDENED, NAMED, SUITES, EdgePad, fingerprint, toward
from common.superposition import ZERO, Lanes, add, signed, subtract, vector
from tests.common.strategies import lanes, members, moderate, rounds, signed_words, tunnels

NETWORK = NetworkId(7)


@dataclass(frozen=True, slots=True)
class Graph:
    """Members with their readings, the ends of each edge, and its mask."""

    readings: Mapping[ClientId, Lanes]
    ends: Mapping[TunnelId, tuple[ClientId, ClientId]]
    masks: Mapping[TunnelId, Lanes]

    def masks_of(self, own: ClientId) -> dict[TunnelId, Lanes]:
        """The masks that one member uses, signs applied."""
        return {
            tunnel: toward(own, high if own == low else low, self.masks[tunnel])
            for tunnel, (low, high) in self.ends.items()
            if own in (low, high)
        }

    def bodies(self) -> dict[ClientId, bytes]:
        """What each member sends first."""
        return {client: BASIC.conceal(reading, self.masks_of(client)) for client, reading in self.readings.items()}


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    clients = sorted(draw(st.sets(members, min_size=2, max_size=9)))
    pairs = [(a, b) for i, a in enumerate(clients) for b in clients[i + 1 :]]
    edges = draw(st.sets(st.sampled_from(pairs)))
    round_ = draw(rounds)
    ends = {TunnelId(low << 32 | high): (low, high) for low, high in sorted(edges)}
    masks = {tunnel: Seed(0, Secret(tunnel.to_bytes(32))).mask(NETWORK, round_) for tunnel in ends}
    return Graph({client: vector(draw(signed_words), draw(signed_words)) for client in clients}, ends, masks)


@moderate
@given(graphs())
def test_masks_cancel_in_the_sum_of_all(graph: Graph) -> None:
    concealed = [BASIC.read(body).lanes for body in graph.bodies().values()]
    exact = reduce(add, graph.readings.values())
    assert reduce(add, concealed, ZERO) == exact
    assert exact[2] == len(graph.readings)


@moderate
@given(graphs(), st.data())
def test_masks_cancel_after_a_correction_for_any_missing(graph: Graph, data: st.DataObject) -> None:
    missing = data.draw(st.sets(st.sampled_from(sorted(graph.readings)), max_size=len(graph.readings) - 1))
    concealed = []
    for client, body in graph.bodies().items():
        if client in missing:
            continue
        masks = graph.masks_of(client)
        dropped = [tunnel for tunnel in masks if not missing.isdisjoint(graph.ends[tunnel])]
        kept = [tunnel for tunnel in masks if tunnel not in dropped]
        corrected = BASIC.correct(body, 1, kept, [masks[tunnel] for tunnel in dropped])
        concealed.append(BASIC.read(corrected).lanes)
    present = [reading for client, reading in graph.readings.items() if client not in missing]
    assert reduce(add, concealed, ZERO) == reduce(add, present)


@moderate
@given(
    lanes,
    st.dictionaries(tunnels, lanes, max_size=8),
    st.integers(1, 255),
    st.data(),
)
def test_correction_is_a_fresh_superposition_without_the_dropped_masks(
    reading: Lanes, masks: dict[TunnelId, Lanes], attempt: int, data: st.DataObject
) -> None:
    dropped = data.draw(st.sets(st.sampled_from(sorted(masks)))) if masks else set()
    kept = {tunnel: mask for tunnel, mask in masks.items() if tunnel not in dropped}
    corrected = BASIC.correct(BASIC.conceal(reading, masks), attempt, kept, [masks[tunnel] for tunnel in dropped])
    fresh = BASIC.body.unpack(BASIC.conceal(reading, kept))
    assert BASIC.body.unpack(corrected) == (*fresh[:3], attempt, *fresh[4:])


@moderate
@given(lanes, st.dictionaries(tunnels, lanes, min_size=3, max_size=3))
def test_corrections_follow_one_another(reading: Lanes, masks: dict[TunnelId, Lanes]) -> None:
    first, second, last = masks
    once = BASIC.correct(BASIC.conceal(reading, masks), 1, [second, last], [masks[first]])
    twice = BASIC.correct(once, 2, [last], [masks[second]])
    at_once = BASIC.correct(BASIC.conceal(reading, masks), 2, [last], [masks[first], masks[second]])
    assert twice == at_once


@moderate
@given(members, members, lanes)
def test_both_ends_use_the_mask_with_opposite_signs(a: ClientId, b: ClientId, mask: Lanes) -> None:
    if a != b:
        assert add(toward(a, b, mask), toward(b, a, mask)) == ZERO
        assert toward(min(a, b), max(a, b), mask) == mask


def test_a_single_mask_hides_every_lane_and_another_round_hides_it_otherwise() -> None:
    reading, seed = vector(2500, 17), Seed(0, Secret(bytes(range(32))))
    seen = [
        BASIC.read(BASIC.conceal(reading, {TunnelId(2): seed.mask(NETWORK, RoundNumber(round_))})).lanes
        for round_ in range(50)
    ]
    for lane in range(3):
        assert reading[lane] not in {lanes_[lane] for lanes_ in seen}
        assert len({lanes_[lane] for lanes_ in seen}) == 50


@moderate
@given(graphs(), st.data())
def test_a_sum_without_one_neighbor_tells_nothing_that_looks_like_energy(graph: Graph, data: st.DataObject) -> None:
    absent = data.draw(st.sampled_from(sorted(graph.readings)))
    partial = [BASIC.read(body).lanes for client, body in graph.bodies().items() if client != absent]
    present = [reading for client, reading in graph.readings.items() if client != absent]
    difference = subtract(reduce(add, partial, ZERO), reduce(add, present))
    assert difference == subtract(ZERO, reduce(add, graph.masks_of(absent).values(), ZERO))
    assert (difference == ZERO) is (not graph.masks_of(absent))


def test_old_body_minus_corrected_body_is_the_mask_which_is_why_basic_is_not_hardened() -> None:
    masks = {TunnelId(2): (5, 6, 7), TunnelId(9): (2**63, 1, 2**64 - 1)}
    old = BASIC.conceal(vector(340, 0), masks)
    new = BASIC.correct(old, 1, [TunnelId(2)], [masks[TunnelId(9)]])
    assert subtract(BASIC.read(old).lanes, BASIC.read(new).lanes) == masks[TunnelId(9)]


def test_without_masks_the_reading_lies_open() -> None:
    read = BASIC.read(BASIC.conceal(vector(-340, 2), {}))
    assert signed(read.lanes) == (-340, 2, 1)
    assert (read.attempt, read.edges) == (0, fingerprint([]))


@moderate
@given(st.sets(tunnels), st.sets(tunnels))
def test_fingerprints_tell_sets_apart_and_not_orders(one: set[TunnelId], other: set[TunnelId]) -> None:
    assert (fingerprint(one) == fingerprint(other)) is (one == other)
    assert fingerprint(sorted(one)) == fingerprint(sorted(one, reverse=True))


@pytest.mark.parametrize("length", [*range(34), *range(35, 60)])
def test_a_body_of_any_other_length_is_refused(length: int) -> None:
    for body in (bytes(length), bytes([255]) * length):
        with pytest.raises(RefusedError) as caught:
            BASIC.read(body)
        assert caught.value.reason is Refusal.BAD_DATA


@moderate
@given(st.binary(min_size=34, max_size=34))
def test_any_body_of_the_right_length_is_read(body: bytes) -> None:
    read = BASIC.read(body)
    assert body[:24] == b"".join(lane.to_bytes(8) for lane in read.lanes)
    assert (body[24], int.from_bytes(body[26:])) == (read.attempt, read.edges)


def test_suites_are_found_by_their_code_and_by_their_name() -> None:
    assert {code: (suite.code, suite.name) for code, suite in SUITES.items()} == {1: (1, "basic"), 2: (2, "hardened")}
    assert NAMED == {"basic": BASIC, "hardened": HARDENED}


def test_only_suite_hardened_waits_for_shares_and_it_draws_more() -> None:
    assert [(suite.has_release, suite.draws) for suite in (BASIC, HARDENED)] == [(False, 6), (True, 24)]


def test_suite_basic_has_no_cover_and_lends_nothing() -> None:
    context = Context(NETWORK, ClientId(3), RoundNumber(5), bytes(8))
    seed = Seed(0, Secret(bytes(range(32))))
    assert BASIC.cover(context, {ClientId(9): 5}, 1) == BARE
    pad = BASIC.pad(seed, context, ClientId(2))
    assert pad == EdgePad(subtract(ZERO, seed.mask(NETWORK, RoundNumber(5))), 0, 0)


@pytest.mark.parametrize(("drawn", "needed"), [(1, 1), (2, 1), (3, 2), (6, 3), (7, 4), (24, 12)])
def test_suite_basic_needs_half_of_the_drawn(drawn: int, needed: int) -> None:
    assert BASIC.needed(drawn) == needed
