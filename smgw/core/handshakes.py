"""Handshakes in tunnels; each leaves the seed of a new edge at both ends.

The provider opens a tunnel and proves who its two ends are. The initiator speaks first and repeats itself until it is
answered; once no handshake that it initiated is under way, it reports in notification 2 which of them stand and which
failed. Nothing is believed that does not hold under the roster and the administrator's certificates.
Source: thesis section 3.3.2; docs/protocol.md, "Key agreement", "Registration".
"""

import random
from dataclasses import dataclass
from typing import Final, final

from common.agreement import CONFIRM, HELLO, KEY_BYTES, REPLY, STORED, Initiator, Responder
from common.certificates import Certificate
from common.frames import Notification, SignedFrame
from common.identifiers import ClientId, TunnelId
from common.masks import Seed
from common.payloads import Entered
from common.refusal import Refusal, RefusedError
from common.schedule import DAY_MS
from common.secret import Secret
from common.signing import Direction
from common.tunnels import Role, TunnelMessage, TunnelOpen
from smgw.core.asking import AskTimer
from smgw.core.events import Edge, Effect, Level, Notice, Publish
from smgw.core.openings import Openings
from smgw.core.proofs import Proofs
from smgw.core.reports import ReportedError
from smgw.core.situation import Situation

TUNNEL_MS: Final = 20_000
"""How long a handshake may take."""

ENTERED_MAX: Final = 1_000
"""No notification 2 names more tunnels; the others follow in the next one."""

REPEAT_MS: Final = 3_000
"""After how long the initiator of a handshake repeats what it said last."""


@dataclass(slots=True)
class _Tunnel:
    """A handshake under way; `answer` is what was sent last, repeated when the other end repeats itself.

    `certificate` is the responder's, once it has shown it; `forged` tells that somebody else's frame came.
    """

    order: TunnelOpen
    end: Initiator | Responder
    deadline_ms: int
    step: int = 0
    answer: bytes = b""
    repeat_ms: int | None = None
    certificate: Certificate | None = None
    forged: bool = False

    @property
    def peer(self) -> ClientId:
        """The other end."""
        return self.order.peer.leaf.client

    @property
    def is_initiated(self) -> bool:
        """Whether this gateway speaks first."""
        return self.order.role is Role.INITIATOR


