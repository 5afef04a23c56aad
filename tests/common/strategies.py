"""Hypothesis strategies for the values of the protocol, and how many examples are enough."""

from typing import Final

from hypothesis import settings
from hypothesis import strategies as st

from common.clients import ClientSet
from common.draws import Opening
from common.frames import Frame, Notification
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Seed
from common.merkle import Tree
from common.parameters import DRAWS_MAX, Parameters
from common.payloads import (
    Assigned,
    ClockAnswer,
    Correction,
    Entered,
    ExitConfirmed,
    HeldEdge,
    Hold,
    Holdings,
    Registration,
    Rejected,
    Release,
    Resumed,
    RoundFinal,
    Superposition,
)
from common.refusal import Refusal
from common.roster import MESH_MAX, Leaf, Roster, RosterRoot
from common.schedule import Schedule
from common.sealing import Bits, Sealing
from common.secret import Secret
from common.shares import PRIME
from common.suites import BASIC, HARDENED
from common.superposition import Lanes
from common.tunnels import (
    DRAWN_MAX,
    Departure,
    Drawn,
    DrawnMember,
    End,
    Kind,
    MemberProof,
    Role,
    TunnelMessage,
    TunnelOpen,
)

moderate: Final = settings(max_examples=60, deadline=None)
"""Enough to meet the corners, few enough for a folder of seconds; no deadline, because the machine may be shared."""

words: Final = st.integers(0, 2**64 - 1)
signed_words: Final = st.integers(-(2**63), 2**63 - 1)
lanes: Final[st.SearchStrategy[Lanes]] = st.tuples(words, words, words)
networks: Final = st.integers(0, 2**32 - 1).map(NetworkId)
clients: Final = st.integers(0, 2**32 - 1).map(ClientId)
members: Final = st.integers(1, 400).map(ClientId)
rounds: Final = words.map(RoundNumber)
tunnels: Final = words.map(TunnelId)
names: Final = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32)
keys: Final = st.binary(min_size=32, max_size=32)
views: Final = st.binary(min_size=8, max_size=8)
octets: Final = st.integers(0, 255)
numbers: Final = st.integers(0, 2**32 - 1)
hashes: Final = st.binary(min_size=32, max_size=32)
paths: Final = st.lists(hashes, max_size=6).map(tuple)
client_sets: Final = st.sets(members, max_size=30).map(ClientSet.of)
seeds: Final = st.builds(lambda day, key: Seed(day, Secret(key)), st.integers(0, 40_000), keys)
tunnel_lists: Final = st.lists(tunnels, max_size=8).map(tuple)

frames: Final = st.builds(
    Frame, networks, clients, words, st.sampled_from(Notification), st.binary(max_size=80), st.booleans()
)

edges: Final = st.builds(HeldEdge, tunnels, clients, st.booleans())
bodies: Final = st.builds(
    lambda lanes_, attempt, masks, edges_: BASIC.body.pack(*lanes_, attempt, masks, edges_),
    lanes,
    octets,
    octets,
    words,
)
superpositions: Final = st.builds(Superposition, st.just(BASIC.code), rounds, views, bodies)
field_shares: Final = st.integers(0, PRIME - 1) | st.sampled_from([0, 1, PRIME - 1])
bit_lists: Final = st.lists(st.booleans(), max_size=40)


@st.composite
def sealings(draw: st.DrawFn) -> Sealing:
    """What a frame of suite `hardened` may tell of its self-mask."""
    holders = Bits.of(draw(bit_lists.filter(any)))
    needed = draw(st.integers(1, holders.count))
    corrections = draw(st.tuples(*[field_shares] * (holders.count - needed)))
    return Sealing(needed, holders, corrections)


sealed_superpositions: Final = st.builds(
    lambda round_, view, body, sealing: Superposition(HARDENED.code, round_, view, body + sealing.encode()),
    rounds,
    views,
    bodies,
    sealings(),
)


@st.composite
def releases(draw: st.DrawFn) -> Release:
    """Shares for some of the sender's neighbors."""
    members_ = Bits.of(draw(bit_lists))
    shares = draw(st.tuples(*[field_shares] * members_.count))
    return Release(draw(octets), draw(rounds), draw(views), members_, shares)


