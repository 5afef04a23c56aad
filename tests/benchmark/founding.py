"""A network that stands already: what its provider and its gateways would have stored after all handshakes.

Seeds are drawn here instead of being agreed: a quarter of a million handshakes say nothing about a round. What begins
with these stores are the real cores, and whatever they are told comes in signed frames.
"""

import random
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Final

from common.clients import ClientSet
from common.draws import DrawValues
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import SEED_BYTES, Seed
from common.merkle import Tree
from common.parameters import Parameters
from common.payloads import NO_VIEW, RoundFinal
from common.roster import NO_PREDECESSOR, Leaf, Roster, RosterRoot
from common.secret import Secret
from common.signing import Direction, Identity
from provider.core.events import EdgeRecord, EdgeState, MemberRecord, MemberState, RosterRecord, StoreContents
from smgw.core.events import Edge, Membership, Slot, VaultContents
from smgw.core.leaves import Leaves
from tests.benchmark import papers

EPOCH: Final = 1


@dataclass(frozen=True, slots=True)
class Founder:
    """One gateway before it has a place: its name, identity and certificate (DER)."""

    name: str
    identity: Identity
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Charter:
    """Whose network it is, under which rules, and after which round it goes on; draw values are the same for all."""

    network: NetworkId
    parameters: Parameters
    provider: Identity
    values: DrawValues
    round: RoundNumber
    now_ms: int


@dataclass(frozen=True, slots=True)
class Founded:
    """What the store and each vault hold, and the leaves of the roster, which nobody has to gather one by one."""

    store: StoreContents
    vaults: Sequence[VaultContents]
    leaves: Leaves


@dataclass(frozen=True, slots=True)
class _Link:
    """One edge with its secret: both ends, and who of them drew the other."""

    tunnel: TunnelId
    ends: tuple[ClientId, ClientId]
    secret: Secret
    drawers: Set[ClientId]


def found(charter: Charter, founders: Sequence[Founder], entropy: random.Random) -> Founded:
    """A network in which everybody has drawn, every edge is started, and the FINAL of the round expects everybody."""
    root = charter.values.root
    leaves = [Leaf(ClientId(place), each.identity.public_key, root, EPOCH) for place, each in enumerate(founders, 1)]
    at = RosterRoot(EPOCH, len(leaves), len(leaves), Tree(leaf.encode() for leaf in leaves).root())
    drawn = _draw(at, charter.parameters.draws, entropy)
    links = list(_links(drawn, entropy))
    roster = Roster(at, charter.round, NO_PREDECESSOR, charter.parameters, (), tuple(leaves) if at.is_mesh else ())
    store = StoreContents(
        tuple(_member(charter, founder, leaf) for founder, leaf in zip(founders, leaves, strict=True)),
        tuple(EdgeRecord(charter.network, link.tunnel, *link.ends, EdgeState.STARTED) for link in links),
        (RosterRecord(charter.network, EPOCH, at.leaves, at.live, roster.encode()),),
        _final(charter, at),
    )
    edges = _edges(charter, leaves, links)
    slots = [() if at.is_mesh else _slots(at, drawn[leaf.client]) for leaf in leaves]
    vaults = [_vault(charter, leaf, edges[leaf.client], slots[leaf.index]) for leaf in leaves]
    return Founded(store, vaults, Leaves(leaves))


def _draw(at: RosterRoot, draws: int, entropy: random.Random) -> dict[ClientId, list[ClientId]]:
    """Whom each client drew; in a mesh all others."""
    clients = [ClientId(client) for client in range(1, at.leaves + 1)]
    count = at.leaves - 1 if at.is_mesh else at.slots(draws)
    return {own: entropy.sample(clients[: own - 1] + clients[own:], count) for own in clients}


def _links(drawn: dict[ClientId, list[ClientId]], entropy: random.Random) -> Iterator[_Link]:
    drawers: dict[tuple[ClientId, ClientId], set[ClientId]] = {}
    for own, peers in drawn.items():
        for peer in peers:
            drawers.setdefault((min(own, peer), max(own, peer)), set()).add(own)
    for ends, who in drawers.items():
        yield _Link(TunnelId(entropy.getrandbits(64)), ends, Secret(entropy.randbytes(SEED_BYTES)), who)


def _member(charter: Charter, founder: Founder, leaf: Leaf) -> MemberRecord:
    key, root, place = leaf.public_key, leaf.draw_root, leaf.client
    return MemberRecord(
        charter.network, place, founder.name, key, root, founder.certificate, MemberState.PRESENT, EPOCH
    )


def _final(charter: Charter, at: RosterRoot) -> bytes:
    everybody = ClientSet.of(ClientId(client) for client in range(1, at.leaves + 1))
    order = RoundFinal(
        charter.parameters.suite, charter.round, NO_VIEW, charter.round, at.epoch, at.root, ClientSet(), everybody, ()
    )
    frame = Frame(charter.network, EVERYONE, charter.now_ms, Notification.FINAL, order.encode())
    return frame.signed(charter.provider, Direction.DOWN)


def _edges(charter: Charter, leaves: Sequence[Leaf], links: Sequence[_Link]) -> dict[ClientId, list[Edge]]:
    """The edges of each client, as it holds them. A certificate's number is its client's."""
    day, until_ms, now_ms = charter.parameters.schedule.day(charter.round), papers.TERM.end_ms, charter.now_ms
    edges: dict[ClientId, list[Edge]] = {leaf.client: [] for leaf in leaves}
    for link in links:
        for own, peer in (link.ends, link.ends[::-1]):
            key, seed, holds = leaves[peer - 1].public_key, Seed(day, link.secret), peer in link.drawers
            edges[own].append(Edge(link.tunnel, peer, key, peer, until_ms, seed, True, now_ms, holds))
    return edges


def _slots(at: RosterRoot, drawn: Sequence[ClientId]) -> tuple[Slot, ...]:
    return tuple(Slot(number, at, 0, peer, at.leaves, True) for number, peer in enumerate(drawn))


def _vault(charter: Charter, leaf: Leaf, edges: Sequence[Edge], slots: tuple[Slot, ...]) -> VaultContents:
    used = frozenset(slot.number for slot in slots)
    membership = Membership(charter.network, leaf.client, serial=leaf.client)
    return VaultContents(membership, tuple(edges), slots=slots, used=used)