@final
class Handshakes:
    """The part of the member machine that agrees on seeds with new neighbors, over the provider's tunnels."""

    def __init__(
        self, situation: Situation, openings: Openings, proofs: Proofs, entropy: random.Random, timer: AskTimer
    ) -> None:
        """`entropy` must be cryptographically strong outside of simulations; each message delays `timer`."""
        self._situation: Final = situation
        self._openings: Final = openings
        self._proofs: Final = proofs
        self._entropy: Final = entropy
        self._timer: Final = timer
        self._tunnels: dict[TunnelId, _Tunnel] = {}
        self._standing: list[TunnelId] = []
        self._failed: list[TunnelId] = []

    @property
    def is_initiating(self) -> bool:
        """Whether a handshake that this gateway has to report is under way."""
        return any(tunnel.is_initiated for tunnel in self._tunnels.values())

    def _is_initiating_toward(self, peer: ClientId) -> bool:
        return any(tunnel.is_initiated and tunnel.peer == peer for tunnel in self._tunnels.values())

    def deadline(self) -> int | None:
        """When `tick` wants to be called next."""
        if not self.is_initiating and (self._standing or self._failed):
            return 0
        times = [min(tunnel.deadline_ms, tunnel.repeat_ms or tunnel.deadline_ms) for tunnel in self._tunnels.values()]
        return min(times, default=None)

    def tick(self, now_ms: int) -> list[Effect]:
        """Repeat what was not answered, give up handshakes that take too long, and report when all are over."""
        effects: list[Effect] = []
        self._follow_clock(now_ms)
        for tunnel_id, tunnel in list(self._tunnels.items()):
            if now_ms >= tunnel.deadline_ms:
                self._drop(tunnel_id)
                is_in_vain = tunnel_id not in self._situation.edges
                effects += [_no_seed(tunnel.peer, Refusal.BAD_SIGNATURE)] if tunnel.forged and is_in_vain else []
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
            RefusedError: the order is old, does not lead to somebody who may be a neighbor, or to one too many.
        """
        order = TunnelOpen.decode(signed.frame.data)
        is_known = order.tunnel in self._tunnels or order.tunnel in self._situation.edges
        is_second = order.role is Role.INITIATOR and self._is_initiating_toward(order.peer.leaf.client)
        if is_known or is_second:
            raise RefusedError(Refusal.REPEATED)
        if now_ms - signed.frame.timestamp_ms > TUNNEL_MS:
            raise RefusedError(Refusal.STALE)
        self._openings.require(order, now_ms)
        in_tunnels = {tunnel.order.peer.leaf.public_key for tunnel in self._tunnels.values()}
        effects = self._openings.make_room(order.peer.leaf.public_key, in_tunnels)
        ends, ephemeral = self._proofs.ends(order), Secret(self._entropy.randbytes(KEY_BYTES))
        deadline_ms = now_ms + TUNNEL_MS
        if order.role is Role.RESPONDER:
            self._tunnels[order.tunnel] = _Tunnel(order, Responder(ends, ephemeral), deadline_ms)
            return effects
        initiator = Initiator(ends, ephemeral)
        self._tunnels[order.tunnel] = tunnel = _Tunnel(order, initiator, deadline_ms)
        return [*effects, self._say(tunnel, HELLO, initiator.hello, now_ms)]

    def hear(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """The other end of a tunnel has spoken.

        Raises:
            RefusedError: no such tunnel, not its other end, or not in turn; nothing changes.
            ReportedError: the handshake does not hold, so the tunnel is given up.
        """
        message = TunnelMessage.decode(signed.frame.data)
        tunnel = self._tunnels.get(message.tunnel)
        if tunnel is None:
            raise RefusedError(Refusal.TUNNEL_CLOSED)
        if not signed.is_signed_by(tunnel.order.peer.leaf.public_key, Direction.UP):
            tunnel.forged = True
            raise RefusedError(Refusal.BAD_SIGNATURE)
        if message.step <= tunnel.step:
            return self._repeat(tunnel, message.step, now_ms)
        try:
            if signed.frame.client != tunnel.peer:
                raise RefusedError(Refusal.BAD_HANDSHAKE)
            if isinstance(tunnel.end, Initiator):
                return self._as_initiator(tunnel, tunnel.end, message, now_ms)
            return self._as_responder(tunnel, tunnel.end, message, now_ms)
        except RefusedError as error:
            self._drop(message.tunnel)
            notice = _no_seed(tunnel.peer, error.reason)
            raise ReportedError(error.reason, notice.level, notice.text) from error

    def _as_initiator(self, tunnel: _Tunnel, end: Initiator, message: TunnelMessage, now_ms: int) -> list[Effect]:
        if message.step == REPLY:
            said = end.meet(message.body)
            own, tunnel.certificate, effects = self._proofs.confirmation(tunnel.order, said, now_ms)
            return [*effects, self._say(tunnel, CONFIRM, end.confirm(own), now_ms)]
        if message.step != STORED or tunnel.certificate is None:
            raise RefusedError(Refusal.BAD_HANDSHAKE)
        effects = self._stand(tunnel, end.finish(message.body), tunnel.certificate, now_ms)
        del self._tunnels[message.tunnel]
        self._standing.append(message.tunnel)
        return effects + self._report_entered(now_ms)

    def _as_responder(self, tunnel: _Tunnel, end: Responder, message: TunnelMessage, now_ms: int) -> list[Effect]:
        if message.step == HELLO:
            reply = end.reply(message.body, self._proofs.introduction(tunnel.peer))
            return [self._say(tunnel, REPLY, reply, now_ms)]
        if message.step != CONFIRM:
            raise RefusedError(Refusal.BAD_HANDSHAKE)
        said, seed, stored = end.meet(message.body)
        certificate = self._proofs.require_confirmed(tunnel.order, said, now_ms)
        effects = self._stand(tunnel, seed, certificate, now_ms)
        return [*effects, self._say(tunnel, STORED, stored, now_ms)]

    def _stand(self, tunnel: _Tunnel, seed: Seed, certificate: Certificate, now_ms: int) -> list[Effect]:
        # A seed counts from yesterday, so that both ends can use it whatever their clocks say around midnight. One that
        # begins tomorrow would silence this gateway until then.
        today = now_ms // DAY_MS
        if not today - 2 <= seed.day <= today:
            raise RefusedError(Refusal.BAD_HANDSHAKE)
        is_one = self._situation.is_one_party(tunnel.peer, tunnel.order.peer.leaf.public_key)
        if not is_one or tunnel.peer in self._situation.departed:
            raise RefusedError(Refusal.BAD_DRAW)
        effects: list[Effect] = []
        for old in self._situation.edges_with(tunnel.peer):
            effects += self._situation.erase(old.tunnel) if not old.is_started else []
        edge = Edge(
            tunnel=tunnel.order.tunnel,
            peer=tunnel.peer,
            peer_key=tunnel.order.peer.leaf.public_key,
            peer_serial=certificate.serial,
            peer_until_ms=certificate.not_after_ms,
            seed=seed,
            is_started=False,
            stood_ms=now_ms,
        )
        return [*effects, self._situation.keep(edge)]

    def _say(self, tunnel: _Tunnel, step: int, body: bytes, now_ms: int) -> Publish:
        tunnel.step, tunnel.answer = step, body
        self._timer.be_patient(now_ms)
        if tunnel.is_initiated:
            tunnel.repeat_ms = now_ms + REPEAT_MS
        data = TunnelMessage(tunnel.order.tunnel, step, body).encode()
        return self._situation.up(Notification.TUNNEL, data, now_ms, TUNNEL_MS)

    def _repeat(self, tunnel: _Tunnel, step: int, now_ms: int) -> list[Effect]:
        if step != tunnel.step - 1:
            raise RefusedError(Refusal.REPEATED)
        return [self._say(tunnel, tunnel.step, tunnel.answer, now_ms)]

    def _drop(self, tunnel_id: TunnelId) -> None:
        if self._tunnels.pop(tunnel_id).is_initiated:
            self._failed.append(tunnel_id)

    def _report_entered(self, now_ms: int) -> list[Effect]:
        if self.is_initiating or not (self._standing or self._failed):
            return []
        standing = self._standing[:ENTERED_MAX]
        failed = self._failed[: ENTERED_MAX - len(standing)]
        del self._standing[: len(standing)], self._failed[: len(failed)]
        entered = Entered(tuple(standing), tuple(failed))
        return [self._situation.up(Notification.ENTERED, entered.encode(), now_ms)]


def _no_seed(peer: ClientId, reason: Refusal) -> Notice:
    return Notice(Level.WARNING, f"No seed was agreed with client {peer}: {reason.sentence}.")
