"""Who becomes whose neighbor, as the provider sees it, and the proof that nobody chose it.

It collects every ROSTER, DRAWN, TUNNEL_OPEN and TUNNEL that reaches the broker. Where a slot fell it is told by the
gateway that drew, as the observer is told what frames are made of; from the draw values, which only the simulation
has, it computes each draw again. Source: docs/protocol.md, "Draw", "Roster", "Key agreement".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, final

from common.agreement import CONFIRM
from common.draws import DrawValues, counter_limit
from common.frames import Frame, Notification, decode
from common.identifiers import ClientId, NetworkId, TunnelId
from common.refusal import RefusedError
from common.roster import Roster, RosterRoot
from common.tunnels import Drawn, Kind, Role, TunnelMessage, TunnelOpen
from launcher.simulation.oracle import MemberKey
from launcher.simulation.trace import ViolationError
from launcher.simulation.uniformity import Spread
from smgw.core.events import Slot

REPLACEMENTS_SHARE: Final = 4
"""A gateway gives up at most its slots divided by this, rounded down, without evidence that they ended."""

_WATCHED: Final = frozenset({Notification.DRAWN, Notification.TUNNEL_OPEN, Notification.TUNNEL})


@dataclass(slots=True)
class _Drawer:
    """What one gateway has drawn, as its vault knows it; `ever` is what it drew whatever became of the vault."""

    values: DrawValues
    draws: int
    certificates: int = 1
    falls: list[Slot] = field(default_factory=list)
    ever: set[tuple[RosterRoot, ClientId]] = field(default_factory=set)
    opened: dict[int, bytes] = field(default_factory=dict)


@final
class Drawings:
    """Watches the draws of one run. Everything else raises ViolationError when something was not drawn."""

    def __init__(self, is_gone: Callable[[MemberKey], bool]) -> None:
        """`is_gone` tells whether a member has said EXIT, or holds no valid certificate any more."""
        self._is_gone = is_gone
        self._made: dict[bytes, Frame] = {}
        self._drawers: dict[MemberKey, _Drawer] = {}
        self._orders: dict[tuple[NetworkId, TunnelId], dict[ClientId, TunnelOpen]] = {}
        self._pairs: set[tuple[NetworkId, frozenset[ClientId]]] = set()
        self.rosters: dict[tuple[NetworkId, RosterRoot], Roster] = {}
        """The rosters that the provider has signed."""
        self.asked: dict[MemberKey, set[tuple[int, ClientId]]] = {}
        """Whom each member has asked for in DRAWN, with the epoch."""
        self.handshakes: dict[tuple[NetworkId, TunnelId], set[int]] = {}
        """The steps of handshakes that passed."""
        self.by_place, self.by_distance = Spread(), Spread()
        """Draws by the rank of who was drawn, counted from client 1 and counted from who drew."""

    # What passes the broker

    def made(self, payload: bytes) -> None:
        """Somebody has made this frame; whatever else arrives is damaged or forged."""
        frame = decode(payload).frame
        if frame.notification is Notification.ROSTER:
            roster = Roster.decode(frame.data)
            self.rosters[frame.network, roster.at] = roster
        elif frame.notification in _WATCHED:
            self._made[payload] = frame

    def arrived(self, payload: bytes) -> None:
        """A message has reached the broker."""
        frame = self._made.get(payload)
        if frame is None:
            return
        try:
            self._take(frame)
        except RefusedError:
            return

    def _take(self, frame: Frame) -> None:
        network = frame.network
        match frame.notification:
            case Notification.DRAWN:
                wanted = {(member.epoch, member.client) for member in Drawn.decode(frame.data).members}
                self.asked.setdefault((network, frame.client), set()).update(wanted)
            case Notification.TUNNEL_OPEN:
                order = TunnelOpen.decode(frame.data)
                self._orders.setdefault((network, order.tunnel), {})[frame.client] = order
            case Notification.TUNNEL:
                message = TunnelMessage.decode(frame.data)
                self.handshakes.setdefault((network, message.tunnel), set()).add(message.step)
                if message.step == CONFIRM:
                    self._open(network, frame.client, message.tunnel)
            case _:
                pass

    def _open(self, network: NetworkId, client: ClientId, tunnel: TunnelId) -> None:
        """Message 3 shows the draw value to who was drawn; from then on it must never be used with another root."""
        order = self._orders.get((network, tunnel), {}).get(client)
        drawer = self._drawers.get((network, client))
        if order is None or drawer is None or order.kind is not Kind.DRAW:
            return
        shown = (order.peer.leaf.client, order.peer.at)
        for slot in drawer.falls:
            if (slot.client, slot.at) == shown:
                self._note_opened(drawer, slot, f"client {client}")

    def _note_opened(self, drawer: _Drawer, slot: Slot, who: str) -> None:
        if drawer.opened.setdefault(slot.number, slot.at.root) != slot.at.root:
            raise ViolationError(f"{who} has opened slot {slot.number} against two rosters")

    # What a gateway has drawn

    def begin(self, member: MemberKey, values: DrawValues, draws: int) -> None:
        """A gateway has become a member, perhaps once more; what it opened before stays opened.

        Args:
            member: Who it is.
            values: Its draw values.
            draws: How many slots its network's rules ask for.
        """
        if member not in self._drawers:
            opened = next((other.opened for other in self._drawers.values() if other.values is values), {})
            self._drawers[member] = _Drawer(values, draws, opened=opened)

    def renewed(self, member: MemberKey) -> None:
        """A gateway has another certificate, which comes with replacements of its own."""
        if drawer := self._drawers.get(member):
            drawer.certificates += 1

    def forget(self, member: MemberKey, slots: Iterable[Slot]) -> None:
        """A gateway's vault was lost, or is an older one that knows only these slots: it cannot know the others."""
        if drawer := self._drawers.get(member):
            drawer.falls = list(slots)
            drawer.opened.clear()
            drawer.opened.update({slot.number: slot.at.root for slot in drawer.falls if slot.is_opened})

    def drew(self, member: MemberKey, slot: Slot) -> None:
        """A gateway has stored where a slot fell, or that its value was shown.

        Raises:
            ViolationError: it did not fall there, or not by the rules.
        """
        drawer, (network, client) = self._drawers[member], member
        where = f"client {client} drew client {slot.client} with slot {slot.number}"
        if slot.is_opened:
            self._note_opened(drawer, slot, f"client {client}")
        if not slot.client or any(_is_same(slot, other) for other in drawer.falls):
            return
        if (network, slot.at) not in self.rosters:
            raise ViolationError(f"{where} against a roster that the provider never signed")
        if drawer.opened.get(slot.number) is not None:
            raise ViolationError(f"{where}, whose value was opened before")
        self._require_first(member, slot, where)
        self._require_budget(drawer, slot, member, where)
        self._count(member, slot)
        drawer.falls.append(slot)
        drawer.ever.add((slot.at, slot.client))

    def _require_first(self, member: MemberKey, slot: Slot, where: str) -> None:
        """See that the draw value names this leaf, and none before it that could have been taken."""
        drawer, (network, client) = self._drawers[member], member
        at, values = slot.at, drawer.values
        named = [ClientId(values.drawn(slot.number, c, at.root, at.leaves) + 1) for c in range(slot.counter + 1)]
        if named.pop() != slot.client:
            raise ViolationError(f"{where}, but the draw value names another")
        if slot.client == client or slot.counter > counter_limit(at.leaves, at.live, at.slots(drawer.draws)):
            raise ViolationError(f"{where} with counter {slot.counter}")
        taken = {other.client for other in drawer.falls} | {client}
        passed = [other for other in named if other not in taken and not self._is_gone((network, other))]
        if passed:
            raise ViolationError(f"{where}, and passed over {passed} without a reason")

    def _require_budget(self, drawer: _Drawer, slot: Slot, member: MemberKey, where: str) -> None:
        """A fresh value needs a reason: the first draw, a roster twice as large, a slot that ended, or the budget."""
        last = {(other.number, other.at.root): other for other in drawer.falls}
        if (slot.number, slot.at.root) in last:
            return
        smallest = min((other.at.leaves for other in drawer.falls), default=slot.at.leaves)
        whole_draws = (slot.at.leaves // smallest).bit_length()
        slots = max(other.at.slots(drawer.draws) for other in (*drawer.falls, slot))
        ended = sum(self._is_gone((member[0], other.client)) for other in last.values())
        most = whole_draws * slots + ended + drawer.certificates * (slots // REPLACEMENTS_SHARE)
        if len(last) >= most:
            raise ViolationError(f"{where}, its draw number {len(last) + 1} where {most} are allowed")

    def _count(self, member: MemberKey, slot: Slot) -> None:
        """File a draw among all to whom it could have fallen. Whoever was drawn before may be among them or not."""
        network, client = member
        before = {other.client for other in self._drawers[member].falls} | {client}
        everybody = (ClientId(number) for number in range(1, slot.at.leaves + 1))
        among = [other for other in everybody if other not in before and not self._is_gone((network, other))]
        if slot.client in among:
            self.by_place.add(among.index(slot.client), len(among))
            after = sorted(among, key=lambda other: (other < client, other))
            self.by_distance.add(after.index(slot.client), len(after))

    # What stands

    def stands(self, member: MemberKey, tunnel: TunnelId, peer: ClientId) -> None:
        """A gateway holds the seed of this tunnel with `peer`.

        Raises:
            ViolationError: nothing entitles the two to it.
        """
        network, client = member
        pair = (network, frozenset({client, peer}))
        where = f"client {client} has a seed with client {peer} in tunnel {tunnel:016x}"
        order = self._orders.get((network, tunnel), {}).get(client)
        if order is None or order.peer.leaf.client != peer:
            raise ViolationError(f"{where}, which the provider did not open for it")
        self._require_leaf(network, client, order, where)
        match order.kind:
            case Kind.MESH if not order.peer.at.is_mesh:
                raise ViolationError(f"{where} of the mesh, in a roster of {order.peer.at.leaves} leaves")
            case Kind.DRAW:
                self._require_drawn(member, order, where)
            case Kind.RENEWAL if pair not in self._pairs:
                raise ViolationError(f"{where} to renew what never was")
            case _:
                pass
        self._pairs.add(pair)

    def _require_leaf(self, network: NetworkId, client: ClientId, order: TunnelOpen, where: str) -> None:
        at = order.peer.at
        if (network, at) not in self.rosters:
            raise ViolationError(f"{where}, by a roster that the provider never announced")
        try:
            order.peer.require()
        except RefusedError as error:
            raise ViolationError(f"{where}, who is not in the roster") from error
        if client > at.leaves:
            raise ViolationError(f"{where}, by a roster in which it is not itself")

    def _require_drawn(self, member: MemberKey, order: TunnelOpen, where: str) -> None:
        network, client = member
        peer, at = order.peer.leaf.client, order.peer.at
        initiator, responder = (client, peer) if order.role is Role.INITIATOR else (peer, client)
        drawer = self._drawers.get((network, initiator))
        if drawer is None or (at, responder) not in drawer.ever:
            raise ViolationError(f"{where}, but client {initiator} never drew client {responder} at epoch {at.epoch}")
        if (at.epoch, responder) not in self.asked.get((network, initiator), set()):
            raise ViolationError(f"{where}, but client {initiator} never asked for client {responder}")


def _is_same(slot: Slot, other: Slot) -> bool:
    """Whether the two tell of one draw; one of them may add that the value was shown since."""
    return (slot.number, slot.counter, slot.at, slot.client) == (other.number, other.counter, other.at, other.client)
