"""Real gateways and a provider that does whatever a test makes it do: honest unless told otherwise.

The provider here keeps no state beyond rosters: it opens the tunnels that are asked for, and forwards. A lie is a
function put in place of one of its steps. Every message arrives at once; time only passes in `wait`.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import final

from common import topics
from common.frames import Frame, Notification, decode
from common.identifiers import EVERYONE, ClientId, RoundNumber, TunnelId
from common.merkle import Tree
from common.payloads import NO_VIEW, RoundFinal
from common.roster import NO_PREDECESSOR, Leaf, Roster, RosterRoot
from common.signing import Direction
from common.suites import BASIC
from common.topics import Broadcast
from common.tunnels import Drawn, DrawnMember, Kind, MemberProof, Role, TunnelMessage, TunnelOpen
from smgw.core.events import (
    Connected,
    Effect,
    Event,
    Level,
    Membership,
    Notice,
    Publish,
    Received,
    Refuse,
    Store,
    Tick,
    VaultContents,
)
from smgw.core.member import Member
from tests.provider.core.certified import identity, name
from tests.smgw.core.builders import START, members, require_stored_first, told
from tests.smgw.core.memory import remembered
from tests.smgw.core.rosters import NETWORK, PARAMETERS, PROVIDER, ROUND, leaf, rules


@final
@dataclass(slots=True)
class Household:
    """One gateway: its core, its vault, and what its owner was told."""

    number: int
    member: Member
    kept: VaultContents
    told: list[Notice] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def peers(self) -> set[int]:
        """With whom it has a seed, on the disk."""
        return {edge.peer for edge in self.kept.edges}

    @property
    def alarms(self) -> list[str]:
        """What its owner was told that is of weight."""
        return [notice.text for notice in self.told if notice.level is not Level.INFO]


Forward = Callable[[bytes, ClientId, ClientId, TunnelMessage], Iterable[tuple[ClientId, bytes]]]
"""What is done with a TUNNEL frame: the frame, its sender, the other end, what it says; to whom goes what."""


def honestly(raw: bytes, _sender: ClientId, other: ClientId, _said: TunnelMessage) -> list[tuple[ClientId, bytes]]:
    """Forward a frame as it is."""
    return [(other, raw)]


@dataclass(slots=True)
class Relay:
    """A provider and its gateways. `leaves` are those of the roster; tests put lies in place of the other fields."""

    leaves: list[Leaf]
    households: dict[ClientId, Household] = field(default_factory=dict)
    forward: Forward = honestly
    redirect: Callable[[ClientId, DrawnMember], ClientId] = lambda _, drawn: drawn.client
    is_opening: bool = True
    """Whether it opens the tunnels that are asked for."""
    is_cut_off: Callable[[ClientId], bool] = lambda _: False
    now_ms: int = START
    rosters: list[Roster] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    asked: list[tuple[ClientId, DrawnMember]] = field(default_factory=list)
    ends: dict[TunnelId, tuple[ClientId, ClientId]] = field(default_factory=dict)
    _mail: deque[tuple[ClientId, Received]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.rosters.append(self.roster())

    # Gateways

    def join(self, number: int, kept: VaultContents | None = None, lie: "Relay | None" = None) -> Household:
        """A gateway that has its place already comes to the bus and gets the newest roster, or the one of a lie."""
        client = ClientId(number)
        kept = kept or VaultContents(Membership(NETWORK, client))
        member = Member(identity(number), rules(number), kept, random.Random(number), self.now_ms)
        self.households[client] = house = Household(number, member, kept)
        self.tell(client, Connected())
        view = lie or self
        self.announce(view.rosters[-1], [number], view.leaves)
        return house

    def tell(self, client: ClientId, event: Event) -> None:
        """Hand one event to a gateway, keep what it keeps, and take what it says."""
        house = self.households[client]
        effects = house.member.handle(event, self.now_ms)
        require_stored_first(effects)
        for effect in effects:
            self._take(house, client, effect)

    def _take(self, house: Household, client: ClientId, effect: Effect) -> None:
        match effect:
            case Store(record):
                house.kept = remembered(house.kept, record)
            case Notice():
                house.told.append(effect)
            case Refuse(reason):
                house.refused.append(reason.name)
            case Publish(_, payload):
                self.hear(client, payload)

    def wait(self, milliseconds: int) -> None:
        """Let time pass, and let everybody do what is due; tunnels that hang are given up."""
        self.deliver()
        until_ms = self.now_ms + milliseconds
        while (due := self._due()) is not None and due <= until_ms:
            self.now_ms = max(self.now_ms, due)
            for client, house in self.households.items():
                deadline = house.member.deadline
                if deadline is not None and deadline <= self.now_ms:
                    self.tell(client, Tick())
            self.deliver()
            self.now_ms += 1
        self.now_ms = until_ms

    def _due(self) -> int | None:
        deadlines = [house.member.deadline for house in self.households.values()]
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    # The provider

    def roster(self, *, live: int | None = None) -> Roster:
        """The next roster, of all leaves, so many of which it calls live."""
        before = self.rosters[-1] if self.rosters else None
        tree = Tree(leaf.encode() for leaf in self.leaves)
        count = len(self.leaves)
        at = RosterRoot(len(self.rosters) + 1, count, count if live is None else live, tree.root())
        is_grown = before is not None and before.at.leaves < at.leaves and not at.is_mesh
        growth = tree.consistency(before.at.leaves) if before and is_grown else ()
        predecessor = before.name if before else NO_PREDECESSOR
        return Roster(at, ROUND, predecessor, PARAMETERS, growth, tuple(self.leaves) if at.is_mesh else ())

    def announce(self, roster: Roster, to: Iterable[int] | None = None, leaves: Sequence[Leaf] | None = None) -> None:
        """Say a roster to everybody, or only to some, and before it the leaves that it does not list."""
        frame = Frame(NETWORK, EVERYONE, self.now_ms, Notification.ROSTER, roster.encode())
        topic = topics.broadcast(NETWORK, Broadcast.ROSTER)
        message = Received(topic, frame.signed(PROVIDER, Direction.DOWN), is_retained=True)
        leaves = (self.leaves if leaves is None else leaves)[: roster.at.leaves]
        parts = [] if roster.at.is_mesh else told(leaves, self.now_ms)
        for number in self.households if to is None else to:
            self._mail += [(ClientId(number), each) for each in (*parts, message)]

    def final(self, number: int, expected: Iterable[int], started: Iterable[TunnelId] = ()) -> None:
        """Say to everybody that a round is closed, and who is expected next."""
        round_, at, clients = RoundNumber(number), self.rosters[-1].at, members(expected)
        data = RoundFinal(BASIC.code, round_, NO_VIEW, round_, at.epoch, at.root, clients, clients, tuple(started))
        frame = Frame(NETWORK, EVERYONE, self.now_ms, Notification.FINAL, data.encode())
        message = Received(topics.broadcast(NETWORK, Broadcast.FINAL), frame.signed(PROVIDER, Direction.DOWN))
        for client in self.households:
            self._mail.append((client, message))
        self.deliver()

    def order(self, to: ClientId, notification: Notification, data: bytes) -> None:
        """Sign an order to one gateway."""
        frame = Frame(NETWORK, to, self.now_ms, notification, data).signed(PROVIDER, Direction.DOWN)
        self.post(to, frame)

    def post(self, to: ClientId, frame: bytes) -> None:
        """Put a frame, whoever signed it, into the inbox of a gateway."""
        self._mail.append((to, Received(topics.down(NETWORK, name(to)), frame)))

    def deliver(self) -> None:
        """Carry every message to whom it is for, until nobody has anything to say."""
        while self._mail:
            to, message = self._mail.popleft()
            if to in self.households and not self.is_cut_off(to):
                self.tell(to, message)

    def hear(self, sender: ClientId, raw: bytes) -> None:
        """A gateway has spoken to the provider."""
        frame = decode(raw).frame
        if self.is_cut_off(sender):
            return
        if frame.notification is Notification.DRAWN:
            for drawn in Drawn.decode(frame.data).members:
                self.asked.append((sender, drawn))
                if self.is_opening:
                    self.open(sender, self.redirect(sender, drawn), drawn.epoch)
        elif frame.notification is Notification.TUNNEL:
            self.heard.append(raw)
            said = TunnelMessage.decode(frame.data)
            ends = self.ends[said.tunnel]
            other = ends[1] if ends[0] == sender else ends[0]
            for to, forwarded in self.forward(raw, sender, other, said):
                self.post(to, forwarded)

    def open(self, initiator: ClientId, responder: ClientId, epoch: int, kind: Kind | None = None) -> TunnelId:
        """Open a tunnel between two gateways; tell both ends what is true of the other."""
        at = self.rosters[epoch - 1].at
        tunnel = TunnelId(1_000 + len(self.ends))
        self.ends[tunnel] = (initiator, responder)
        kind = kind or (Kind.MESH if at.is_mesh else Kind.DRAW)
        for role, own, other in [(Role.RESPONDER, responder, initiator), (Role.INITIATOR, initiator, responder)]:
            own_epoch = self.leaves[own - 1].epoch
            order = TunnelOpen(tunnel, role, kind, own_epoch, self.proof(other, at))
            self.order(own, Notification.TUNNEL_OPEN, order.encode())
        return tunnel

    def proof(self, client: ClientId, at: RosterRoot) -> MemberProof:
        """What proves that a leaf is in a roster."""
        tree = Tree(leaf.encode() for leaf in self.leaves)
        return MemberProof(at, self.leaves[client - 1], tree.path(client - 1, at.leaves))


def honest(count: int) -> Relay:
    """A provider with gateways 1 to `count` in its roster, none of which has connected yet."""
    return Relay([leaf(number) for number in range(1, count + 1)])
