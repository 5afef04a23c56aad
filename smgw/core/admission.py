"""Getting into a network and its key graph, back into it, and out of it.

Notification 1 asks for a place; the provider opens tunnels; each handshake leaves a seed; notification 2 says which
stand. Whoever is not expected asks again: with RESUME when it holds seeds, with EMERGENCY when too few of its neighbors
are left. Source: thesis section 3.3.2; docs/protocol.md, "Registration", "Coming back", "Exit".
"""

import random
from dataclasses import dataclass, replace
from typing import Final, final

from common import topics
from common.agreement import CONFIRM, HELLO, KEY_BYTES, REPLY, STORED, Agreed, Ends, Initiator, Responder
from common.frames import Notification, SignedFrame
from common.identifiers import NO_NETWORK, TunnelId
from common.payloads import (
    Assigned,
    Entered,
    ExitConfirmed,
    HeldEdge,
    Holdings,
    Registration,
    Rejected,
    Resumed,
    Role,
    TunnelMessage,
    TunnelOpen,
    require_empty,
)
from common.refusal import Refusal, RefusedError
from common.schedule import DAY_MS
from common.secret import Secret
from common.signing import Direction
from smgw.core.events import Departed, Edge, Effect, Left, Level, Membership, Notice, Publish, Store, Subscribe
from smgw.core.situation import RETRY_FIRST_MS, RETRY_MAX_MS, Situation

PLACE_MS: Final = 60_000
"""How old the provider's answer to a registration may be."""

TUNNEL_MS: Final = 20_000
"""How long a handshake may take."""

REPEAT_MS: Final = 3_000
"""After how long the initiator of a handshake repeats what it said last."""

PATIENCE_MS: Final = 10_000
"""How long a gateway that is getting in waits for the next message before it asks again."""

ASK_WITHIN_MS: Final = 2 * RETRY_MAX_MS
"""No request waits longer than this."""

