"""A provider that lies: it rewrites what the real provider machine sends, and has the provider's signing key.

Each lie is one that a gateway must see through by itself: it is refused, and the owner is told.
Source: docs/protocol.md, "Roster", "Draw", "Key agreement".
"""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Final, final

from common import topics
from common.agreement import HELLO, KEY_BYTES, REPLY
from common.frames import Frame, Notification, decode
from common.identifiers import ClientId, NetworkId, TunnelId
from common.merkle import Tree
from common.refusal import RefusedError
from common.roster import Leaf, Roster
from common.signing import Direction
from common.tunnels import Departure, Drawn, End, Kind, MemberProof, Role, TunnelMessage, TunnelOpen
from launcher.simulation import credentials
from launcher.simulation.disks import Store
from launcher.simulation.lies import Lie
from provider.core.desk import LIFETIME_MS
from provider.core.events import MemberRecord, Message, Publish

FRIENDS: Final = 1
"""So many neighbors are left to a gateway that is cut off."""

DRAWN_MIN: Final = 4
"""A gateway that asks for so many at once has drawn them and has no others."""

FALSELY_MISSING: Final = 0.1
"""The share of frames that are kept and called missing."""

REMEMBERED: Final = 200
"""Among so many orders is chosen what to repeat."""

_Twist = Callable[[Publish, Frame, int], list[Publish]]


