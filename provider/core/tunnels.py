"""Tunnels: opened for those who drew each other, relayed, reported, opened again when they were in vain.

The provider chooses nobody's neighbor: a tunnel is opened because its initiator drew the other end, or because two
neighbors do not agree about their seed. Source: thesis section 3.3.2 (registration); docs/protocol.md, "Draw",
"Registration", "Coming back".
"""

import random
from typing import Final, final

from common.frames import Notification
from common.identifiers import EVERYONE, ClientId, TunnelId
from common.payloads import Entered
from common.refusal import Refusal, RefusedError
from common.roster import RosterRoot
from common.tunnels import Departure, Drawn, End, Kind, Role, TunnelMessage, TunnelOpen
from provider.core.desk import GONE, Desk, Member, new_tunnel
from provider.core.events import EdgeState, Effect, MemberState, Notice, Publish, Store
from provider.core.keygraph import Edge
from provider.core.rosters import GATHER_MS_MAX, Rosters, gather_ms
from provider.core.wants import Want, Wants

TUNNEL_MS: Final = 30_000
"""How long a tunnel stays open for a handshake; longer than a gateway tries."""

WANTS_MAX: Final = 64
"""How many neighbors a member may lack at a time."""

BURST_MAX: Final = 250
"""How many tunnels are opened between two ticks. When thousands draw at once, rounds go on in between."""

RENEWALS_MAX: Final = 2
"""After so many tunnels in vain a dispute is dropped: whoever still uses the old seed will be found by its frames."""

_HELD: Final = (EdgeState.STANDING, EdgeState.STARTED)


