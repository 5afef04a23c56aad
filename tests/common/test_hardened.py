"""Suite `hardened`: masks cancel, self-masks open, and a correction leaves what the frame told."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.frames import FRAME_BYTES_MIN
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Seed
from common.payloads import Release, Superposition
from common.refusal import Refusal, RefusedError
from common.sealing import Bits, Context, Sealing
from common.secret import Secret
from common.suites import BASIC, HARDENED, EdgePad
from common.superposition import ZERO, Lanes, add, signed, subtract, vector
from tests.common.strategies import members, moderate, rounds, sealings, signed_words, views

NETWORK = NetworkId(7)


@dataclass(frozen=True, slots=True)
class Graph:
    """Members with their readings and neighbors, and of each who of these holds its self-mask, and how many open it."""

    round: RoundNumber
    view: bytes
    readings: Mapping[ClientId, Lanes]
    holders: Mapping[ClientId, Mapping[ClientId, bool]]
    needed: Mapping[ClientId, int]

    def context(self, own: ClientId) -> Context:
        return Context(NETWORK, own, self.round, self.view)

    def pads(self, own: ClientId) -> dict[ClientId, EdgePad]:
        """What each edge of a member gives, by neighbor."""
        return {peer: HARDENED.pad(seed(own, peer), self.context(own), peer) for peer in self.holders[own]}

    def body(self, own: ClientId, missing: Collection[ClientId] = ()) -> bytes:
        """What a member sends first, or in answer to a correction."""
        pads = self.pads(own)
        lent = {peer: pad.lent if self.holders[own][peer] else None for peer, pad in pads.items()}
        masks = {tunnel(own, peer): pad.mask for peer, pad in pads.items()}
        cover = HARDENED.cover(self.context(own), lent, self.needed[own])
        body = HARDENED.conceal(self.readings[own], masks, cover)
        if not missing:
            return body
        kept = [tunnel(own, peer) for peer in pads if peer not in missing]
        return HARDENED.correct(body, 1, kept, [pad.mask for peer, pad in pads.items() if peer in missing])

    def opened(self, own: ClientId, sealing: Sealing, releasing: Collection[ClientId]) -> Lanes | None:
        """A member's self-mask, from the shares of those who release theirs."""
        holders = sealing.holders.among(sorted(self.holders[own]))
        shares = {holder: self.pads(holder)[own].held for holder in holders if holder in releasing}
        return sealing.open(holders, shares, self.context(own))


def _ends(own: ClientId, peer: ClientId) -> tuple[int, int]:
    return min(own, peer), max(own, peer)


def seed(own: ClientId, peer: ClientId) -> Seed:
    low, high = _ends(own, peer)
    return Seed(0, Secret((low << 32 | high).to_bytes(32)))