@final
class Liar:
    """Stands between the provider machine and the bus, and tells one kind of lie, about every second time it can."""

    def __init__(self, lie: Lie, store: Store, rng: random.Random, certified: int) -> None:
        """So many gateways are `certified`."""
        self.lie: Final = lie
        self.told = 0
        """How often it has lied."""
        self._identity = credentials.provider().identity
        self._store = store
        self._rng = rng
        self._admitted_max = (certified - 1) // 2
        self._admitted: set[str] = set()
        self._asked: dict[tuple[NetworkId, ClientId], set[ClientId]] = {}
        self._chosen: dict[TunnelId, ClientId | None] = {}
        self._initiators: dict[TunnelId, str] = {}
        self._swapped: dict[TunnelId, bool] = {}
        self._victim: tuple[NetworkId, ClientId] | None = None
        self._near: set[ClientId] = set()
        self._heard_sums: set[tuple[NetworkId, ClientId]] = set()
        self._said: list[Publish] = []
        self._twists: Final[dict[tuple[Lie, Notification], _Twist]] = {
            (Lie.CHOICE, Notification.TUNNEL_OPEN): self._choose,
            (Lie.CHOICE, Notification.TUNNEL): self._lead_away,
            (Lie.SHRINKING, Notification.ROSTER): self._shrink,
            (Lie.TWO_ROSTERS, Notification.ROSTER): self._double,
            (Lie.OTHER_LEAF, Notification.ROSTER): self._exchange_leaf,
            (Lie.SWAPPED_ENDS, Notification.TUNNEL_OPEN): self._swap,
            (Lie.CROSSED_TUNNELS, Notification.TUNNEL): self._cross,
            (Lie.MIDDLE, Notification.TUNNEL): self._stand_between,
            (Lie.FORGED_EXIT, Notification.TUNNEL_OPEN): self._forge_exit,
            (Lie.FALSE_DEPARTURE, Notification.TUNNEL_OPEN): self._claim_departure,
        }

    # What the machine says, and what is sent

    def says(self, publish: Publish, now_ms: int) -> list[Publish]:
        """What is sent instead of what the honest machine wants to send."""
        frame = decode(publish.payload).frame
        if self.lie is Lie.REPLAY:
            return self._repeat(publish)
        twist = self._twists.get((self.lie, frame.notification))
        return twist(publish, frame, now_ms) if twist else [publish]

    def _lies(self) -> bool:
        """Whether it lies this time."""
        lies = self._rng.random() < 0.5
        self.told += lies
        return lies

    def _signed(self, publish: Publish, frame: Frame, data: bytes) -> Publish:
        return replace(publish, payload=replace(frame, data=data).signed(self._identity, Direction.DOWN))

    def _order(self, publish: Publish, frame: Frame, to: MemberRecord, data: bytes) -> Publish:
        """The same kind of order to another member."""
        topic = topics.down(frame.network, to.name)
        return self._signed(replace(publish, topic=topic), replace(frame, client=to.client), data)

    def _leaves(self, network: NetworkId, count: int) -> list[Leaf]:
        members = (self._store.members[network, ClientId(client)] for client in range(1, count + 1))
        return [Leaf(m.client, m.public_key, m.draw_root, m.epoch) for m in members]

    def _repeat(self, publish: Publish) -> list[Publish]:
        self._said = [*self._said[-REMEMBERED:], publish]
        return [publish, self._rng.choice(self._said)] if self._lies() else [publish]

    # Rosters

    def _shrink(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        roster = Roster.decode(frame.data)
        left = roster.at.leaves // 3
        if roster.at.epoch == 1 or not left or not self._lies():
            return [publish]
        leaves = self._leaves(frame.network, left)
        return [self._signed(publish, frame, _with_leaves(roster, leaves).encode())]

    def _double(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        roster = Roster.decode(frame.data)
        other = replace(roster, at=replace(roster.at, live=roster.at.live - 1))
        return [publish, self._signed(publish, frame, other.encode())] if self._lies() else [publish]

    def _exchange_leaf(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        roster = Roster.decode(frame.data)
        if not self._lies():
            return [publish]
        leaves = self._leaves(frame.network, roster.at.leaves)
        index = self._rng.randrange(len(leaves))
        leaves[index] = replace(leaves[index], public_key=self._identity.public_key)
        return [self._signed(publish, frame, _with_leaves(roster, leaves).encode())]

    # Tunnels

    def _choose(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        """Open the tunnel between the initiator and a member that it never asked for.

        In a mesh, a gateway asks for everybody below itself.
        """
        order, network = TunnelOpen.decode(frame.data), frame.network
        if order.role is Role.RESPONDER and order.tunnel not in self._chosen:
            initiator = order.peer.leaf.client
            lowest = initiator + 1 if order.kind is Kind.MESH else 1
            others = set(range(lowest, order.peer.at.leaves + 1)) - {frame.client, initiator}
            others -= self._asked.get((network, initiator), set())
            is_lie = len(others) > 0 and self._lies()
            self._chosen[order.tunnel] = ClientId(self._rng.choice(sorted(others))) if is_lie else None
        chosen = self._chosen.get(order.tunnel)
        if chosen is None:
            return [publish]
        member = self._store.members[network, chosen]
        if order.role is Role.RESPONDER:
            self._initiators[order.tunnel] = self._store.members[network, order.peer.leaf.client].name
            return [self._order(publish, frame, member, replace(order, own_epoch=member.epoch).encode())]
        leaves = self._leaves(network, order.peer.at.leaves)
        path = Tree(leaf.encode() for leaf in leaves).path(chosen - 1)
        proof = MemberProof(order.peer.at, leaves[chosen - 1], path)
        return [self._signed(publish, frame, replace(order, peer=proof).encode())]

    def _lead_away(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        """Forward to the chosen one what the initiator says to the one that it asked for."""
        chosen = self._chosen.get(TunnelMessage.decode(frame.data).tunnel)
        if chosen is None:
            return [publish]
        name = self._store.members[frame.network, chosen].name
        return [replace(publish, topic=topics.down(frame.network, name))]

    def relays(self, message: Message, now_ms: int) -> list[Publish]:
        """Forward to the initiator what the chosen one says, whom the honest machine takes for no end of the tunnel."""
        if self.lie is not Lie.CHOICE:
            return []
        try:
            frame = decode(message.payload).frame
            tunnel = TunnelMessage.decode(frame.data).tunnel
        except RefusedError:
            return []
        initiator = self._initiators.get(tunnel)
        if frame.notification is not Notification.TUNNEL or self._chosen.get(tunnel) != frame.client or not initiator:
            return []
        return [Publish(topics.down(frame.network, initiator), message.payload, now_ms + LIFETIME_MS)]

    def _swap(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        order = TunnelOpen.decode(frame.data)
        if order.tunnel not in self._swapped:
            self._swapped[order.tunnel] = self._lies()
        if not self._swapped[order.tunnel]:
            return [publish]
        return [self._signed(publish, frame, replace(order, role=Role(1 - order.role)).encode())]

    def _cross(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        names = sorted(m.name for m in self._store.members.values() if m.network == frame.network)
        to = topics.down(frame.network, self._rng.choice(names))
        return [replace(publish, topic=to)] if to != publish.topic and self._lies() else [publish]

    def _stand_between(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        message = TunnelMessage.decode(frame.data)
        if message.step not in (HELLO, REPLY) or not self._lies():
            return [publish]
        body = self._rng.randbytes(KEY_BYTES) + message.body[KEY_BYTES:]
        forged = replace(frame, data=replace(message, body=body).encode())
        return [replace(publish, payload=forged.signed(self._identity, Direction.UP))]

    # Departures

    def _forge_exit(self, publish: Publish, frame: Frame, now_ms: int) -> list[Publish]:
        order = TunnelOpen.decode(frame.data)
        forged = Frame(frame.network, order.peer.leaf.client, now_ms, Notification.EXIT)
        evidence = forged.signed(self._identity, Direction.UP)
        return self._depart(publish, frame, order, Departure(order.peer, End.EXIT, evidence))

    def _claim_departure(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        order = TunnelOpen.decode(frame.data)
        certificate = self._store.members[frame.network, order.peer.leaf.client].certificate
        return self._depart(publish, frame, order, Departure(order.peer, End.CERTIFICATE, certificate))

    def _depart(self, publish: Publish, frame: Frame, order: TunnelOpen, departure: Departure) -> list[Publish]:
        """Say that whom the initiator drew is gone, before or after its tunnel opens."""
        if order.role is Role.RESPONDER or not self._lies():
            return [publish]
        departed = self._signed(publish, replace(frame, notification=Notification.DEPARTED), departure.encode())
        return [departed, publish] if self._rng.random() < 0.5 else [publish, departed]

    # What the machine hears

    def hears(self, message: Message) -> bool:
        """Whether the honest machine is to hear of this message."""
        try:
            frame, name = decode(message.payload).frame, topics.parse(message.topic).name
        except RefusedError:
            return True
        if frame.notification is Notification.DRAWN:
            self._listen(frame)
        if frame.notification is Notification.SUPERPOSITION:
            self._heard_sums.add((frame.network, frame.client))
            if self.lie is Lie.FALSE_CORRECTION:
                return not self._calls_missing(frame)
        if self.lie is Lie.OMISSION and frame.notification is Notification.REGISTER:
            return self._admits(name)
        return self.lie is not Lie.CUT_OFF or not self._ignores(frame)

    def _listen(self, frame: Frame) -> None:
        try:
            clients = {member.client for member in Drawn.decode(frame.data).members}
        except RefusedError:
            return
        self._asked.setdefault((frame.network, frame.client), set()).update(clients)
        if self._victim is None and len(self._asked[frame.network, frame.client]) >= DRAWN_MIN:
            self._victim = (frame.network, frame.client)

    def _admits(self, name: str) -> bool:
        """Take in so few that their roster holds fewer than half of the certified."""
        if len(self._admitted) < self._admitted_max:
            self._admitted.add(name)
        self.told += name not in self._admitted
        return name in self._admitted

    def _calls_missing(self, frame: Frame) -> bool:
        """Keep a frame from the honest machine, which then corrects its sender out. The broker has it."""
        is_hidden = self._rng.random() < FALSELY_MISSING
        self.told += is_hidden
        return is_hidden

    def _ignores(self, frame: Frame) -> bool:
        """Be deaf for the neighbors of the victim, and for all that it draws in their place, once it takes part."""
        if self._victim is None or self._victim not in self._heard_sums or frame.network != self._victim[0]:
            return False
        network, victim = self._victim
        pairs = [{e.initiator, e.responder} for (of, _), e in self._store.edges.items() if of == network]
        near = {client for pair in pairs if victim in pair for client in pair} - {victim}
        self._near |= near | self._asked[self._victim]
        is_cut = frame.client in sorted(self._near)[FRIENDS:]
        self.told += is_cut
        return is_cut


def _with_leaves(roster: Roster, leaves: list[Leaf]) -> Roster:
    """The same roster with other leaves."""
    root = Tree(leaf.encode() for leaf in leaves).root()
    at = replace(roster.at, leaves=len(leaves), live=min(roster.at.live, len(leaves)), root=root)
    return replace(roster, at=at, listed=tuple(leaves) if at.is_mesh else ())