RESUMES_UNANSWERED_MAX: Final = 3
"""After so many RESUMEs without an answer the gateway registers anew."""


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
class Admission:
    """The part of the member machine that makes and ends membership and edges."""

    def __init__(self, situation: Situation, entropy: random.Random, now_ms: int) -> None:
        """`entropy` must be cryptographically strong outside of simulations (`random.SystemRandom`)."""
        self._situation: Final = situation
        self._entropy: Final = entropy
        self._tunnels: dict[TunnelId, _Tunnel] = {}
        self._standing: list[TunnelId] = []
        self._failed: list[TunnelId] = []
        self._is_connected = False
        self._ask_at: int | None = now_ms
        self._pause_ms = RETRY_FIRST_MS
        self._unanswered = 0
        self._is_registering = False

    def deadline(self) -> int | None:
        """When `tick` wants to be called next."""
        times = [min(tunnel.deadline_ms, tunnel.repeat_ms or tunnel.deadline_ms) for tunnel in self._tunnels.values()]
        if self._is_connected and self._ask_at is not None:
            times.append(self._ask_at)
        return min(times, default=None)

    def connected(self, now_ms: int) -> list[Effect]:
        """The bus is there: listen; a gateway without a network asks for one, a member waits for the retained FINAL."""
        self._is_connected = True
        membership = self._situation.membership
        effects: list[Effect] = [Subscribe(topics.inbox_filter(self._situation.rules.name))]
        self._pause_ms = RETRY_FIRST_MS
        self._ask_at = now_ms
        if membership is not None:
            effects.append(Subscribe(topics.broadcast_filter(membership.network)))
            is_settled = self._situation.is_expected and not membership.is_leaving
            self._ask_at = None if is_settled else now_ms + RETRY_FIRST_MS
        return effects + self.tick(now_ms)

    def disconnected(self) -> None:
        """The bus is gone: asking is of no use until it returns."""
        self._is_connected = False

    def tick(self, now_ms: int) -> list[Effect]:
        """Give up handshakes that take too long, and ask again when nothing came."""
        effects: list[Effect] = []
        self._follow_clock(now_ms)
        for tunnel_id, tunnel in list(self._tunnels.items()):
            if now_ms >= tunnel.deadline_ms:
                self._drop(tunnel_id)
            elif tunnel.repeat_ms is not None and now_ms >= tunnel.repeat_ms:
                effects.append(self._say(tunnel, tunnel.step, tunnel.answer, now_ms))
        effects += self._report_entered(now_ms)
        if self._is_connected and self._ask_at is not None and now_ms >= self._ask_at:
            effects += self._ask(now_ms)
        return effects

    def _follow_clock(self, now_ms: int) -> None:
        """Whatever waits for a moment waits for a while at most, even when the clock was set back."""
        if self._ask_at is not None:
            self._ask_at = min(self._ask_at, now_ms + ASK_WITHIN_MS)
        for tunnel in self._tunnels.values():
            tunnel.deadline_ms = min(tunnel.deadline_ms, now_ms + TUNNEL_MS)
            if tunnel.repeat_ms is not None:
                tunnel.repeat_ms = min(tunnel.repeat_ms, now_ms + REPEAT_MS)

    def expected(self) -> None:
        """A FINAL expects this gateway: nothing is left to ask for."""
        membership = self._situation.membership
        if membership is None or not membership.is_leaving:
            self._ask_at = None
        self._pause_ms = RETRY_FIRST_MS
        self._unanswered = 0

    def not_expected(self, now_ms: int, spread_ms: int) -> list[Effect]:
        """A FINAL leaves this gateway out: ask to be taken back, at a moment of its own within `spread_ms`.

        Whoever was never in has its handshakes under way, and only asks again when nothing comes of them.
        """
        is_asking = self._ask_at is not None
        if is_asking and not any(edge.is_started for edge in self._situation.edges.values()):
            return []
        soon = now_ms + int(self._entropy.random() * spread_ms)
        self._ask_at = soon if self._ask_at is None else min(self._ask_at, soon)
        return self.tick(now_ms)

    def _ask(self, now_ms: int) -> list[Effect]:
        situation, membership = self._situation, self._situation.membership
        self._ask_at = now_ms + self._pause_ms
        self._pause_ms = min(self._pause_ms * 2, RETRY_MAX_MS)
        if membership is not None and membership.is_leaving:
            return [situation.up(Notification.EXIT, b"", now_ms)]
        if self._has_handshakes() or situation.is_refusing:
            return []
        effects = self._listen_again()
        if membership is None or not situation.edges or self._unanswered >= RESUMES_UNANSWERED_MAX:
            self._unanswered, self._is_registering = 0, True
            identity, rules = situation.identity, situation.rules
            data = Registration(identity.public_key, rules.region, rules.name).encode()
            return [*effects, situation.up(Notification.REGISTER, data, now_ms)]
        self._unanswered += 1
        held = Holdings(tuple(HeldEdge(e.tunnel, e.peer, e.is_started) for e in situation.edges.values()))
        expected = situation.final.expected if situation.final else None
        is_enough = expected is None or len(situation.started_edges(expected)) >= situation.masks_min
        request = Notification.RESUME if is_enough else Notification.EMERGENCY
        return [*effects, situation.up(request, held.encode(), now_ms)]

    def _listen_again(self) -> list[Effect]:
        """The network's rules, retained by the broker, never arrived: a new subscription brings them again."""
        membership = self._situation.membership
        if membership is None or self._situation.parameters is not None:
            return []
        return [Subscribe(topics.broadcast_filter(membership.network))]

    def assigned(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """The provider has given this gateway a place.

        Raises:
            RefusedError: the place is another gateway's, or was given long ago: a gateway that obeyed an old answer
                would erase the seeds of its present place.
        """
        situation, frame = self._situation, signed.frame
        if Assigned.decode(frame.data).public_key != situation.identity.public_key:
            raise RefusedError(Refusal.UNKNOWN_CLIENT)
        if frame.network == NO_NETWORK or not frame.client:
            raise RefusedError(Refusal.WRONG_NETWORK)
        self._is_registering = False
        known = situation.membership
        if known is not None and (known.network, known.client) == (frame.network, frame.client):
            return []
        if now_ms - frame.timestamp_ms > PLACE_MS:
            raise RefusedError(Refusal.STALE)
        effects: list[Effect] = []
        for tunnel in list(situation.edges):
            effects += situation.erase(tunnel)
        self._tunnels.clear()
        self._standing, self._failed = [], []
        situation.membership = Membership(frame.network, frame.client)
        situation.parameters = situation.final = None
        self._ask_at = now_ms + PATIENCE_MS
        effects.append(Store(situation.membership))
        effects.append(Subscribe(topics.broadcast_filter(frame.network)))
        text = f"This gateway is client {frame.client} of network {frame.network}."
        return [*effects, Notice(Level.INFO, text)]

    def rejected(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """The provider has refused a registration: say why, and ask again later.

        Raises:
            RefusedError: UNEXPECTED, when this gateway has not asked: somebody else used its name, or the answer
                is old.
        """
        rejected = Rejected.decode(signed.frame.data)
        if not self._is_registering:
            raise RefusedError(Refusal.UNEXPECTED)
        self._is_registering = False
        self._pause_ms = RETRY_MAX_MS
        self._ask_at = now_ms + self._pause_ms
        request = rejected.notification.name.lower()
        text = f"The provider refused this gateway's {request}: {rejected.reason.sentence}."
        return [Notice(Level.CRITICAL, text)]

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
        if self._ask_at is not None:
            self._ask_at = max(self._ask_at, now_ms + PATIENCE_MS)
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

    def _has_handshakes(self) -> bool:
        return any(tunnel.order.role is Role.INITIATOR for tunnel in self._tunnels.values())

    def _report_entered(self, now_ms: int) -> list[Effect]:
        if self._has_handshakes() or not (self._standing or self._failed):
            return []
        entered = Entered(tuple(self._standing), tuple(self._failed))
        self._standing, self._failed = [], []
        return [self._situation.up(Notification.ENTERED, entered.encode(), now_ms)]

    def resumed(self, signed: SignedFrame) -> list[Effect]:
        """The provider has named the started edges: use those of them that stand here."""
        self._unanswered = 0
        return [*self._situation.start(Resumed.decode(signed.frame.data).started)]

    def neighbor_left(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """A neighbor's own notification 3: erase its seed and confirm.

        Raises:
            RefusedError: BAD_SIGNATURE, when it is not the neighbor who says so.
        """
        require_empty(signed.frame.data)
        leaver = signed.frame.client
        effects: list[Effect] = []
        for edge in [edge for edge in self._situation.edges.values() if edge.peer == leaver]:
            signed.require_signature(edge.peer_key, Direction.UP)
            effects += self._situation.erase(edge.tunnel)
        return [*effects, self._situation.up(Notification.EXIT_CONFIRMED, ExitConfirmed(leaver).encode(), now_ms)]

    def leave(self, now_ms: int) -> list[Effect]:
        """The owner wants to leave: say so until the provider confirms."""
        membership = self._situation.membership
        if membership is None:
            return [Left()]
        self._situation.membership = replace(membership, is_leaving=True)
        self._ask_at = now_ms
        self._pause_ms = RETRY_FIRST_MS
        return [Store(self._situation.membership), *(self.tick(now_ms) if self._is_connected else [])]

    def exit_confirmed(self, signed: SignedFrame) -> list[Effect]:
        """The provider has confirmed the exit: forget everything.

        Raises:
            RefusedError: UNEXPECTED, when this gateway does not want to leave.
        """
        situation, membership = self._situation, self._situation.membership
        is_own = ExitConfirmed.decode(signed.frame.data).leaver == situation.client
        if membership is None or not membership.is_leaving or not is_own:
            raise RefusedError(Refusal.UNEXPECTED)
        situation.edges.clear()
        situation.membership = situation.final = situation.parameters = None
        self._ask_at = None
        return [
            Store(Departed()),
            Notice(Level.INFO, "This gateway has left its network; its seeds are erased."),
            Left(),
        ]