def tunnel(own: ClientId, peer: ClientId) -> TunnelId:
    low, high = _ends(own, peer)
    return TunnelId(low << 32 | high)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any key graph without a lonely member; the holders of each are some of its neighbors."""
    clients = sorted(draw(st.sets(members, min_size=2, max_size=8)))
    pairs = [(a, b) for i, a in enumerate(clients) for b in clients[i + 1 :]]
    path = set(pairwise(clients))
    edges = draw(st.sets(st.sampled_from(pairs))) | path
    holders, needed = {}, {}
    for own in clients:
        peers = [peer for peer in clients if (own, peer) in edges or (peer, own) in edges]
        chosen = draw(st.sets(st.sampled_from(peers), min_size=1))
        holders[own] = {peer: peer in chosen for peer in peers}
        needed[own] = draw(st.integers(1, len(chosen)))
    readings = {client: vector(draw(signed_words), draw(signed_words)) for client in clients}
    return Graph(draw(rounds), draw(views), readings, holders, needed)


def _sum(bodies: Collection[bytes]) -> Lanes:
    return reduce(add, [HARDENED.read(body).lanes for body in bodies], ZERO)


def _sealing(body: bytes) -> Sealing:
    sealing = HARDENED.read(body).sealing
    assert sealing is not None
    return sealing


@moderate
@given(graphs())
def test_masks_cancel_and_what_the_holders_open_leaves_the_exact_sum(graph: Graph) -> None:
    bodies = {client: graph.body(client) for client in graph.readings}
    masks = [graph.opened(client, _sealing(body), graph.readings) for client, body in bodies.items()]
    opened = [mask for mask in masks if mask is not None]
    assert len(opened) == len(bodies)
    assert reduce(subtract, opened, _sum(bodies.values())) == reduce(add, graph.readings.values())


@moderate
@given(graphs(), st.data())
def test_a_quorum_of_each_member_s_holders_opens_the_sum_after_a_correction(graph: Graph, data: st.DataObject) -> None:
    clients = sorted(graph.readings)
    missing = data.draw(st.sets(st.sampled_from(clients), max_size=len(clients) - 1))
    bodies = {client: graph.body(client, missing) for client in clients if client not in missing}
    total = _sum(bodies.values())
    for client, body in bodies.items():
        holders = [peer for peer, is_holder in graph.holders[client].items() if is_holder]
        quorum = data.draw(st.permutations(holders))[: graph.needed[client]]
        mask = graph.opened(client, _sealing(body), quorum)
        assert mask is not None
        total = subtract(total, mask)
        assert graph.opened(client, _sealing(body), quorum[1:]) is None
    assert total == reduce(add, [graph.readings[client] for client in bodies])


@moderate
@given(graphs(), st.data())
def test_a_correction_keeps_what_the_frame_told_and_drops_the_masks_toward_the_missing(
    graph: Graph, data: st.DataObject
) -> None:
    own = data.draw(st.sampled_from(sorted(graph.readings)))
    missing = data.draw(st.sets(st.sampled_from(sorted(graph.holders[own])), min_size=1))
    first, second = graph.body(own), graph.body(own, missing)
    before, after, size = HARDENED.read(first), HARDENED.read(second), HARDENED.body.size
    assert second[size:] == first[size:]
    assert after.sealing == before.sealing
    dropped = [pad.mask for peer, pad in graph.pads(own).items() if peer in missing]
    assert subtract(before.lanes, after.lanes) == reduce(add, dropped)
    assert (after.attempt, HARDENED.body.unpack_from(second)[4]) == (1, len(graph.holders[own]) - len(missing))


@moderate
@given(graphs())
def test_both_ends_of_an_edge_agree_on_its_mask_and_on_who_holds_which_share(graph: Graph) -> None:
    for own in graph.readings:
        for peer, pad in graph.pads(own).items():
            other = graph.pads(peer)[own]
            assert add(pad.mask, other.mask) == ZERO
            assert (pad.lent, pad.held) == (other.held, other.lent)
            assert pad.lent != pad.held


def test_the_lower_client_adds_the_mask_and_the_higher_one_holds_the_low_share() -> None:
    edge = Seed(0, Secret(bytes(range(32))))
    low = Context(NETWORK, ClientId(3), RoundNumber(5), bytes(8))
    pad = edge.pad(NETWORK, RoundNumber(5), bytes(8))
    assert HARDENED.pad(edge, low, ClientId(9)) == EdgePad(pad.mask, lent=pad.low, held=pad.high)
    high = Context(NETWORK, ClientId(9), RoundNumber(5), bytes(8))
    assert HARDENED.pad(edge, high, ClientId(3)) == EdgePad(subtract(ZERO, pad.mask), lent=pad.high, held=pad.low)


def _mesh(size: int, needed: int) -> Graph:
    clients = [ClientId(number) for number in range(1, size + 1)]
    holders = {own: {peer: True for peer in clients if peer != own} for own in clients}
    readings = {client: vector(100 * client, 0) for client in clients}
    return Graph(RoundNumber(5), bytes(8), readings, holders, dict.fromkeys(clients, needed))


def test_old_body_minus_corrected_body_leaves_the_reading_under_its_self_mask() -> None:
    graph, absent = _mesh(5, 3), ClientId(2)
    differences = [
        subtract(HARDENED.read(graph.body(client)).lanes, HARDENED.read(graph.body(client, [absent])).lanes)
        for client in graph.readings
        if client != absent
    ]
    bare = reduce(add, differences, HARDENED.read(graph.body(absent)).lanes)
    mask = graph.opened(absent, _sealing(graph.body(absent)), graph.readings)
    assert mask is not None
    assert bare == add(graph.readings[absent], mask)
    assert all(abs(lane) > 2**40 for lane in signed(bare))


def test_fewer_holders_than_needed_cover_nothing() -> None:
    context = Context(NETWORK, ClientId(3), RoundNumber(5), bytes(8))
    with pytest.raises(ValueError, match="2 of 1 shares"):
        HARDENED.cover(context, {ClientId(1): 5, ClientId(2): None}, 2)


@moderate
@given(sealings())
def test_a_body_is_read_with_what_it_tells_and_basic_refuses_it(sealing: Sealing) -> None:
    body = HARDENED.body.pack(1, 2, 3, 4, 5, 6) + sealing.encode()
    read = HARDENED.read(body)
    assert (read.lanes, read.attempt, read.edges, read.sealing) == ((1, 2, 3), 4, 6, sealing)
    with pytest.raises(RefusedError) as caught:
        BASIC.read(body)
    assert caught.value.reason is Refusal.BAD_DATA


@moderate
@given(st.binary(max_size=100))
def test_arbitrary_bodies_are_read_or_refused(body: bytes) -> None:
    try:
        read = HARDENED.read(body)
    except RefusedError as refused:
        assert refused.reason is Refusal.BAD_DATA
    else:
        assert read.sealing is not None
        assert body[HARDENED.body.size :] == read.sealing.encode()


@pytest.mark.parametrize(("drawn", "needed"), [(2, 2), (4, 3), (5, 4), (23, 16), (24, 17)])
def test_all_but_the_silent_third_are_needed(drawn: int, needed: int) -> None:
    assert HARDENED.needed(drawn) == needed


@pytest.mark.parametrize(
    ("neighbors", "superposition_bytes", "release_bytes"), [(4, 158, 171), (24, 256, 493), (48, 259, 880)]
)
def test_frames_are_so_long(neighbors: int, superposition_bytes: int, release_bytes: int) -> None:
    """With 24 drawn neighbors, all of whom are holders, and with as many again that drew this one."""
    held = min(neighbors, 24)
    lent = {ClientId(client): client if client > neighbors - held else None for client in range(1, neighbors + 1)}
    context = Context(NETWORK, ClientId(99), RoundNumber(5), bytes(8))
    body = HARDENED.conceal(ZERO, {}, HARDENED.cover(context, lent, HARDENED.needed(held)))
    data = Superposition(HARDENED.code, context.round, context.view, body).encode()
    shares = tuple(range(neighbors))
    release = Release(HARDENED.code, context.round, bytes(8), Bits.of([True] * neighbors), shares).encode()
    assert FRAME_BYTES_MIN + len(data) == superposition_bytes
    assert FRAME_BYTES_MIN + len(release) == release_bytes
