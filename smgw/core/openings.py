"""Whether a gateway goes into a tunnel that the provider has opened.

Source: docs/protocol.md, "Registration", "Draw".
"""

from typing import Final, final

from common.identifiers import TunnelId
from common.refusal import Refusal, RefusedError
from common.tunnels import Kind, Role, TunnelOpen
from smgw.core.events import Effect
from smgw.core.rosters import Rosters
from smgw.core.rounds import Rounds
from smgw.core.situation import Situation
from smgw.core.trust import Trust
from smgw.core.wants import Wants


@final
class Openings:
    """The part of the member machine that looks at TUNNEL_OPEN before anything is said in the tunnel."""

    def __init__(self, situation: Situation, trust: Trust, rosters: Rosters, wants: Wants, rounds: Rounds) -> None:
        self._situation: Final = situation
        self._trust: Final = trust
        self._rosters: Final = rosters
        self._wants: Final = wants
        self._rounds: Final = rounds

    def require(self, order: TunnelOpen, now_ms: int) -> None:
        """See that the tunnel leads to somebody with whom this gateway may share a seed.

        Raises:
            RefusedError: it does not; what bears on the provider's honesty is a ReportedError.
        """
        situation, peer, at = self._situation, order.peer.leaf, order.peer.at
        if situation.is_refusing:
            raise RefusedError(Refusal.WEAKER_RULES)
        if self._rounds.is_under_frame(order.tunnel):  # there it names the seed of another edge
            raise RefusedError(Refusal.REPEATED)
        is_itself = peer.client == situation.client or peer.public_key == situation.identity.public_key
        if situation.membership is None or is_itself:
            raise RefusedError(Refusal.UNEXPECTED)
        order.peer.require()
        self._rosters.require_same(at, now_ms)
        if situation.is_roster_small:
            raise RefusedError(Refusal.ROSTER_TOO_SMALL)
        is_of_kind = order.kind is Kind.RENEWAL or at.is_mesh == (order.kind is Kind.MESH)
        is_one = situation.is_one_party(peer.client, peer.public_key) and peer.client not in situation.departed
        is_member = situation.leaf_of(peer.client) == peer and not situation.is_superseded(peer.client)
        if situation.client > at.leaves or not is_of_kind or not is_member or not is_one:
            raise RefusedError(Refusal.BAD_DRAW)
        self._trust.require_fresh_list(now_ms)
        if order.role is Role.INITIATOR and order.kind is not Kind.RENEWAL:
            self._wants.require(order, now_ms)

    def make_room(self, peer_key: bytes, in_tunnels: set[bytes]) -> list[Effect]:
        """Have room for one neighbor more, if need be by giving up the oldest edge that no FINAL has started.

        The provider, which counts neighbors too, has forgotten that edge, or it would not have opened this tunnel.
        `in_tunnels` are the keys of those with whom a handshake is under way.

        Raises:
            RefusedError: TOO_MANY_NEIGHBORS.
        """
        edges = self._situation.edges.values()
        held = {edge.peer_key for edge in edges} | in_tunnels
        if len(held - {peer_key}) < self._situation.rules.degree_max:
            return []
        others = [edge for edge in edges if edge.peer_key != peer_key]
        started = {edge.peer_key for edge in others if edge.is_started}
        waiting = {edge.tunnel: edge.stood_ms for edge in others if edge.peer_key not in started}
        if not waiting:
            raise RefusedError(Refusal.TOO_MANY_NEIGHBORS)
        oldest = min(waiting, key=lambda tunnel: (waiting[tunnel], tunnel))
        return [*self._situation.erase(TunnelId(oldest))]
