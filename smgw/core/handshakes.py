"""Handshakes in tunnels; each leaves the seed of a new edge at both ends.

The provider opens a tunnel and names its two ends. The initiator speaks first and repeats itself until it is answered;
once no handshake that it initiated is under way, it reports in notification 2 which of them stand and which failed.
Source: thesis section 3.3.2; docs/protocol.md, "Key agreement", "Registration".
"""

import random
from dataclasses import dataclass
from typing import Final, final

from common.agreement import CONFIRM, HELLO, KEY_BYTES, REPLY, STORED, Agreed, Ends, Initiator, Responder
from common.frames import Notification, SignedFrame
from common.identifiers import TunnelId
from common.payloads import Entered, Role, TunnelMessage, TunnelOpen
from common.refusal import Refusal, RefusedError
from common.schedule import DAY_MS
from common.secret import Secret
from common.signing import Direction
from smgw.core.asking import AskTimer
from smgw.core.events import Edge, Effect, Publish, Store
from smgw.core.situation import Situation

TUNNEL_MS: Final = 20_000
"""How long a handshake may take."""

REPEAT_MS: Final = 3_000
"""After how long the initiator of a handshake repeats what it said last."""


@dataclass(slots=True)
class _Tunnel:
    """A handshake under way; `answer` is what was sent last, repeated when the other end repeats itself."""

    order: TunnelOpen
    end: Initiator | Responder
    deadline_ms: int
    step: int = 0
    answer: bytes = b""
    repeat_ms: int | None = None


