"""Lies about tunnels: who is at their ends, what passes through them, and who has departed.

Source: docs/protocol.md, "Draw", "Key agreement".
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, final

from common import topics
from common.agreement import HELLO, KEY_BYTES, REPLY
from common.frames import Frame, Notification, decode
from common.identifiers import ClientId, TunnelId
from common.merkle import Tree
from common.refusal import RefusedError
from common.signing import Direction
from common.tunnels import Departure, End, Kind, MemberProof, Role, TunnelMessage, TunnelOpen
from launcher.simulation.forger import Forger, Twists
from launcher.simulation.lies import Lie
from launcher.simulation.oracle import MemberKey
from provider.core.desk import LIFETIME_MS
from provider.core.events import Message, Publish


@final
class TunnelLies:
    """Rewrites TUNNEL_OPEN and TUNNEL, and adds DEPARTED."""

    def __init__(self, forger: Forger, asked: Mapping[MemberKey, set[ClientId]]) -> None:
        """`asked` is for whom each member has asked."""
        self._forger: Final = forger
        self._asked: Final = asked
        self._chosen: dict[TunnelId, ClientId | None] = {}
        self._initiators: dict[TunnelId, str] = {}
        self._swapped: dict[TunnelId, bool] = {}
        self.twists: Final[Twists] = {
            (Lie.CHOICE, Notification.TUNNEL_OPEN): self._choose,
            (Lie.CHOICE, Notification.TUNNEL): self._lead_away,
            (Lie.SWAPPED_ENDS, Notification.TUNNEL_OPEN): self._swap,
            (Lie.CROSSED_TUNNELS, Notification.TUNNEL): self._cross,
            (Lie.MIDDLE, Notification.TUNNEL): self._stand_between,
            (Lie.FORGED_EXIT, Notification.TUNNEL_OPEN): self._forge_exit,
            (Lie.FALSE_DEPARTURE, Notification.TUNNEL_OPEN): self._claim_departure,
        }

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
            is_lie = len(others) > 0 and self._forger.lies()
            self._chosen[order.tunnel] = ClientId(self._forger.rng.choice(sorted(others))) if is_lie else None
        chosen = self._chosen.get(order.tunnel)
        if chosen is None:
            return [publish]
        member = self._forger.store.members[network, chosen]
        if order.role is Role.RESPONDER:
            self._initiators[order.tunnel] = self._forger.store.members[network, order.peer.leaf.client].name
            return [self._forger.order(publish, frame, member, replace(order, own_epoch=member.epoch).encode())]
        leaves = self._forger.leaves(network, order.peer.at.leaves)
        path = Tree(leaf.encode() for leaf in leaves).path(chosen - 1)
        proof = MemberProof(order.peer.at, leaves[chosen - 1], path)
        return [self._forger.signed(publish, frame, replace(order, peer=proof).encode())]

    def _lead_away(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        """Forward to the chosen one what the initiator says to the one that it asked for."""
        chosen = self._chosen.get(TunnelMessage.decode(frame.data).tunnel)
        if chosen is None:
            return [publish]
        name = self._forger.store.members[frame.network, chosen].name
        return [replace(publish, topic=topics.down(frame.network, name))]

    def relays(self, message: Message, now_ms: int) -> list[Publish]:
        """Forward to the initiator what the chosen one says, whom the honest machine takes for no end of the tunnel."""
        if not self._initiators:
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
            self._swapped[order.tunnel] = self._forger.lies()
        if not self._swapped[order.tunnel]:
            return [publish]
        return [self._forger.signed(publish, frame, replace(order, role=Role(1 - order.role)).encode())]

    def _cross(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        names = sorted(m.name for m in self._forger.store.members.values() if m.network == frame.network)
        to = topics.down(frame.network, self._forger.rng.choice(names))
        return [replace(publish, topic=to)] if to != publish.topic and self._forger.lies() else [publish]

    def _stand_between(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        message = TunnelMessage.decode(frame.data)
        if message.step not in (HELLO, REPLY) or not self._forger.lies():
            return [publish]
        body = self._forger.rng.randbytes(KEY_BYTES) + message.body[KEY_BYTES:]
        forged = replace(frame, data=replace(message, body=body).encode())
        return [replace(publish, payload=forged.signed(self._forger.identity, Direction.UP))]

    def _forge_exit(self, publish: Publish, frame: Frame, now_ms: int) -> list[Publish]:
        order = TunnelOpen.decode(frame.data)
        forged = Frame(frame.network, order.peer.leaf.client, now_ms, Notification.EXIT)
        evidence = forged.signed(self._forger.identity, Direction.UP)
        return self._depart(publish, frame, order, Departure(order.peer, End.EXIT, evidence))

    def _claim_departure(self, publish: Publish, frame: Frame, _now_ms: int) -> list[Publish]:
        order = TunnelOpen.decode(frame.data)
        certificate = self._forger.store.members[frame.network, order.peer.leaf.client].certificate
        return self._depart(publish, frame, order, Departure(order.peer, End.CERTIFICATE, certificate))

    def _depart(self, publish: Publish, frame: Frame, order: TunnelOpen, departure: Departure) -> list[Publish]:
        """Say that whom the initiator drew is gone, before or after its tunnel opens."""
        if order.role is Role.RESPONDER or not self._forger.lies():
            return [publish]
        departed = self._forger.signed(publish, replace(frame, notification=Notification.DEPARTED), departure.encode())
        return [departed, publish] if self._forger.rng.random() < 0.5 else [publish, departed]
