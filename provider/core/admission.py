"""Members and edges: registration, tunnels, coming back, leaving, and the repair of the key graph.

Source: thesis section 3.3.2 (registration, exit, connection loss); docs/protocol.md, "Registration", "Coming back",
"Exit", "Key graph".
"""

import random
from collections.abc import Iterable
from typing import Final, final

from common.frames import DATA_BYTES_MAX, Notification, SignedFrame
from common.identifiers import ClientId
from common.payloads import (
    TUNNEL_BYTES,
    Assigned,
    Entered,
    ExitConfirmed,
    Holdings,
    Registration,
    Resumed,
    Role,
    TunnelMessage,
    TunnelOpen,
    require_empty,
)
from common.refusal import Refusal, RefusedError
from provider.core.desk import Desk, Member, new_tunnel
from provider.core.events import EdgeState, Effect, MemberState, Notice, Store
from provider.core.keygraph import Edge, Neighborhoods, components, neighborhoods

TUNNEL_MS: Final = 30_000
"""How long a tunnel stays open for a handshake; longer than a gateway tries."""

STANDING_ROUNDS: Final = 48
STANDING_MS: Final = 300_000
"""An edge that stands longer than both without being started is dropped: half of what gateways grant it."""

GATHER_MS_MAX: Final = 1_000
"""How long registrations are gathered before all of them draw, so that each can draw each."""

CLIENTS_MAX: Final = 200_000
"""The highest client identifier: two sets of so many members leave a FINAL room to start edges."""

RENEWALS_MAX: Final = 2
"""After so many tunnels in vain a dispute is dropped: whoever still uses the old seed will be found by its frames."""

FINAL_REST_BYTES: Final = 64
"""What a FINAL holds beside its two sets of members and the edges that it starts, rounded up."""

_IN_NETWORK: Final = (MemberState.JOINING, MemberState.PRESENT)
_GONE: Final = (MemberState.LEAVING, MemberState.LEFT)
_HELD: Final = (EdgeState.STANDING, EdgeState.STARTED)