@final
class Tunnels:
    """The part of the network machine that brings members together."""

    def __init__(self, desk: Desk, rosters: Rosters, entropy: random.Random) -> None:
        """`entropy` names tunnels; it must be cryptographically strong outside of simulations."""
        self._desk: Final = desk
        self._rosters: Final = rosters
        self._entropy: Final = entropy
        self._wants: Final = Wants()
        self._in_vain_ms: dict[frozenset[ClientId], int] = {}
        self._burst = 0
        self._waiting: dict[ClientId, None] = {}
        self._returned: set[ClientId] = set()
        self._return_ms: int | None = None

    @property
    def deadline(self) -> int | None:
        """When `tick` wants to be called next."""
        return 0 if self._waiting else self._return_ms

    def tick(self, now_ms: int) -> list[Effect]:
        """Open tunnels for which it was too early: of a burst, and of those who had to learn the roster first."""
        self._burst, waiting, self._waiting = 0, self._waiting, {}
        effects = [effect for client in waiting for effect in self._serve_in_turn(client, now_ms)]
        if self._return_ms is None or self._return_ms - GATHER_MS_MAX <= now_ms < self._return_ms:
            return effects
        returned, self._returned, self._return_ms = sorted(self._returned), set(), None
        return effects + [effect for client in returned for effect in self.serve(client, now_ms)]

    def wait_for(self, client: ClientId, now_ms: int) -> None:
        """A known member has registered and knows no roster yet: before it does, it goes into no tunnel."""
        self._returned.add(client)
        if self._return_ms is None:
            self._return_ms = now_ms + gather_ms(self._desk.parameters)

    # Wants

    def drawn(self, member: Member, drawn: Drawn, now_ms: int) -> list[Effect]:
        """A member says to whom it lacks a seed: all of them, so what it said before is void.

        Raises:
            RefusedError: UNEXPECTED, when it has said that it leaves; BAD_DATA, for too many or itself;
                UNKNOWN_ROSTER, when it or one of them is not in the roster that it names.
        """
        if member.state in GONE:
            raise RefusedError(Refusal.UNEXPECTED)
        if len(drawn.members) > WANTS_MAX:
            raise RefusedError(Refusal.BAD_DATA)
        for each in drawn.members:
            if each.client in {member.client, EVERYONE}:
                raise RefusedError(Refusal.BAD_DATA)
            if max(each.client, member.client) > self._rosters.of_epoch(each.epoch).leaves:
                raise RefusedError(Refusal.UNKNOWN_ROSTER)
        self._wants.replace(member.client, {each.client: each.epoch for each in drawn.members})
        return self._serve_in_turn(member.client, now_ms)

    def serve(self, client: ClientId, now_ms: int) -> list[Effect]:
        """A member is back: open the tunnels that it and others wait for."""
        effects = self._mend(self._desk.members[client], now_ms)
        wants = [*self._wants.of(client), *self._wants.toward(client)]
        return effects + [effect for want in wants for effect in self._serve(want, now_ms)]

    def forget(self, client: ClientId) -> None:
        """A member has left and wants nobody any more."""
        self._wants.drop(self._wants.of(client))

    def _serve_in_turn(self, asker: ClientId, now_ms: int) -> list[Effect]:
        """Open the tunnels that a member wants, or at the next tick when enough were opened since the last one."""
        if self._burst >= BURST_MAX:
            self._waiting[asker] = None
            return []
        return [effect for want in self._wants.of(asker) for effect in self._serve(want, now_ms)]

    def _serve(self, want: Want, now_ms: int) -> list[Effect]:
        """Open the tunnel that is wanted, if both ends are there and have room; or tell that the drawn one has left."""
        desk, at = self._desk, self._roster_of(want)
        asker, drawn = desk.members[want.asker], desk.members[want.drawn]
        if at is None:
            self._wants.drop([want])
            return []
        if drawn.state is MemberState.LEFT:
            return self._tell_departed(want, at, now_ms)
        if not (asker.is_reachable and drawn.is_reachable and desk.have_room(asker.client, drawn.client)):
            return []
        if desk.graph.between(asker.client, drawn.client) or self._was_in_vain(want, now_ms):
            return []
        return self._open(asker, drawn, Kind.MESH if at.is_mesh else Kind.DRAW, at, now_ms)

    def _roster_of(self, want: Want) -> RosterRoot | None:
        """The roster of the draw. All meshes are one: the present one counts, and none when the network outgrew it."""
        at, current = self._rosters.of_epoch(want.epoch), self._rosters.current
        assert current is not None
        if not at.is_mesh:
            return at
        return current if current.is_mesh else None

    def _was_in_vain(self, want: Want, now_ms: int) -> bool:
        last_ms = self._in_vain_ms.get(frozenset((want.asker, want.drawn)))
        return last_ms is not None and 0 <= now_ms - last_ms < self._desk.parameters.schedule.period_ms

    def _tell_departed(self, want: Want, at: RosterRoot, now_ms: int) -> list[Effect]:
        """Show what ended a drawn member. That a certificate has expired shows nothing, since it may be renewed."""
        gone, proof = self._desk.members[want.drawn], self._rosters.proof(want.drawn, at)
        if gone.exit_frame is not None:
            departure = Departure(proof, End.EXIT, gone.exit_frame)
        elif gone.certificate.serial in self._desk.trust.revocations.serials:
            departure = Departure(proof, End.CERTIFICATE, gone.certificate.der)
        else:
            return []
        self._wants.drop([want])
        asker = self._desk.members[want.asker]
        return [self._desk.order(asker, Notification.DEPARTED, departure.encode(), now_ms)]

    # One tunnel

    def _open(self, initiator: Member, responder: Member, kind: Kind, at: RosterRoot, now_ms: int) -> list[Effect]:
        desk = self._desk
        self._burst += 1
        tunnel = new_tunnel(self._entropy.randbytes(8), desk.graph)
        desk.graph.add(Edge(tunnel, initiator.client, responder.client, EdgeState.OPEN, now_ms))

        def order(member: Member, role: Role, other: Member) -> Publish:
            data = TunnelOpen(tunnel, role, kind, member.epoch, self._rosters.proof(other.client, at)).encode()
            return desk.order(member, Notification.TUNNEL_OPEN, data, now_ms)

        return [order(responder, Role.RESPONDER, initiator), order(initiator, Role.INITIATOR, responder)]

    def relay(self, sender: Member, raw: bytes, message: TunnelMessage, now_ms: int) -> list[Effect]:
        """Forward what one end of a tunnel says to the other end, as it is.

        Raises:
            RefusedError: TUNNEL_CLOSED or NOT_AN_END.
        """
        edge = self._edge(message.tunnel)
        if sender.client not in edge.pair:
            raise RefusedError(Refusal.NOT_AN_END)
        return [self._desk.forward(raw, self._desk.members[edge.other(sender.client)], now_ms)]

    def _edge(self, tunnel: TunnelId) -> Edge:
        edge = self._desk.graph.get(tunnel)
        if edge is None:
            raise RefusedError(Refusal.TUNNEL_CLOSED)
        return edge

    def entered(self, member: Member, report: Entered, now_ms: int) -> list[Effect]:
        """Notification 2: seeds stand in these tunnels, at both ends; in those nothing came to stand.

        Raises:
            RefusedError: NOT_AN_END, when one of the tunnels was not opened for this member.
        """
        desk, effects, standing = self._desk, list[Effect](), set(report.standing)
        reported = dict.fromkeys((*report.standing, *report.failed))
        edges = [edge for tunnel in reported if (edge := desk.graph.get(tunnel))]
        if any(edge.initiator != member.client for edge in edges):
            raise RefusedError(Refusal.NOT_AN_END)
        for edge in edges:
            if edge.state is EdgeState.OPEN and edge.tunnel in standing:
                self._wants.settle(*edge.pair)
                effects.append(desk.save_edge(edge, EdgeState.STANDING))
            elif edge.state is EdgeState.OPEN:
                effects += self._fail(edge, now_ms)
        for client in dict.fromkeys(client for edge in edges for client in (edge.initiator, edge.responder)):
            effects += self.settle(desk.members[client])
        return effects

    def _fail(self, edge: Edge, now_ms: int) -> list[Store]:
        """A tunnel was in vain: note who was not heard, and give up a dispute that nobody settles."""
        desk = self._desk
        self._in_vain_ms[edge.pair] = now_ms
        for client in edge.pair - desk.expected:
            member = desk.members[client]
            member.is_deaf = member.heard_ms < edge.opened_ms
        initiator = desk.members[edge.initiator]
        if edge.responder in initiator.unsettled:
            initiator.renewals[edge.responder] = initiator.renewals.get(edge.responder, 0) + 1
            if initiator.renewals[edge.responder] >= RENEWALS_MAX:
                desk.agree(edge.initiator, edge.responder)
        return desk.remove_edge(edge)

    # Renewals

    def _mend(self, member: Member, now_ms: int) -> list[Effect]:
        """Open the tunnels in which this member renews the seeds that are in dispute."""
        effects = list[Effect]()
        for client in sorted(member.unsettled):
            between = self._desk.graph.between(member.client, client)
            if all(edge.state is EdgeState.STARTED for edge in between):
                effects += self.renew(member, self._desk.members[client], now_ms)
        return effects

    def renew(self, member: Member, peer: Member, now_ms: int) -> list[Effect]:
        """Open a tunnel for a pair of which at least one end still holds a seed, if the other end is there."""
        at = self._rosters.current
        if at is None or max(member.client, peer.client) > at.leaves:
            return []
        if not (member.is_reachable and peer.is_reachable and self._desk.have_room(member.client, peer.client)):
            return []
        return self._open(member, peer, Kind.RENEWAL, at, now_ms)

    # After each round

    def maintain(self, now_ms: int) -> list[Effect]:
        """Close tunnels that took too long, and open those that are wanted and can be opened now."""
        desk, effects = self._desk, list[Effect]()
        for edge in desk.graph.in_state(EdgeState.OPEN):
            if not 0 <= now_ms - edge.opened_ms <= TUNNEL_MS:
                effects += self._fail(edge, now_ms)
        period_ms = desk.parameters.schedule.period_ms
        self._in_vain_ms = {pair: ms for pair, ms in self._in_vain_ms.items() if 0 <= now_ms - ms < period_ms}
        for member in desk.in_state(MemberState.PRESENT):
            if member.unsettled:
                effects += self._mend(member, now_ms)
        for asker in self._wants.askers:
            effects += self._serve_in_turn(asker, now_ms)
        for member in desk.in_state(MemberState.JOINING):
            effects += self.settle(member)
        return effects

    def settle(self, member: Member) -> list[Effect]:
        """A joining member is in when its own handshakes are done and it has enough edges."""
        graph, at = self._desk.graph, self._rosters.current
        if member.state is not MemberState.JOINING or not member.epoch or at is None:
            return []
        if any(edge.state is EdgeState.OPEN and edge.initiator == member.client for edge in graph.of(member.client)):
            return []
        if len(graph.neighbors(member.client, *_HELD)) < self._enough(at):
            return []
        return [*self._desk.move(member, MemberState.PRESENT), Notice(f"client {member.client} has entered")]

    def _enough(self, at: RosterRoot) -> int:
        """How many neighbors a gateway needs before it sends: enough masks, and enough of those that it drew."""
        rules = self._desk.parameters
        drawn = self._desk.others(at.leaves) if at.is_mesh else at.slots(rules.draws)
        return max(rules.masks_min, self._desk.suite.needed(drawn))
