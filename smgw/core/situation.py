"""What a gateway knows at any moment: who it is, its rules, its membership, its edges and slots, roster and FINAL."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from common import topics
from common.certificates import Authority, RevocationList
from common.clients import ClientSet
from common.draws import DrawValues
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, NO_NETWORK, ClientId, RoundNumber, TunnelId
from common.parameters import Parameters
from common.payloads import RoundFinal
from common.roster import Leaf, Roster
from common.schedule import Schedule
from common.sealing import Context
from common.signing import Direction, Identity
from common.sizes import MEMBERS_MIN
from common.suites import Suite
from smgw.core.events import Edge, EdgeErased, MemberGone, Membership, Publish, Slot, Store
from smgw.core.leaves import Leaves

RETRY_FIRST_MS: Final = 2_000
RETRY_MAX_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class MemberRules:
    """The owner's own settings, and what the gateway knows itself and others by.

    A network whose rules are weaker is refused. `certificate` is the gateway's own (DER), for this `name` and `region`;
    `provider_key` is the provider's Ed25519 key (32 bytes), and no order that it did not sign is obeyed; `revocations`
    is the list in the home directory; `values` are the draw values of the gateway's key and region. No rounds are
    shorter than `period_min_ms`: sums in quick succession tell more.
    """

    name: str
    region: str
    suite: Suite
    authority: Authority
    certificate: bytes
    provider_key: bytes
    revocations: RevocationList
    values: DrawValues
    members_min: int = MEMBERS_MIN
    masks_min: int = 3
    draws_min: int = 6
    degree_max: int = 255
    period_min_ms: int = 0


@dataclass(frozen=True, slots=True)
class KnownFinal:
    """A FINAL that was accepted, the view that names it, and the frame itself."""

    order: RoundFinal
    view: bytes
    frame: bytes

    @property
    def round(self) -> RoundNumber:
        """The round that it closes."""
        return self.order.round

    @property
    def included(self) -> ClientSet:
        """Whose readings are in the sum of this round."""
        return self.order.included

    @property
    def expected(self) -> ClientSet:
        """Who shall send in the next round."""
        return self.order.expected

    def has_closed(self, round_: RoundNumber) -> bool:
        """Whether it closes this round, as its own or as one of those that nobody ran."""
        return self.order.void_from <= round_ <= self.order.round


@dataclass(frozen=True, slots=True)
class _Started:
    """All started edges by neighbor, ascending, and who these neighbors are: looked up in every round."""

    by_peer: Mapping[ClientId, Edge]
    peers: ClientSet


@dataclass(slots=True)
class Situation:
    """Shared by the parts of the member machine; each field has one part that writes it."""

    identity: Identity
    rules: MemberRules
    revocations: RevocationList
    """The newest list of revoked certificates."""
    membership: Membership | None = None
    edges: dict[TunnelId, Edge] = field(default_factory=dict)
    slots: dict[int, Slot] = field(default_factory=dict)
    departed: set[ClientId] = field(default_factory=set)
    """Members of whom it is proven that they left."""
    roster: Roster | None = None
    """The roster in force; None until the provider has said it since the start."""
    leaves: Leaves = field(default_factory=Leaves)
    """Those of the roster in force, and what was told beyond."""
    final: KnownFinal | None = None
    is_refusing: bool = False
    """Whether the network's rules are weaker than the owner's, so that the gateway takes no part."""
    is_clock_wrong: bool = False
    """Whether the provider's signed time was too far from this gateway's when they were compared last."""
    _started: _Started | None = field(default=None, init=False, repr=False)

    @property
    def client(self) -> ClientId:
        """The own client identifier; 0 before there is one."""
        return self.membership.client if self.membership else EVERYONE

    @property
    def parameters(self) -> Parameters | None:
        """The network's rules, once its roster has come."""
        return self.roster.parameters if self.roster else None

    @property
    def schedule(self) -> Schedule | None:
        """The times of the network, once its roster has come."""
        return self.roster.parameters.schedule if self.roster else None

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

    @property
    def is_in_roster(self) -> bool:
        """Whether the roster in force has a leaf for this gateway, and no later one with its key."""
        return self.leaf_of(self.client) is not None and not self.is_superseded(self.client)

    @property
    def is_roster_small(self) -> bool:
        """Whether the roster in force holds fewer than half of the gateways that it could: a few may surround one."""
        return self.roster is not None and 2 * self.roster.at.live < self.revocations.valid_in(self.rules.region)

    @property
    def others(self) -> int:
        """How many other parties there may be: one for each key in the roster, save those that are proven to have left.

        What the roster calls live is the provider's word, and whoever is away still counts.
        """
        if self.roster is None:
            return 0
        leaves = self.roster.at.leaves
        gone = sum(client <= leaves and not self.is_superseded(client) for client in self.departed)
        return max(self.leaves.keys(leaves) - 1 - gone, 0)

    @property
    def may_draw(self) -> bool:
        """Whether neighbors may be drawn from the roster in force."""
        return self.is_in_roster and not self.is_roster_small

    def context(self, round_: RoundNumber, view: bytes) -> Context:
        """What masks and shares of one round depend on beside the seeds."""
        assert self.membership is not None
        return Context(self.membership.network, self.membership.client, round_, view)

    def leaf(self, epoch: int) -> Leaf:
        """The own leaf, which says that this gateway joined in `epoch`."""
        return Leaf(self.client, self.identity.public_key, self.rules.values.root, epoch)

    def leaf_of(self, client: ClientId) -> Leaf | None:
        """The leaf in this client's place, when the roster in force has one."""
        return self.leaves.of(client) if self.roster is not None and client <= self.roster.at.leaves else None

    def is_superseded(self, client: ClientId) -> bool:
        """Whether this member has come back under a new number, as the roster in force shows."""
        return self.roster is not None and self.leaves.is_superseded(client, self.roster.at.leaves)

    def is_with_member(self, edge: Edge) -> bool:
        """Whether the neighbor's key is the one in its place of the roster in force, and in no later place."""
        leaf = self.leaf_of(edge.peer)
        return leaf is not None and leaf.public_key == edge.peer_key and not self.is_superseded(edge.peer)

    @property
    def started(self) -> Mapping[ClientId, Edge]:
        """The edges whose masks are in use, by neighbor, ascending."""
        return self._all_started().by_peer

    def started_edges(self, among: ClientSet) -> Mapping[ClientId, Edge]:
        """The edges whose masks are used when `among` are expected, by neighbor, ascending."""
        started = self._all_started()
        if started.peers <= among:
            return started.by_peer
        return {peer: edge for peer, edge in started.by_peer.items() if peer in among}

    def _all_started(self) -> _Started:
        if self._started is None:
            by_peer = {edge.peer: edge for edge in self.edges.values() if edge.is_started}
            self._started = _Started(dict(sorted(by_peer.items())), ClientSet.of(by_peer))
        return self._started

    def edges_with(self, peer: ClientId) -> list[Edge]:
        """All edges to this neighbor, the one that is started first."""
        return sorted((edge for edge in self.edges.values() if edge.peer == peer), key=lambda edge: not edge.is_started)

    def is_one_party(self, client: ClientId, public_key: bytes) -> bool:
        """Whether no edge gives this client another key, or this key another client: a party is one neighbor only.

        An edge from before it came back under this number does not keep it out.
        """
        present = (edge for edge in self.edges.values() if not self.is_superseded(edge.peer))
        return all((edge.peer == client) == (edge.peer_key == public_key) for edge in present)

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

    def depart(self, client: ClientId) -> list[Store]:
        """It is proven that this member left."""
        if client in self.departed:
            return []
        self.departed.add(client)
        return [Store(MemberGone(client))]

    def start(self, tunnels: Iterable[TunnelId]) -> list[Store]:
        """Use the masks of these edges from now on. An edge that this renews, with the same neighbor, is erased."""
        effects: list[Store] = []
        for tunnel in tunnels:
            edge = self.edges.get(tunnel)
            if edge is None or edge.is_started:
                continue
            holds = edge.holds
            for old in [e for e in self.edges.values() if e.peer == edge.peer and e.is_started]:
                holds |= old.holds and old.peer_key == edge.peer_key
                effects += self.erase(old.tunnel)
            effects.append(self.keep(replace(edge, is_started=True, holds=holds)))
        return effects

    def keep(self, edge: Edge) -> Store:
        """Hold this edge, or hold it in this newer state."""
        self.edges[edge.tunnel], self._started = edge, None
        return Store(edge)

    def hold(self, clients: Collection[ClientId]) -> list[Store]:
        """Remember that these neighbors count on this gateway to open their self-masks."""
        edges = [edge for edge in self.edges.values() if edge.peer in clients and not edge.holds]
        return [self.keep(replace(edge, holds=True)) for edge in edges]

    def erase(self, tunnel: TunnelId) -> list[Store]:
        """Forget the seed of this tunnel."""
        self._started = None
        return [Store(EdgeErased(tunnel))] if self.edges.pop(tunnel, None) else []

    def erase_all(self) -> list[Store]:
        """Forget every seed, and whatever belonged to the place that the gateway had."""
        self.slots.clear()
        self.departed.clear()
        self.roster = self.final = None
        return [effect for tunnel in list(self.edges) for effect in self.erase(tunnel)]
