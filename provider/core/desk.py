"""What the parts of the network machine share: who the network is, its members, its key graph, and how it speaks."""

from dataclasses import dataclass, field
from typing import Final

from common import topics
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, ClientId, NetworkId, TunnelId
from common.parameters import Parameters
from common.signing import Direction, Identity
from common.topics import Broadcast
from provider.core.events import (
    EdgeRecord,
    EdgeRemoved,
    EdgeState,
    MemberRecord,
    MemberState,
    Publish,
    Store,
)
from provider.core.keygraph import Edge, KeyGraph

LIFETIME_MS: Final = 60_000
"""How long an order to one gateway is worth sending."""


@dataclass(slots=True)
class Member:
    """One member as the provider sees it.

    `unsettled` are neighbors with whom its seeds do not agree; each of them has it among its `awaiting`.
    """

    client: ClientId
    name: str
    public_key: bytes
    state: MemberState
    exit_frame: bytes | None = None
    unsettled: set[ClientId] = field(default_factory=set)
    awaiting: set[ClientId] = field(default_factory=set)
    renewals: dict[ClientId, int] = field(default_factory=dict)
    """How many tunnels to renew a seed in dispute were in vain, by neighbor."""
    heard_ms: int = 0
    is_deaf: bool = False
    """Whether a tunnel was opened for it in vain, and nothing was heard of it since: nobody waits for it."""

    def hear(self, now_ms: int) -> None:
        """A frame of this member has come."""
        self.heard_ms, self.is_deaf = now_ms, False


@dataclass(slots=True)
class Desk:
    """Shared by admission and rounds of one network; each change of a member or edge yields what must be stored."""

    network: NetworkId
    parameters: Parameters
    identity: Identity
    members: dict[ClientId, Member]
    graph: KeyGraph
    expected: frozenset[ClientId] = frozenset()
    """Whom the last FINAL expects."""

    def in_state(self, *states: MemberState) -> list[Member]:
        """The members in these states."""
        return [member for member in self.members.values() if member.state in states]

    def reachable(self, *states: MemberState) -> list[Member]:
        """The members in these states of whom one may expect an answer."""
        return [member for member in self.in_state(*states) if not member.is_deaf]

    def is_present(self, client: ClientId) -> bool:
        """Whether this member can be expected."""
        return self.members[client].state is MemberState.PRESENT

    def save(self, member: Member) -> Store:
        """What the store keeps of a member."""
        return Store(
            MemberRecord(self.network, member.client, member.name, member.public_key, member.state, member.exit_frame)
        )

    def move(self, member: Member, state: MemberState) -> list[Store]:
        """Put a member in another state."""
        if member.state is state:
            return []
        member.state = state
        return [self.save(member)]

    def save_edge(self, edge: Edge, state: EdgeState) -> Store:
        """Put an edge in another state, and keep it."""
        edge.state = state
        return Store(EdgeRecord(self.network, edge.tunnel, edge.initiator, edge.responder, state))

    def remove_edge(self, edge: Edge) -> list[Store]:
        """Take an edge out of the key graph."""
        self.graph.remove(edge.tunnel)
        return [] if edge.state is EdgeState.OPEN else [Store(EdgeRemoved(self.network, edge.tunnel))]

    def order(self, member: Member, notification: Notification, data: bytes, now_ms: int) -> Publish:
        """A signed frame to one member."""
        frame = Frame(self.network, member.client, now_ms, notification, data)
        topic = topics.down(self.network, member.name)
        return Publish(topic, frame.signed(self.identity, Direction.DOWN), now_ms + LIFETIME_MS)

    def forward(self, raw: bytes, member: Member, now_ms: int) -> Publish:
        """Another member's frame, as it is, to one member."""
        return Publish(topics.down(self.network, member.name), raw, now_ms + LIFETIME_MS)

    def announce(self, notification: Notification, data: bytes, now_ms: int) -> bytes:
        """A signed frame to all members."""
        return Frame(self.network, EVERYONE, now_ms, notification, data).signed(self.identity, Direction.DOWN)

    def broadcast(self, what: Broadcast, frame: bytes, expires_ms: int, *, is_retained: bool) -> Publish:
        """Say a frame to all members; a retained one also reaches those who come later."""
        return Publish(topics.broadcast(self.network, what), frame, expires_ms, is_retained)


def new_tunnel(octets: bytes, graph: KeyGraph) -> TunnelId:
    """A tunnel identifier from 8 random bytes.

    Raises:
        ValueError: it is taken, or zero.
    """
    tunnel = TunnelId(int.from_bytes(octets))
    if not tunnel or graph.get(tunnel) is not None:
        raise ValueError("the tunnel identifier is taken")
    return tunnel
