"""Members: registration, coming back, leaving, and the end of those whose certificate ends.

Source: thesis section 3.3.2 (registration, exit, connection loss); docs/protocol.md, "Registration", "Coming back",
"Exit".
"""

from collections.abc import Iterable
from typing import Final, final

from common.certificates import Certificate
from common.frames import Notification
from common.identifiers import ClientId
from common.payloads import Assigned, ExitConfirmed, Holdings, Resumed
from common.refusal import Refusal, RefusedError
from provider.core.desk import GONE, LIFETIME_MS, Desk, Member
from provider.core.events import EdgeState, Effect, MemberState, Notice, Store
from provider.core.rosters import Rosters
from provider.core.tunnels import Tunnels

CLIENTS_MAX: Final = 200_000
"""The highest client identifier: two sets of so many members leave a FINAL room to start edges."""

_HELD: Final = (EdgeState.STANDING, EdgeState.STARTED)


@final
class Admission:
    """The part of the network machine that makes and ends members."""

    def __init__(self, desk: Desk, rosters: Rosters, tunnels: Tunnels) -> None:
        self._desk: Final = desk
        self._rosters: Final = rosters
        self._tunnels: Final = tunnels
        self._by_name: Final = {m.name: m for m in desk.members.values() if m.state is not MemberState.LEFT}
        self._by_key: Final = {member.public_key: member for member in self._by_name.values()}
        self._renewed_ms: dict[ClientId, int] = {}
        self._confirmed: set[tuple[ClientId, ClientId]] = set()
        self.was_asked = False
        """Whether anybody asked to come in since it was last set to False."""

    def named(self, name: str) -> Member | None:
        """The member of this name, unless it has left."""
        return self._by_name.get(name)

    # Registration

    def register(self, certificate: Certificate, draw_root: bytes, now_ms: int) -> list[Effect]:
        """Give a place to a gateway, or the same one again. Its certificate is good and of this region.

        Raises:
            RefusedError: NAME_TAKEN, when the name is registered with another key; WRONG_SUBJECT, when the key is
                registered with other draw values or under another name; UNEXPECTED, while it is leaving;
                NETWORK_FULL, when no identifier is left.
        """
        self.was_asked = True
        member = self._by_name.get(certificate.subject.name)
        if member is None:
            if certificate.public_key in self._by_key:
                raise RefusedError(Refusal.WRONG_SUBJECT)
            return self._welcome(self._new_member(certificate, draw_root), now_ms)
        if member.public_key != certificate.public_key:
            raise RefusedError(Refusal.NAME_TAKEN)
        if member.draw_root != draw_root:
            raise RefusedError(Refusal.WRONG_SUBJECT)
        if member.state in GONE:
            raise RefusedError(Refusal.UNEXPECTED)
        if member.certificate != certificate:
            return self._renew(member, certificate, now_ms)
        effects = self._assign(member, now_ms)
        if 0 <= now_ms - self._renewed_ms.get(member.client, -LIFETIME_MS) < LIFETIME_MS:
            return effects
        return effects + self._start_over(member, now_ms)

    def _renew(self, member: Member, certificate: Certificate, now_ms: int) -> list[Effect]:
        """A member shows another certificate of its key: its seeds stay, also when it had to say so several times."""
        member.certificate = certificate
        self._renewed_ms[member.client] = now_ms
        return [self._desk.save(member), *self._assign(member, now_ms)]

    def _start_over(self, member: Member, now_ms: int) -> list[Effect]:
        """A member that is known registers as it did before, so it has lost its seeds."""
        self._tunnels.wait_for(member.client, now_ms)
        if member.state is not MemberState.JOINING:
            return self._take_back(member, Holdings(()), now_ms)
        standing = [edge for edge in self._desk.graph.of(member.client) if edge.state is EdgeState.STANDING]
        return [effect for edge in standing for effect in self._desk.remove_edge(edge)]

    def _new_member(self, certificate: Certificate, draw_root: bytes) -> Member:
        client = ClientId(len(self._desk.members) + 1)
        if client > CLIENTS_MAX:
            raise RefusedError(Refusal.NETWORK_FULL)
        member = Member(client, certificate, draw_root, MemberState.JOINING)
        self._desk.members[client] = self._by_name[member.name] = self._by_key[member.public_key] = member
        return member

    def _welcome(self, member: Member, now_ms: int) -> list[Effect]:
        self._rosters.gather(now_ms)
        return [self._desk.save(member), *self._assign(member, now_ms)]

    def _assign(self, member: Member, now_ms: int) -> list[Effect]:
        member.hear(now_ms)
        return [self._desk.order(member, Notification.ASSIGNED, Assigned(member.public_key).encode(), now_ms)]

    # Coming back

    def resume(self, member: Member, held: Holdings, now_ms: int) -> list[Effect]:
        """A member is back with the seeds it holds: compare them with the key graph, and mend what differs.

        Raises:
            RefusedError: UNEXPECTED, when it has said that it leaves; BAD_DATA, when it is its own neighbor.
        """
        if member.state in GONE:
            raise RefusedError(Refusal.UNEXPECTED)
        if any(claimed.peer == member.client for claimed in held.edges):
            raise RefusedError(Refusal.BAD_DATA)
        self.was_asked = True
        return self._take_back(member, held, now_ms) + self._tunnels.serve(member.client, now_ms)

    def _take_back(self, member: Member, held: Holdings, now_ms: int) -> list[Effect]:
        """Compare what a member holds with the key graph, and let it be present."""
        desk = self._desk
        effects: list[Effect] = [*self._drop_lost(member, held), *self._hear_claims(member, held, now_ms)]
        if member.state is MemberState.AWAY:
            effects += desk.move(member, MemberState.PRESENT)
        started = tuple(edge.tunnel for edge in desk.graph.of(member.client) if edge.state is EdgeState.STARTED)
        effects.append(desk.order(member, Notification.RESUMED, Resumed(started).encode(), now_ms))
        return effects + self._tunnels.settle(member)

    def _drop_lost(self, member: Member, held: Holdings) -> list[Store]:
        """Drop the edges that a member has lost; its seeds with those neighbors must be renewed."""
        desk, effects = self._desk, list[Store]()
        kept = {edge.tunnel for edge in held.edges}
        for edge in desk.graph.of(member.client):
            if edge.tunnel in kept or edge.state not in _HELD:
                continue
            if edge.state is EdgeState.STARTED or member.state is MemberState.AWAY:
                effects += desk.remove_edge(edge)
                desk.dispute(member, desk.members[edge.other(member.client)])
        return effects

    def _hear_claims(self, member: Member, held: Holdings, now_ms: int) -> list[Effect]:
        """What a member holds and the key graph lacks: neighbors that left, and seeds of which nothing is known."""
        desk, effects = self._desk, list[Effect]()
        for claimed in held.edges:
            peer = desk.members.get(claimed.peer)
            if peer is None or desk.graph.get(claimed.tunnel) is not None:
                continue
            if peer.state is MemberState.LEFT:
                effects += [desk.forward(peer.exit_frame, member, now_ms)] if peer.exit_frame else []
            elif not desk.have_room(member.client, peer.client):
                continue
            elif claimed.is_started:
                desk.dispute(member, peer)
            elif not desk.graph.between(member.client, peer.client):
                effects += self._tunnels.renew(member, peer, now_ms)
        return effects

    # Leaving

    def leave(self, member: Member, raw: bytes, now_ms: int) -> list[Effect]:
        """Notification 3: the member is not expected any more; the rest follows when no open round expects it."""
        if member.state is MemberState.LEFT:
            return [self._confirm_exit(member, now_ms)]
        if member.exit_frame is not None:
            return []
        member.exit_frame, member.state = raw, MemberState.LEAVING
        return [self._desk.save(member)]

    def retire(self, now_ms: int) -> list[Effect]:
        """Let everybody leave whose certificate is revoked or has expired."""
        effects = list[Effect]()
        for member in self._desk.members.values():
            if member.state in GONE:
                continue
            end = self._desk.trust.end_of(member.certificate, now_ms)
            if end is not None:
                effects += self._desk.move(member, MemberState.LEAVING)
                effects.append(Notice(f"client {member.client} has to leave: {end.sentence}", is_warning=True))
        return effects

    def finish_exits(self, now_ms: int) -> list[Effect]:
        """Drop the edges of those who leave; tell those who said so, and their neighbors.

        Whose reading is in a sum that waits for shares stays until that is open or given up: its neighbors would erase
        the seeds that give the shares.
        """
        desk, effects = self._desk, list[Effect]()
        for member in desk.in_state(MemberState.LEAVING):
            if member.client in desk.pending and member.exit_frame is not None:
                continue
            edges = desk.graph.of(member.client)
            effects += desk.move(member, MemberState.LEFT)
            for edge in edges:
                effects += desk.remove_edge(edge)
            neighbors = dict.fromkeys(edge.other(member.client) for edge in edges)
            neighbors |= dict.fromkeys(sorted(member.unsettled | member.awaiting))
            effects += self._tell_neighbors(member, neighbors, now_ms)
            if member.exit_frame is not None:
                effects.append(self._confirm_exit(member, now_ms))
            effects.append(Notice(f"client {member.client} has left"))
            self._by_name.pop(member.name, None)
            self._by_key.pop(member.public_key, None)
            self._renewed_ms.pop(member.client, None)
            self._tunnels.forget(member.client)
        return effects

    def _tell_neighbors(self, leaver: Member, neighbors: Iterable[ClientId], now_ms: int) -> list[Effect]:
        """Forward the leaver's own word. Of a certificate that ended, the administrator's list and the clock tell."""
        effects = list[Effect]()
        for client in neighbors:
            self._desk.agree(client, leaver.client)
            if leaver.exit_frame is not None:
                effects.append(self._desk.forward(leaver.exit_frame, self._desk.members[client], now_ms))
        return effects

    def _confirm_exit(self, leaver: Member, now_ms: int) -> Effect:
        return self._desk.order(leaver, Notification.EXIT_CONFIRMED, ExitConfirmed(leaver.client).encode(), now_ms)

    def erased(self, member: Member, leaver: ClientId) -> list[Effect]:
        """A neighbor of a leaver has no seed of it any more; that is told once, however often it is said.

        Raises:
            RefusedError: UNEXPECTED, when that one has not left; REPEATED.
        """
        gone = self._desk.members.get(leaver)
        if gone is None or gone.state is not MemberState.LEFT:
            raise RefusedError(Refusal.UNEXPECTED)
        if (member.client, leaver) in self._confirmed:
            raise RefusedError(Refusal.REPEATED)
        self._confirmed.add((member.client, leaver))
        return [Notice(f"client {member.client} has erased the seed of client {leaver}")]
