"""What the two ends of a tunnel show each other, and what each has to see before it believes.

Source: docs/protocol.md, "Key agreement", "Draw".
"""

from typing import Final, final

from common.agreement import NO_TUNNEL, Ends, Introduction
from common.certificates import Certificate
from common.draws import Opening, counter_limit, require_drawn
from common.identifiers import ClientId, TunnelId
from common.refusal import Refusal, RefusedError
from common.schedule import DAY_MS
from common.tunnels import Kind, Role, TunnelOpen
from smgw.core.draws import Draws
from smgw.core.events import Effect
from smgw.core.situation import Situation
from smgw.core.trust import Trust


@final
class Proofs:
    """The part of the member machine that makes and checks introductions."""

    def __init__(self, situation: Situation, trust: Trust, draws: Draws) -> None:
        self._situation: Final = situation
        self._trust: Final = trust
        self._draws: Final = draws

    def ends(self, order: TunnelOpen) -> Ends:
        """The ends of a tunnel, as this gateway sees them: with its own leaf, and the other one that was proven."""
        situation, peer = self._situation, order.peer
        assert situation.membership is not None
        own = situation.leaf(order.own_epoch)
        both = (own, peer.leaf) if order.role is Role.INITIATOR else (peer.leaf, own)
        return Ends(situation.membership.network, order.tunnel, order.kind, peer.at, *both)

    def introduction(self, peer: ClientId) -> Introduction:
        """Who this gateway is, and which edge with the other end it has."""
        return Introduction(self._situation.rules.certificate, self._held(peer))

    def confirmation(
        self, order: TunnelOpen, said: Introduction, now_ms: int
    ) -> tuple[Introduction, Certificate, list[Effect]]:
        """Check who the responder is, and only then open the slot that drew it.

        Returns:
            What to say, the responder's certificate, and what to store before it is said.

        Raises:
            RefusedError: the responder does not prove itself.
        """
        certificate = self._trust.require_introduced(order.peer.leaf, said, now_ms)
        peer, yesterday = order.peer.leaf.client, now_ms // DAY_MS - 1
        held, opening, effects = self._held(peer), b"", list[Effect]()
        if order.kind is Kind.RENEWAL:
            self._require_renewal(peer, said)
        elif order.kind is Kind.DRAW:
            opening, effects = self._draws.open(order.peer)
        own = self._situation.rules.certificate
        return Introduction(own, held, yesterday, opening), certificate, effects

    def require_confirmed(self, order: TunnelOpen, said: Introduction, now_ms: int) -> Certificate:
        """Check who the initiator is, and that it drew this gateway.

        Raises:
            RefusedError: the initiator does not prove it.
        """
        certificate = self._trust.require_introduced(order.peer.leaf, said, now_ms)
        if order.kind is Kind.DRAW:
            self._require_drawn(order, said)
        elif said.opening:
            raise RefusedError(Refusal.BAD_DRAW)
        if order.kind is Kind.RENEWAL:
            self._require_renewal(order.peer.leaf.client, said)
        return certificate

    def _require_drawn(self, order: TunnelOpen, said: Introduction) -> None:
        at, parameters = order.peer.at, self._situation.parameters
        if parameters is None:
            raise RefusedError(Refusal.UNKNOWN_ROSTER)
        limit = counter_limit(at.leaves, at.live, at.slots(parameters.draws))
        index = self._situation.client - 1
        require_drawn(Opening.decode(said.opening), order.peer.leaf.draw_root, index, at.root, at.leaves, limit)

    def _require_renewal(self, peer: ClientId, said: Introduction) -> None:
        """A seed is renewed where one end has an edge with the other, and the provider makes no neighbors so."""
        named = self._situation.edges.get(said.held)
        if named is not None and named.peer != peer:
            raise RefusedError(Refusal.BAD_HANDSHAKE)
        if said.held == NO_TUNNEL and self._held(peer) == NO_TUNNEL:
            raise RefusedError(Refusal.BAD_DRAW)

    def _held(self, peer: ClientId) -> TunnelId:
        edges = self._situation.edges_with(peer)
        return edges[0].tunnel if edges else NO_TUNNEL
