"""The key graph: who shares a seed with whom, and which members may be summed together.

Source: thesis section 3.3.2 (key graph, exit); docs/protocol.md, "Key graph".
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Final, final

from common.identifiers import ClientId, TunnelId
from provider.core.events import EdgeState

Neighborhoods = Mapping[ClientId, Mapping[ClientId, TunnelId]]
"""For each member, its neighbors, and the tunnel in which the seed of that edge was agreed."""


@dataclass(slots=True)
class Edge:
    """One pair with a seed in common, or a tunnel in which one is being agreed; `initiator` asked for it."""

    tunnel: TunnelId
    initiator: ClientId
    responder: ClientId
    state: EdgeState
    opened_ms: int = 0

    def other(self, client: ClientId) -> ClientId:
        """The end that is not `client`."""
        return self.responder if client == self.initiator else self.initiator

    @property
    def pair(self) -> frozenset[ClientId]:
        """Both ends."""
        return frozenset((self.initiator, self.responder))


@final
class KeyGraph:
    """All edges of a network, by tunnel and by member. A pair has at most one started edge, and one to follow it."""

    def __init__(self, edges: Iterable[Edge] = ()) -> None:
        self._edges: Final[dict[TunnelId, Edge]] = {}
        self._of: Final[dict[ClientId, dict[TunnelId, Edge]]] = {}
        for edge in edges:
            self.add(edge)

    def add(self, edge: Edge) -> None:
        """Take an edge in."""
        self._edges[edge.tunnel] = edge
        for client in edge.pair:
            self._of.setdefault(client, {})[edge.tunnel] = edge

    def remove(self, tunnel: TunnelId) -> None:
        """Drop an edge."""
        edge = self._edges.pop(tunnel)
        for client in edge.pair:
            del self._of[client][tunnel]

    def get(self, tunnel: TunnelId) -> Edge | None:
        """The edge of this tunnel."""
        return self._edges.get(tunnel)

    def of(self, client: ClientId) -> list[Edge]:
        """All edges of a member, in whichever state."""
        return list(self._of.get(client, {}).values())

    def in_state(self, state: EdgeState) -> list[Edge]:
        """All edges in this state."""
        return [edge for edge in self._edges.values() if edge.state is state]

    def between(self, a: ClientId, b: ClientId) -> list[Edge]:
        """The edges of a pair."""
        return [edge for edge in self._of.get(a, {}).values() if edge.other(a) == b]

    def neighbors(self, client: ClientId, *states: EdgeState) -> set[ClientId]:
        """The members at the other end of this member's edges in these states (all states when none is named)."""
        edges = self._of.get(client, {}).values()
        return {edge.other(client) for edge in edges if not states or edge.state in states}


def neighborhoods(clients: Set[ClientId], edges: Iterable[Edge]) -> dict[ClientId, dict[ClientId, TunnelId]]:
    """For each of `clients`, its neighbors among `clients`; of two edges of one pair, the later in `edges` counts."""
    found: dict[ClientId, dict[ClientId, TunnelId]] = {client: {} for client in clients}
    for edge in edges:
        a, b = edge.initiator, edge.responder
        if a in found and b in found:
            found[a][b] = found[b][a] = edge.tunnel
    return found


def components(clients: Set[ClientId], near: Neighborhoods) -> list[set[ClientId]]:
    """The connected parts of the graph restricted to `clients`, the largest first."""
    parts: list[set[ClientId]] = []
    unseen = set(clients)
    while unseen:
        part, border = set[ClientId](), {unseen.pop()}
        while border:
            part |= border
            border = {peer for client in border for peer in near[client] if peer in unseen}
            unseen -= border
        parts.append(part)
    return sorted(parts, key=lambda part: (-len(part), min(part)))


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds shares of a member's self-mask, and how many of them it needs under its frame."""

    clients: frozenset[ClientId]
    needed: int


def summable(
    clients: Set[ClientId],
    near: Neighborhoods,
    masks_min: int,
    members_min: int,
    holders: Mapping[ClientId, Holders] | None = None,
) -> set[ClientId]:
    """The largest subset of `clients` in which everybody has enough masks and no part can be opened by itself.

    The provider can add up each connected part of the key graph on its own, so a part below `members_min` is left out
    just as a member with fewer than `masks_min` neighbors, or than it needs of its `holders`, where they are known;
    either may cause the other, until nothing changes.
    """
    kept, known = set(clients), holders or {}

    def is_thin(client: ClientId) -> bool:
        there, its_own = kept.intersection(near[client]), known.get(client)
        return len(there) < masks_min or (its_own is not None and len(there & its_own.clients) < its_own.needed)

    while True:
        thin = set(filter(is_thin, kept))
        if thin:
            kept -= thin
            continue
        small = [part for part in components(kept, near) if len(part) < members_min]
        if not small:
            return kept
        kept = kept.difference(*small)