finals: Final = st.builds(
    lambda suite, round_, view, back, *rest: RoundFinal(suite, round_, view, RoundNumber(max(0, round_ - back)), *rest),
    octets,
    rounds,
    views,
    st.integers(0, 2**64),
    numbers,
    hashes,
    client_sets,
    client_sets,
    tunnel_lists,
)

leaves: Final = st.builds(Leaf, st.integers(1, 2**32 - 1).map(ClientId), keys, hashes, numbers)
roots: Final = st.builds(
    lambda epoch, counts, root: RosterRoot(epoch, max(counts), min(counts), root),
    numbers,
    st.tuples(numbers, numbers),
    hashes,
)
member_proofs: Final = st.builds(MemberProof, roots, leaves, paths)
drawn_members: Final = st.builds(DrawnMember, numbers, clients)
openings: Final = st.builds(
    Opening, st.integers(0, 2**16 - 1), st.integers(0, 2**16 - 1), hashes, st.tuples(*[hashes] * 10)
)

exact_payloads: Final = st.one_of(
    st.builds(Assigned, keys),
    st.builds(ClockAnswer, words),
    st.builds(TunnelOpen, tunnels, st.sampled_from(Role), st.sampled_from(Kind), numbers, member_proofs),
    st.builds(Drawn, st.lists(drawn_members, max_size=DRAWN_MAX).map(tuple)),
    st.builds(Entered, tunnel_lists, tunnel_lists),
    st.builds(Holdings, st.lists(edges, max_size=6).map(tuple)),
    st.builds(Resumed, tunnel_lists),
    st.builds(ExitConfirmed, clients),
    st.builds(Rejected, st.sampled_from(Notification), st.sampled_from(Refusal)),
    st.builds(
        Correction,
        octets,
        rounds,
        views,
        st.integers(1, 255),
        st.sets(members, min_size=1, max_size=30).map(ClientSet.of),
    ),
    finals,
    releases(),
    st.builds(Hold, st.lists(clients, max_size=8).map(tuple)),
)
"""Payloads whose data field has one right length."""

open_payloads: Final = st.one_of(
    st.builds(Registration, hashes, st.binary(max_size=100)),
    st.builds(Departure, member_proofs, st.sampled_from(End), st.binary(max_size=100)),
    st.builds(TunnelMessage, tunnels, octets, st.binary(max_size=100)),
    st.builds(Superposition, octets, rounds, views, st.binary(max_size=60)),
)
"""Payloads that end in a body which others read."""

PAYLOADS: Final = (
    Registration,
    Assigned,
    ClockAnswer,
    TunnelOpen,
    Drawn,
    Departure,
    TunnelMessage,
    Entered,
    Holdings,
    Resumed,
    ExitConfirmed,
    Rejected,
    Superposition,
    Correction,
    RoundFinal,
    Release,
    Hold,
)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Schedules whose corrections end before the next round."""
    window, grace, correction = draw(st.integers(1, 10**6)), draw(st.integers(0, 10**5)), draw(st.integers(1, 10**5))
    attempts = draw(st.integers(1, 255))
    needed = window + grace + attempts * correction
    return Schedule(needed + draw(st.integers(1, 10**6)), window, grace, correction, attempts)


@st.composite
def parameters(draw: st.DrawFn) -> Parameters:
    """Rules that a network may have."""
    degree_max = draw(st.integers(1, 255))
    masks_min, draws = draw(st.integers(1, degree_max)), draw(st.integers(1, min(DRAWS_MAX, degree_max)))
    members_min = draw(st.integers(masks_min + 1, 65_535))
    return Parameters(draw(octets), draw(names), draw(schedules()), members_min, masks_min, draws, degree_max)


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    """Rosters as a provider makes them: a mesh with its leaves, or more leaves and a proof."""
    count = draw(st.integers(0, MESH_MAX) | st.integers(MESH_MAX + 1, 2**32 - 1))
    listed = tuple(
        Leaf(ClientId(number + 1), draw(keys), draw(hashes), draw(numbers))
        for number in range(count if count <= MESH_MAX else 0)
    )
    root = Tree(leaf.encode() for leaf in listed).root() if count <= MESH_MAX else draw(hashes)
    at = RosterRoot(draw(numbers), count, draw(st.integers(0, count)), root)
    return Roster(at, draw(rounds), draw(hashes), draw(parameters()), draw(paths), listed)