@final
class Handshakes:
    """The part of the member machine that agrees on seeds with new neighbors, over the provider's tunnels."""

    def __init__(self, situation: Situation, entropy: random.Random, timer: AskTimer) -> None:
        """`entropy` must be cryptographically strong outside of simulations; each message delays `timer`."""
        self._situation: Final = situation
        self._entropy: Final = entropy
        self._timer: Final = timer
        self._tunnels: dict[TunnelId, _Tunnel] = {}
        self._standing: list[TunnelId] = []
        self._failed: list[TunnelId] = []

    @property
    def is_initiating(self) -> bool:
        """Whether a handshake that this gateway has to report is under way."""
        return any(tunnel.order.role is Role.INITIATOR for tunnel in self._tunnels.values())

    def deadline(self) -> int | None:
        """When `tick` wants to be called next."""
        times = [min(tunnel.deadline_ms, tunnel.repeat_ms or tunnel.deadline_ms) for tunnel in self._tunnels.values()]
        return min(times, default=None)

    def tick(self, now_ms: int) -> list[Effect]:
        """Repeat what was not answered, give up handshakes that take too long, and report when all are over."""
        effects: list[Effect] = []
        self._follow_clock(now_ms)
        for tunnel_id, tunnel in list(self._tunnels.items()):
            if now_ms >= tunnel.deadline_ms:
                self._drop(tunnel_id)
            elif tunnel.repeat_ms is not None and now_ms >= tunnel.repeat_ms:
                effects.append(self._say(tunnel, tunnel.step, tunnel.answer, now_ms))
        return effects + self._report_entered(now_ms)

    def _follow_clock(self, now_ms: int) -> None:
        """Whatever waits for a moment waits for a while at most, even when the clock was set back."""
        for tunnel in self._tunnels.values():
            tunnel.deadline_ms = min(tunnel.deadline_ms, now_ms + TUNNEL_MS)
            if tunnel.repeat_ms is not None:
                tunnel.repeat_ms = min(tunnel.repeat_ms, now_ms + REPEAT_MS)

    def forget(self) -> None:
        """A new place: whatever was under way belonged to the old one."""
        self._tunnels.clear()
        self._standing, self._failed = [], []

    def open(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """The provider has opened a tunnel to a new neighbor.

        Raises:
            RefusedError: the order is old, or one neighbor too many.
        """
        situation, order = self._situation, TunnelOpen.decode(signed.frame.data)
        if order.tunnel in self._tunnels or order.tunnel in situation.edges:
            raise RefusedError(Refusal.REPEATED)
        if now_ms - signed.frame.timestamp_ms > TUNNEL_MS:
            raise RefusedError(Refusal.STALE)
        if situation.is_refusing:
            raise RefusedError(Refusal.WEAKER_RULES)
        own = situation.identity.public_key
        if order.peer_key == own or situation.membership is None:
            raise RefusedError(Refusal.UNEXPECTED)
        effects = self._make_room(order.peer_key)
        is_initiator = order.role is Role.INITIATOR
        keys = (own, order.peer_key) if is_initiator else (order.peer_key, own)
        ends = Ends(situation.membership.network, order.tunnel, *keys)
        ephemeral = Secret(self._entropy.randbytes(KEY_BYTES))
        deadline_ms = now_ms + TUNNEL_MS
        if not is_initiator:
            self._tunnels[order.tunnel] = _Tunnel(order, Responder(ends, situation.client, ephemeral), deadline_ms)
            return effects
        initiator = Initiator(ends, situation.client, ephemeral)
        self._tunnels[order.tunnel] = tunnel = _Tunnel(order, initiator, deadline_ms)
        return [*effects, self._say(tunnel, HELLO, initiator.hello, now_ms)]

    def _make_room(self, peer_key: bytes) -> list[Effect]:
        """Have room for one neighbor more, if need be by giving up the oldest edge that no FINAL has started.

        The provider, which counts neighbors too, has forgotten that edge, or it would not have opened this tunnel.

        Raises:
            RefusedError: TOO_MANY_NEIGHBORS.
        """
        edges = self._situation.edges.values()
        held = {edge.peer_key for edge in edges} | {tunnel.order.peer_key for tunnel in self._tunnels.values()}
        if len(held - {peer_key}) < self._situation.rules.degree_max:
            return []
        others = [edge for edge in edges if edge.peer_key != peer_key]
        started = {edge.peer_key for edge in others if edge.is_started}
        waiting = [edge for edge in others if edge.peer_key not in started]
        if not waiting:
            raise RefusedError(Refusal.TOO_MANY_NEIGHBORS)
        return [*self._situation.erase(min(waiting, key=lambda edge: (edge.stood_ms, edge.tunnel)).tunnel)]

    def hear(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """The other end of a tunnel has spoken.

        Raises:
            RefusedError: no such tunnel, not its other end, or a handshake that does not hold.
        """
        message = TunnelMessage.decode(signed.frame.data)
        tunnel = self._tunnels.get(message.tunnel)
        if tunnel is None:
            raise RefusedError(Refusal.TUNNEL_CLOSED)
        signed.require_signature(tunnel.order.peer_key, Direction.UP)
        if message.step <= tunnel.step:
            return self._repeat(tunnel, message.step, now_ms)
        try:
            if isinstance(tunnel.end, Initiator):
                return self._as_initiator(tunnel, tunnel.end, signed, message, now_ms)
            return self._as_responder(tunnel, tunnel.end, signed, message, now_ms)
        except RefusedError:
            self._drop(message.tunnel)
            raise

    def _as_initiator(
        self, tunnel: _Tunnel, end: Initiator, signed: SignedFrame, message: TunnelMessage, now_ms: int
    ) -> list[Effect]:
        if message.step == REPLY:
            yesterday = now_ms // DAY_MS - 1
            return [self._say(tunnel, CONFIRM, end.confirm(message.body, yesterday), now_ms)]
        if message.step != STORED:
            raise RefusedError(Refusal.BAD_HANDSHAKE)
        effects = self._stand(tunnel, end.finish(message.body), signed, now_ms)
        del self._tunnels[message.tunnel]
        self._standing.append(message.tunnel)
        return effects + self._report_entered(now_ms)

    def _as_responder(
        self, tunnel: _Tunnel, end: Responder, signed: SignedFrame, message: TunnelMessage, now_ms: int
    ) -> list[Effect]:
        if message.step == HELLO:
            return [self._say(tunnel, REPLY, end.reply(message.body), now_ms)]
        if message.step != CONFIRM:
            raise RefusedError(Refusal.BAD_HANDSHAKE)
        agreed, stored = end.agree(message.body)
        effects = self._stand(tunnel, agreed, signed, now_ms)
        return [*effects, self._say(tunnel, STORED, stored, now_ms)]

    def _stand(self, tunnel: _Tunnel, agreed: Agreed, signed: SignedFrame, now_ms: int) -> list[Effect]:
        # A seed counts from yesterday, so that both ends can use it whatever their clocks say around midnight. One that
        # begins tomorrow would silence this gateway until then.
        today = now_ms // DAY_MS
        if agreed.peer != signed.frame.client or not today - 2 <= agreed.seed.day <= today:
            raise RefusedError(Refusal.BAD_HANDSHAKE)
        effects: list[Effect] = []
        for old in [e for e in self._situation.edges.values() if e.peer == agreed.peer and not e.is_started]:
            effects += self._situation.erase(old.tunnel)
        edge = Edge(tunnel.order.tunnel, agreed.peer, tunnel.order.peer_key, agreed.seed, False, now_ms)
        self._situation.edges[edge.tunnel] = edge
        return [*effects, Store(edge)]

    def _say(self, tunnel: _Tunnel, step: int, body: bytes, now_ms: int) -> Publish:
        tunnel.step, tunnel.answer = step, body
        self._timer.be_patient(now_ms)
        if tunnel.order.role is Role.INITIATOR:
            tunnel.repeat_ms = now_ms + REPEAT_MS
        data = TunnelMessage(tunnel.order.tunnel, step, body).encode()
        return self._situation.up(Notification.TUNNEL, data, now_ms, TUNNEL_MS)

    def _repeat(self, tunnel: _Tunnel, step: int, now_ms: int) -> list[Effect]:
        if step != tunnel.step - 1:
            raise RefusedError(Refusal.REPEATED)
        return [self._say(tunnel, tunnel.step, tunnel.answer, now_ms)]

    def _drop(self, tunnel_id: TunnelId) -> None:
        tunnel = self._tunnels.pop(tunnel_id)
        if tunnel.order.role is Role.INITIATOR:
            self._failed.append(tunnel_id)

    def _report_entered(self, now_ms: int) -> list[Effect]:
        if self.is_initiating or not (self._standing or self._failed):
            return []
        entered = Entered(tuple(self._standing), tuple(self._failed))
        self._standing, self._failed = [], []
        return [self._situation.up(Notification.ENTERED, entered.encode(), now_ms)]
