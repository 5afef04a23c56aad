"""What the parts of the network machine share: who the network is, its members, its key graph, and how it speaks."""

from dataclasses import dataclass, field
from typing import Final

from common import topics
from common.certificates import Certificate
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, ClientId, NetworkId, TunnelId
from common.parameters import Parameters
from common.roster import Leaf
from common.signing import Direction, Identity
from common.suites import SUITES, Suite
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
from provider.core.trust import Trust

LIFETIME_MS: Final = 60_000
"""How long an order to one gateway is worth sending."""

IN_NETWORK: Final = (MemberState.JOINING, MemberState.PRESENT)
GONE: Final = (MemberState.LEAVING, MemberState.LEFT)


@dataclass(slots=True)
class Member:
    """One member as the provider sees it.

    `draw_root` and `epoch` stand in its leaf of the roster; `epoch` is 0 until a roster holds it. `unsettled` are
    neighbors with whom its seeds do not agree; each of them has it among its `awaiting`.
    """

    client: ClientId
    certificate: Certificate
    draw_root: bytes
    state: MemberState
    epoch: int = 0
    exit_frame: bytes | None = None
    unsettled: set[ClientId] = field(default_factory=set)
    awaiting: set[ClientId] = field(default_factory=set)
    renewals: dict[ClientId, int] = field(default_factory=dict)
    """How many tunnels to renew a seed in dispute were in vain, by neighbor."""
    heard_ms: int = 0
    is_deaf: bool = False
    """Whether a tunnel was opened for it in vain, and nothing was heard of it since: nobody waits for it."""

    @property
    def name(self) -> str:
        """The name on the bus, which its certificate gives it."""
        return self.certificate.subject.name

    @property
    def public_key(self) -> bytes:
        """The key that signs its frames, 32 bytes."""
        return self.certificate.public_key

    @property
    def leaf(self) -> Leaf:
        """Its entry in the roster."""
        return Leaf(self.client, self.public_key, self.draw_root, self.epoch)

    @property
    def is_reachable(self) -> bool:
        """Whether one may expect an answer to a tunnel."""
        return self.state in IN_NETWORK and not self.is_deaf

    def hear(self, now_ms: int) -> None:
        """A frame of this member has come."""
        self.heard_ms, self.is_deaf = now_ms, False


@dataclass(slots=True)
class Desk:
    """Shared by the parts of one network; each change of a member or edge yields what must be stored.

    Client identifiers are given one after the other, so the highest one is the number of `members`.
    """

    network: NetworkId
    parameters: Parameters
    identity: Identity
    trust: Trust
    members: dict[ClientId, Member]
    graph: KeyGraph
    expected: frozenset[ClientId] = frozenset()
    """Whom the last FINAL expects."""
    pending: frozenset[ClientId] = frozenset()
    """Who is in a sum that waits for shares."""

    @property
    def suite(self) -> Suite:
        """The network's suite."""
        return SUITES[self.parameters.suite]

    def in_state(self, *states: MemberState) -> list[Member]:
        """The members in these states."""
        return [member for member in self.members.values() if member.state in states]

    def others(self, leaves: int) -> int:
        """How many others each member counts in a mesh of so many leaves: one for each key, save who is proven gone."""
        members = (self.members[ClientId(client)] for client in range(1, leaves + 1))
        return len({member.public_key for member in members if not self._is_proven_gone(member)}) - 1

    def _is_proven_gone(self, member: Member) -> bool:
        """Whether everybody can be shown that it left; that a certificate has expired shows nobody anything."""
        is_revoked = member.certificate.serial in self.trust.revocations.serials
        return member.state is MemberState.LEFT and (member.exit_frame is not None or is_revoked)

    def is_present(self, client: ClientId) -> bool:
        """Whether this member can be expected."""
        return self.members[client].state is MemberState.PRESENT

    # What is stored

    def save(self, member: Member) -> Store:
        """What the store keeps of a member."""
        return Store(
            MemberRecord(
                self.network,
                member.client,
                member.name,
                member.public_key,
                member.draw_root,
                member.certificate.der,
                member.state,
                member.epoch,
                member.exit_frame,
            )
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

    # Who is whose neighbor

    def places(self, client: ClientId) -> set[ClientId]:
        """Who takes one of a member's places: its neighbors, and those with whom it has a seed to renew.

        Without the latter, new neighbors would take the places, and what is in dispute could never be renewed.
        """
        member = self.members[client]
        return self.graph.neighbors(client) | member.unsettled | member.awaiting

    def have_room(self, a: ClientId, b: ClientId) -> bool:
        """Whether these two may become neighbors, or are."""
        most = self.parameters.degree_max
        return len(self.places(a) | {b}) <= most and len(self.places(b) | {a}) <= most

    def dispute(self, member: Member, peer: Member) -> None:
        """The seeds of this member do not agree with those of `peer`."""
        member.unsettled.add(peer.client)
        peer.awaiting.add(member.client)

    def agree(self, a: ClientId, b: ClientId) -> None:
        """Nothing is in dispute between these two any more."""
        for client, other in ((a, b), (b, a)):
            self.members[client].unsettled.discard(other)
            self.members[client].awaiting.discard(other)
            self.members[client].renewals.pop(other, None)

    # What is said

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

    def broadcast(self, what: Broadcast, frame: bytes, expires_ms: int) -> Publish:
        """Say a frame to all members that are there."""
        return Publish(topics.broadcast(self.network, what), frame, expires_ms)

    def retain(self, what: Broadcast, frame: bytes, now_ms: int) -> Publish:
        """Say a frame to all members, and to those who come later."""
        expires_ms = now_ms + max(2 * self.parameters.schedule.period_ms, LIFETIME_MS)
        return Publish(topics.broadcast(self.network, what), frame, expires_ms, is_retained=True)

    def tell_revocations(self, now_ms: int) -> Publish:
        """Say the administrator's list of revoked certificates to everybody."""
        frame = self.announce(Notification.REVOCATIONS, self.trust.revocations.der, now_ms)
        return self.retain(Broadcast.REVOCATIONS, frame, now_ms)


def new_tunnel(octets: bytes, graph: KeyGraph) -> TunnelId:
    """A tunnel identifier from 8 random bytes.

    Raises:
        ValueError: it is taken, or zero.
    """
    tunnel = TunnelId(int.from_bytes(octets))
    if not tunnel or graph.get(tunnel) is not None:
        raise ValueError("the tunnel identifier is taken")
    return tunnel