@final
class Admission:
    """The part of the network machine that makes and ends members and edges."""

    def __init__(self, desk: Desk, entropy: random.Random) -> None:
        """`entropy` must be cryptographically strong outside of simulations (`random.SystemRandom`)."""
        self._desk: Final = desk
        self._entropy: Final = entropy
        self._by_name: Final = {m.name: m for m in desk.members.values() if m.state is not MemberState.LEFT}
        self._gathered: set[ClientId] = set()
        self.was_asked = False
        """Whether anybody asked to come in since it was last set to False."""
        self._draw_at: int | None = None

    def deadline(self) -> int | None:
        """When `tick` wants to be called next."""
        return self._draw_at

    def tick(self, now_ms: int) -> list[Effect]:
        """Draw neighbors for everybody who registered since."""
        if self._draw_at is None or self._draw_at - GATHER_MS_MAX <= now_ms < self._draw_at:
            return []
        self._draw_at = None
        gathered, self._gathered = self._gathered, set()
        effects: list[Effect] = []
        for client in sorted(gathered):
            drawn = sum(edge.initiator == client for edge in self._desk.graph.of(client))
            effects += self._draw(self._desk.members[client], self._desk.parameters.draws - drawn, now_ms)
        return effects

    def named(self, name: str) -> Member | None:
        """The member of this name, unless it has left."""
        return self._by_name.get(name)

    # Registration

    def register(self, registration: Registration, now_ms: int) -> list[Effect]:
        """Give a place to a gateway, or the same one again. The signature under the carried key was checked.

        Raises:
            RefusedError: NAME_TAKEN, when the name is registered with another key; UNEXPECTED, while it is leaving;
                NETWORK_FULL, when no identifier is left.
        """
        self.was_asked = True
        desk = self._desk
        member = self._by_name.get(registration.name)
        effects: list[Effect] = []
        if member is None:
            client = ClientId(max(desk.members, default=0) + 1)
            if client > CLIENTS_MAX:
                raise RefusedError(Refusal.NETWORK_FULL)
            member = Member(client, registration.name, registration.public_key, MemberState.JOINING)
            desk.members[client] = self._by_name[member.name] = member
            effects.append(desk.save(member))
        elif member.public_key != registration.public_key:
            raise RefusedError(Refusal.NAME_TAKEN)
        member.hear(now_ms)
        effects.append(desk.order(member, Notification.ASSIGNED, Assigned(member.public_key).encode(), now_ms))
        if member.state is not MemberState.JOINING:
            return effects + self.resume(member, Holdings(()), now_ms)
        self._gather(member, now_ms)
        return effects

    def _gather(self, member: Member, now_ms: int) -> None:
        self._gathered.add(member.client)
        if self._draw_at is None:
            self._draw_at = now_ms + min(GATHER_MS_MAX, self._desk.parameters.schedule.period_ms // 5)

    def _draw(self, member: Member, count: int, now_ms: int) -> list[Effect]:
        """Open tunnels from this member to `count` others, drawn uniformly from all that have room."""
        desk = self._desk
        if member.state in _GONE:
            return []
        near = self._places(member.client) | {member.client}
        room = desk.parameters.degree_max - (len(near) - 1)
        candidates = [
            other.client
            for other in desk.reachable(*_IN_NETWORK)
            if other.client not in near and self._have_room(other.client)
        ]
        count = min(count, room, len(candidates))
        drawn = self._entropy.sample(candidates, count) if count > 0 else []
        return [order for client in drawn for order in self._open(member, desk.members[client], now_ms)]

    def _open(self, initiator: Member, responder: Member, now_ms: int) -> list[Effect]:
        desk = self._desk
        tunnel = new_tunnel(self._entropy.randbytes(8), desk.graph)
        desk.graph.add(Edge(tunnel, initiator.client, responder.client, EdgeState.OPEN, now_ms))
        to_responder = TunnelOpen(tunnel, Role.RESPONDER, initiator.public_key).encode()
        to_initiator = TunnelOpen(tunnel, Role.INITIATOR, responder.public_key).encode()
        return [
            desk.order(responder, Notification.TUNNEL_OPEN, to_responder, now_ms),
            desk.order(initiator, Notification.TUNNEL_OPEN, to_initiator, now_ms),
        ]

    def relay(self, sender: Member, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """Forward what one end of an open tunnel says to the other end, as it is.

        Raises:
            RefusedError: TUNNEL_CLOSED or NOT_AN_END.
        """
        edge = self._desk.graph.get(TunnelMessage.decode(signed.frame.data).tunnel)
        if edge is None:
            raise RefusedError(Refusal.TUNNEL_CLOSED)
        if sender.client not in edge.pair:
            raise RefusedError(Refusal.NOT_AN_END)
        return [self._desk.forward(signed.raw, self._desk.members[edge.other(sender.client)], now_ms)]

    def entered(self, member: Member, report: Entered, now_ms: int) -> list[Effect]:
        """Notification 2: seeds stand in these tunnels, at both ends.

        Raises:
            RefusedError: NOT_AN_END, when one of the tunnels was not opened for this member.
        """
        desk, effects = self._desk, list[Effect]()
        edges = [edge for tunnel in (*report.standing, *report.failed) if (edge := desk.graph.get(tunnel))]
        if any(edge.initiator != member.client for edge in edges):
            raise RefusedError(Refusal.NOT_AN_END)
        failed = 0
        for edge in edges:
            if edge.state is EdgeState.OPEN and edge.tunnel in report.standing:
                effects.append(desk.save_edge(edge, EdgeState.STANDING))
            elif edge.state is EdgeState.OPEN:
                failed += 1
                effects += self._fail(edge)
        for client in {client for edge in edges for client in edge.pair}:
            effects += self._settle_joining(desk.members[client])
        return effects + self._draw(member, failed, now_ms)

    def _settle_joining(self, member: Member) -> list[Effect]:
        """A joining member is in when its own handshakes are done and it has enough edges."""
        graph = self._desk.graph
        if member.state is not MemberState.JOINING:
            return []
        if any(edge.state is EdgeState.OPEN and edge.initiator == member.client for edge in graph.of(member.client)):
            return []
        if len(graph.neighbors(member.client, *_HELD)) < self._desk.parameters.masks_min:
            return []
        return [*self._desk.move(member, MemberState.PRESENT), Notice(f"client {member.client} has entered")]

    # Coming back

    def resume(self, member: Member, held: Holdings, now_ms: int) -> list[Effect]:
        """A member is back with the seeds it holds: compare them with the key graph, and mend what differs.

        Raises:
            RefusedError: UNEXPECTED, when it has said that it leaves.
        """
        self.was_asked = True
        desk = self._desk
        if member.state in _GONE:
            raise RefusedError(Refusal.UNEXPECTED)
        if any(claimed.peer == member.client for claimed in held.edges):
            raise RefusedError(Refusal.BAD_DATA)
        mine = {edge.tunnel: edge for edge in desk.graph.of(member.client) if edge.state in _HELD}
        theirs = {edge.tunnel: edge for edge in held.edges}
        effects: list[Effect] = []
        for tunnel, edge in mine.items():
            if tunnel not in theirs and (edge.state is EdgeState.STARTED or member.state is MemberState.AWAY):
                effects += desk.remove_edge(edge)
                self._dispute(member, desk.members[edge.other(member.client)])
        for tunnel, claimed in theirs.items():
            peer = desk.members.get(claimed.peer)
            if tunnel in mine or not claimed.is_started or peer is None:
                continue
            if peer.exit_frame is not None and peer.state is MemberState.LEFT:
                effects.append(desk.forward(peer.exit_frame, member, now_ms))
            elif len(self._places(member.client) | {peer.client}) <= desk.parameters.degree_max:
                self._dispute(member, peer)
        if member.state is MemberState.AWAY:
            effects += desk.move(member, MemberState.PRESENT)
        started = tuple(edge.tunnel for edge in desk.graph.of(member.client) if edge.state is EdgeState.STARTED)
        effects.append(desk.order(member, Notification.RESUMED, Resumed(started).encode(), now_ms))
        effects += self._settle_joining(member)
        return effects + self._mend(member, now_ms)

    def _mend(self, member: Member, now_ms: int) -> list[Effect]:
        """Open the tunnels that this member needs: to renew what is unsettled, and to have enough live neighbors."""
        desk, effects = self._desk, list[Effect]()
        for client in sorted(member.unsettled):
            peer = desk.members[client]
            between = desk.graph.between(member.client, client)
            is_renewing = any(edge.state is not EdgeState.STARTED for edge in between)
            has_room = len(self._places(client) - {member.client}) < desk.parameters.degree_max
            if peer.state is MemberState.PRESENT and not peer.is_deaf and has_room and not is_renewing:
                effects += self._open(member, peer, now_ms)
        near = desk.graph.neighbors(member.client)
        live = sum(desk.members[peer].state in _IN_NETWORK and not desk.members[peer].is_deaf for peer in near)
        return effects + self._draw(member, self._live_wanted - live, now_ms)

    def maintain(self, now_ms: int) -> list[Effect]:
        """Close tunnels that took too long, mend members that lack neighbors, and bridge parts that fell apart."""
        desk, effects = self._desk, list[Effect]()
        for edge in desk.graph.in_state(EdgeState.OPEN):
            if not 0 <= now_ms - edge.opened_ms <= TUNNEL_MS:
                effects += self._fail(edge)
        present = {member.client for member in desk.reachable(MemberState.PRESENT)}
        near = neighborhoods(present, desk.graph.in_state(EdgeState.STARTED))
        for client in sorted(present):
            if desk.members[client].unsettled or len(near[client]) < self._live_wanted:
                effects += self._mend(desk.members[client], now_ms)
        for member in desk.in_state(MemberState.JOINING):
            effects += self._settle_joining(member)
        return effects + self._bridge(present, near, now_ms)

    def _fail(self, edge: Edge) -> list[Store]:
        """A tunnel was in vain: note who was not heard, and give up a dispute that nobody settles."""
        desk = self._desk
        for client in edge.pair - desk.expected:
            member = desk.members[client]
            member.is_deaf = member.heard_ms < edge.opened_ms
        initiator = desk.members[edge.initiator]
        if edge.responder in initiator.unsettled:
            initiator.renewals[edge.responder] = initiator.renewals.get(edge.responder, 0) + 1
            if initiator.renewals[edge.responder] >= RENEWALS_MAX:
                self._agree(edge.initiator, edge.responder)
        return desk.remove_edge(edge)

    def forget(self, now_ms: int) -> list[Store]:
        """Drop edges that stand for long and never started: their ends forget them too, after twice as long.

        Nobody remembers how long an edge stood before the provider started; it counts from the first round after.
        """
        patience_ms = max(STANDING_ROUNDS * self._desk.parameters.schedule.period_ms, STANDING_MS)
        standing = self._desk.graph.in_state(EdgeState.STANDING)
        for edge in standing:
            edge.opened_ms = edge.opened_ms or now_ms
        old = [edge for edge in standing if not 0 <= now_ms - edge.opened_ms <= patience_ms]
        return [effect for edge in old for effect in self._desk.remove_edge(edge)]

    def _bridge(self, present: set[ClientId], near: Neighborhoods, now_ms: int) -> list[Effect]:
        """Open one tunnel from each smaller part of the key graph to the largest, unless one is on its way."""
        desk, effects = self._desk, list[Effect]()
        parts = components(present, near)
        if len(parts) > 1:
            linked = neighborhoods(present, [edge for state in EdgeState for edge in desk.graph.in_state(state)])
            parts = components(present, linked)
        largest, *others = parts or [set[ClientId]()]
        for part in others:
            pairs = [(a, b) for a in sorted(part) for b in sorted(largest) if not desk.graph.between(a, b)]
            a, b = self._entropy.choice(pairs) if pairs else (None, None)
            if a is not None and b is not None and self._have_room(a, b):
                effects += self._open(desk.members[a], desk.members[b], now_ms)
        return effects

    def _have_room(self, *clients: ClientId) -> bool:
        most = self._desk.parameters.degree_max
        return all(len(self._places(client)) < most for client in clients)

    def _places(self, client: ClientId) -> set[ClientId]:
        """Who takes one of a member's places: its neighbors, and those with whom it has a seed to renew.

        Without the latter, new neighbors would take the places, and what is in dispute could never be renewed.
        """
        member = self._desk.members[client]
        return self._desk.graph.neighbors(client) | member.unsettled | member.awaiting

    def _dispute(self, member: Member, peer: Member) -> None:
        """The seeds of this member do not agree with those of `peer`."""
        member.unsettled.add(peer.client)
        peer.awaiting.add(member.client)

    def _agree(self, a: ClientId, b: ClientId) -> None:
        """Nothing is in dispute between these two any more."""
        for client, other in ((a, b), (b, a)):
            self._desk.members[client].unsettled.discard(other)
            self._desk.members[client].awaiting.discard(other)
            self._desk.members[client].renewals.pop(other, None)

    @property
    def _live_wanted(self) -> int:
        """How many live neighbors a member should have at least: one mask may fall away without a refusal."""
        return min(self._desk.parameters.draws, self._desk.parameters.masks_min + 1)

    # Rounds ask

    def startable(self) -> list[Edge]:
        """The edges whose seeds stand, as many as find room in one FINAL: some 8,000 in a network of 1,000 members."""
        set_bytes = max(self._desk.members, default=0) // 8 + 1
        room = (DATA_BYTES_MAX - FINAL_REST_BYTES - 2 * set_bytes) // TUNNEL_BYTES
        return self._desk.graph.in_state(EdgeState.STANDING)[: max(room, 0)]

    def start(self, edges: Iterable[Edge]) -> list[Store]:
        """Start these edges; an edge that one of them renews is dropped."""
        desk, effects = self._desk, list[Store]()
        for edge in edges:
            for old in desk.graph.between(edge.initiator, edge.responder):
                if old.state is EdgeState.STARTED:
                    effects += desk.remove_edge(old)
            effects.append(desk.save_edge(edge, EdgeState.STARTED))
            self._agree(edge.initiator, edge.responder)
        return effects

    def eligible(self) -> set[ClientId]:
        """The members that may be expected: present, and no two of them with a seed in dispute.

        Whoever is in no dispute of its own comes first; then those with the fewest, as long as they have none with
        whom was chosen. So a member that never renews its seeds keeps out itself, and nobody else.
        """
        desk = self._desk
        present = {member.client for member in desk.reachable(MemberState.PRESENT)}
        disputes = {
            client: {peer for peer in present & desk.members[client].unsettled if self._is_disputed(client, peer)}
            for client in present
        }
        chosen = {client for client in present if not disputes[client]}
        for client in sorted(present - chosen, key=lambda client: (len(disputes[client]), client)):
            if not any(peer in disputes[client] or client in disputes[peer] for peer in chosen):
                chosen.add(client)
        return chosen

    def _is_disputed(self, client: ClientId, peer: ClientId) -> bool:
        """Whether no renewed seed stands, which would start with the next FINAL."""
        return not any(edge.state is EdgeState.STANDING for edge in self._desk.graph.between(client, peer))

    # Leaving

    def leave(self, member: Member, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """Notification 3: the member is not expected any more; the rest follows when no open round expects it."""
        if member.state is MemberState.LEFT:
            return [self._confirm_exit(member, now_ms)]
        require_empty(signed.frame.data)
        member.exit_frame = signed.raw
        return [*self._desk.move(member, MemberState.LEAVING)]

    def finish_exits(self, now_ms: int) -> list[Effect]:
        """Tell the leavers and their neighbors, drop their edges, and let who drew a leaver draw again."""
        desk, effects = self._desk, list[Effect]()
        for member in desk.in_state(MemberState.LEAVING):
            edges = desk.graph.of(member.client)
            effects += desk.move(member, MemberState.LEFT)
            for edge in edges:
                effects += desk.remove_edge(edge)
            neighbors = dict.fromkeys(edge.other(member.client) for edge in edges)
            neighbors |= dict.fromkeys(sorted(member.unsettled | member.awaiting))
            effects += self._tell_neighbors(member, neighbors, now_ms)
            effects.append(self._confirm_exit(member, now_ms))
            effects.append(Notice(f"client {member.client} has left"))
            self._by_name.pop(member.name, None)
            for edge in edges:
                if edge.responder == member.client and desk.members[edge.initiator].state in _IN_NETWORK:
                    effects += self._draw(desk.members[edge.initiator], 1, now_ms)
        return effects

    def _tell_neighbors(self, leaver: Member, neighbors: Iterable[ClientId], now_ms: int) -> list[Effect]:
        assert leaver.exit_frame is not None
        effects = list[Effect]()
        for client in neighbors:
            self._agree(client, leaver.client)
            effects.append(self._desk.forward(leaver.exit_frame, self._desk.members[client], now_ms))
        return effects

    def _confirm_exit(self, leaver: Member, now_ms: int) -> Effect:
        return self._desk.order(leaver, Notification.EXIT_CONFIRMED, ExitConfirmed(leaver.client).encode(), now_ms)
