"""What a gateway knows at any moment: who it is, its rules, its membership, its edges and the last FINAL."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from common import topics
from common.clients import ClientSet
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, NO_NETWORK, ClientId, RoundNumber, TunnelId
from common.parameters import Parameters
from common.signing import Direction, Identity
from common.suites import Suite
from smgw.core.events import Edge, EdgeErased, Membership, Publish, Store

RETRY_FIRST_MS: Final = 2_000
RETRY_MAX_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class MemberRules:
    """The owner's own settings; a network whose rules are weaker is refused.

    `provider_key` is the provider's Ed25519 key (32 bytes): no order that it did not sign is obeyed.
    """

    name: str
    region: str
    provider_key: bytes
    suite: Suite
    members_min: int = 5
    masks_min: int = 3
    degree_max: int = 24


@dataclass(frozen=True, slots=True)
class KnownFinal:
    """A FINAL that was accepted, and the view that names it."""

    round: RoundNumber
    view: bytes
    included: ClientSet
    expected: ClientSet


@dataclass(slots=True)
class Situation:
    """Shared by the parts of the member machine; each field has one part that writes it."""

    identity: Identity
    rules: MemberRules
    membership: Membership | None = None
    edges: dict[TunnelId, Edge] = field(default_factory=dict)
    parameters: Parameters | None = None
    final: KnownFinal | None = None
    is_refusing: bool = False
    """Whether the network's rules are weaker than the owner's, so that the gateway takes no part."""

    @property
    def client(self) -> ClientId:
        """The own client identifier; 0 before there is one."""
        return self.membership.client if self.membership else EVERYONE

    @property
    def masks_min(self) -> int:
        """The stricter of the network's and the owner's minimum."""
        return max(self.rules.masks_min, self.parameters.masks_min if self.parameters else 0)

    @property
    def members_min(self) -> int:
        """The stricter of the network's and the owner's minimum."""
        return max(self.rules.members_min, self.parameters.members_min if self.parameters else 0)

    @property
    def is_expected(self) -> bool:
        """Whether the last FINAL expects this gateway."""
        return self.membership is not None and self.final is not None and self.client in self.final.expected

    def started_edges(self, among: ClientSet) -> dict[ClientId, Edge]:
        """The edges whose masks are used when `among` are expected, by neighbor."""
        return {edge.peer: edge for edge in self.edges.values() if edge.is_started and edge.peer in among}

    def up(self, notification: Notification, data: bytes, now_ms: int, lifetime_ms: int = RETRY_MAX_MS) -> Publish:
        """A signed frame of this gateway on the topic where it belongs."""
        network = self.membership.network if self.membership else NO_NETWORK
        client = self.client
        if notification is Notification.REGISTER:
            topic, network, client = topics.register(self.rules.name), NO_NETWORK, EVERYONE
        elif notification is Notification.TUNNEL:
            topic = topics.tunnel(network, self.rules.name)
        else:
            topic = topics.up(network, self.rules.name)
        is_superposition = notification is Notification.SUPERPOSITION
        frame = Frame(network, client, now_ms, notification, data, is_superposition)
        return Publish(topic, frame.signed(self.identity, Direction.UP), now_ms + lifetime_ms)

    def start(self, tunnels: Iterable[TunnelId]) -> list[Store]:
        """Use the masks of these edges from now on. An edge that this renews, with the same neighbor, is erased."""
        effects: list[Store] = []
        for tunnel in tunnels:
            edge = self.edges.get(tunnel)
            if edge is None or edge.is_started:
                continue
            for old in [e for e in self.edges.values() if e.peer == edge.peer and e.is_started]:
                effects += self.erase(old.tunnel)
            started = Edge(edge.tunnel, edge.peer, edge.peer_key, edge.seed, True, edge.stood_ms)
            self.edges[tunnel] = started
            effects.append(Store(started))
        return effects

    def erase(self, tunnel: TunnelId) -> list[Store]:
        """Forget the seed of this tunnel."""
        return [Store(EdgeErased(tunnel))] if self.edges.pop(tunnel, None) else []
