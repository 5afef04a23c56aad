"""What the observer holds of draws: honest ones pass, and each planted defect is found."""

import random
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from common import draws
from common.agreement import CONFIRM
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, ClientId, NetworkId, RoundNumber, TunnelId
from common.merkle import Tree
from common.parameters import Parameters
from common.roster import NO_PREDECESSOR, Leaf, Roster, RosterRoot
from common.schedule import Schedule
from common.signing import Direction
from common.suites import BASIC
from common.tunnels import Drawn, DrawnMember, Kind, MemberProof, Role, TunnelMessage, TunnelOpen
from launcher.simulation import credentials
from launcher.simulation.drawings import Drawings
from launcher.simulation.oracle import MemberKey
from launcher.simulation.trace import ViolationError
from smgw.core.events import Slot

NETWORK = NetworkId(1)
DRAWS = 6
RULES = Parameters(BASIC.code, "north", Schedule(10_000, 2_000, 1_000, 1_000, 3), draws=DRAWS)


class Field:
    """A network of so many leaves, of which epoch after epoch is announced, and the observer of its draws."""

    def __init__(self, leaves: int) -> None:
        self.gone: set[MemberKey] = set()
        self.drawings = Drawings(lambda member: member in self.gone)
        self.parties = [credentials.gateway("north", number) for number in range(leaves)]
        self.leaves = [
            Leaf(ClientId(index + 1), party.identity.public_key, party.values.root, 1)
            for index, party in enumerate(self.parties)
        ]
        self.tree = Tree(leaf.encode() for leaf in self.leaves)
        for index, party in enumerate(self.parties):
            self.drawings.begin((NETWORK, ClientId(index + 1)), party.values, DRAWS)

    def announce(self, epoch: int, leaves: int | None = None) -> RosterRoot:
        count = len(self.leaves) if leaves is None else leaves
        at = RosterRoot(epoch, count, count, self.tree.root(count))
        listed = tuple(self.leaves[:count]) if at.is_mesh else ()
        roster = Roster(at, RoundNumber(1), NO_PREDECESSOR, RULES, (), listed)
        self.say(EVERYONE, Notification.ROSTER, roster.encode(), credentials.provider().identity.public_key)
        return at

    def say(self, client: ClientId, notification: Notification, data: bytes, _key: bytes = b"") -> None:
        """Let a frame be made and reach the broker; nobody checks signatures here."""
        frame = Frame(NETWORK, client, 1, notification, data)
        payload = frame.signed(credentials.provider().identity, Direction.DOWN)
        self.drawings.made(payload)
        self.drawings.arrived(payload)

    def draw(self, client: int, number: int, at: RosterRoot, passing: frozenset[int] = frozenset()) -> Slot:
        """An honest draw that passes over the client itself and over `passing`."""
        values = self.parties[client - 1].values
        counter = 0
        while (drawn := values.drawn(number, counter, at.root, at.leaves) + 1) in passing | {client}:
            counter += 1
        return Slot(number, at, counter, ClientId(drawn), at.leaves)

    def draw_all(self, client: int, at: RosterRoot, numbers: Iterator[int]) -> list[Slot]:
        slots: list[Slot] = []
        for _ in range(DRAWS):
            slot = self.draw(client, next(numbers), at, frozenset(slot.client for slot in slots))
            self.drawings.drew((NETWORK, ClientId(client)), slot)
            slots.append(slot)
        return slots

    def open_tunnel(self, slot: Slot, client: int, tunnel: int, kind: Kind = Kind.DRAW) -> None:
        """Open a tunnel between a gateway and whom it drew, in which message 3 passes."""
        for own, peer, role in ((client, slot.client, Role.INITIATOR), (slot.client, client, Role.RESPONDER)):
            proof = MemberProof(slot.at, self.leaves[peer - 1], self.tree.path(peer - 1, slot.at.leaves))
            order = TunnelOpen(TunnelId(tunnel), role, kind, 1, proof)
            self.say(ClientId(own), Notification.TUNNEL_OPEN, order.encode())
        confirm = TunnelMessage(TunnelId(tunnel), CONFIRM, b"sealed")
        self.say(ClientId(client), Notification.TUNNEL, confirm.encode())

    def ask(self, slot: Slot, client: int) -> None:
        data = Drawn((DrawnMember(slot.at.epoch, slot.client),)).encode()
        self.say(ClientId(client), Notification.DRAWN, data)


def member(client: int) -> MemberKey:
    return NETWORK, ClientId(client)


def violation(text: str) -> "pytest.RaisesExc[ViolationError]":
    return pytest.raises(ViolationError, match=re.escape(text))


def test_an_honest_draw_tunnel_and_edge_pass() -> None:
    field = Field(30)
    slot = field.draw_all(7, field.announce(1), iter(range(900, 1_000)))[0]
    field.ask(slot, 7)
    field.open_tunnel(slot, 7, 99)
    field.drawings.stands(member(7), TunnelId(99), slot.client)
    field.drawings.stands((NETWORK, slot.client), TunnelId(99), ClientId(7))
    assert field.drawings.by_place.draws == DRAWS
    assert field.drawings.handshakes[NETWORK, TunnelId(99)] == {CONFIRM}


def test_a_gateway_that_prefers_a_neighbor_is_found_at_once() -> None:
    field = Field(30)
    slot = field.draw(7, 5, field.announce(1))
    with violation("but the draw value names another"):
        field.drawings.drew(member(7), replace(slot, client=ClientId(slot.client % 30 + 1)))
    with violation("without a reason"):
        field.drawings.drew(member(7), field.draw(7, 5, slot.at, frozenset({slot.client})))
    field.gone.add((NETWORK, slot.client))
    field.drawings.drew(member(7), field.draw(7, 5, slot.at, frozenset({slot.client})))


def test_a_slot_that_was_opened_is_never_opened_or_drawn_against_another_root() -> None:
    field = Field(40)
    before, after = field.announce(1, 30), field.announce(2)
    slot = field.draw(7, 5, before)
    field.drawings.drew(member(7), slot)
    field.open_tunnel(slot, 7, 99)
    again = field.draw(7, 5, after)
    with violation("whose value was opened before"):
        field.drawings.drew(member(7), again)
    with violation("against two rosters"):
        field.drawings.drew(member(7), replace(again, is_opened=True))


def test_a_vault_that_was_lost_knows_of_no_slot_that_was_opened() -> None:
    field = Field(40)
    before, after = field.announce(1, 30), field.announce(2)
    slot = field.draw(7, 5, before)
    field.drawings.drew(member(7), slot)
    field.open_tunnel(slot, 7, 99)
    field.drawings.forget(member(7), ())
    field.drawings.drew(member(7), field.draw(7, 5, after))
    field.ask(slot, 7)
    field.drawings.stands((NETWORK, slot.client), TunnelId(99), ClientId(7))
    assert field.drawings.by_place.draws == 2


def test_a_draw_needs_a_roster_that_was_announced() -> None:
    field = Field(30)
    at = field.announce(1)
    with violation("against a roster that the provider never signed"):
        field.drawings.drew(member(7), field.draw(7, 5, replace(at, root=bytes(32))))


def test_more_replacements_than_the_budget_are_found() -> None:
    field = Field(30)
    at, numbers = field.announce(1), iter(range(900, 1_000))
    drawn = frozenset(slot.client for slot in field.draw_all(7, at, numbers))
    first = field.draw(7, next(numbers), at, drawn)
    field.drawings.drew(member(7), first)
    second = field.draw(7, next(numbers), at, drawn | {first.client})
    with violation("its draw number 8 where 7 are allowed"):
        field.drawings.drew(member(7), second)
    field.gone.add((NETWORK, min(drawn)))
    field.drawings.drew(member(7), second)
    third = field.draw(7, next(numbers), at, drawn | {first.client, second.client})
    with violation("its draw number 9 where 8 are allowed"):
        field.drawings.drew(member(7), third)
    field.drawings.renewed(member(7))
    field.drawings.drew(member(7), third)


def test_a_roster_twice_as_large_allows_a_whole_draw() -> None:
    field = Field(60)
    numbers = iter(range(900, 1_000))
    field.draw_all(7, field.announce(1, 30), numbers)
    assert len(field.draw_all(7, field.announce(2), numbers)) == DRAWS


@pytest.mark.parametrize("leaves", [20, 30])
def test_the_mesh_ends_with_25_leaves(leaves: int) -> None:
    field = Field(leaves)
    slot = Slot(0, field.announce(1), 0, ClientId(3), leaves)
    field.open_tunnel(slot, 7, 99, Kind.MESH)
    if leaves <= 25:
        field.drawings.stands(member(7), TunnelId(99), ClientId(3))
        return
    with violation("of the mesh, in a roster of 30 leaves"):
        field.drawings.stands(member(7), TunnelId(99), ClientId(3))


def test_an_edge_that_nobody_drew_is_found() -> None:
    field = Field(30)
    at = field.announce(1)
    with violation("which the provider did not open for it"):
        field.drawings.stands(member(7), TunnelId(99), ClientId(3))
    chosen = Slot(0, at, 0, ClientId(3), 30)
    field.open_tunnel(chosen, 7, 99)
    with violation("never drew client 3"):
        field.drawings.stands(member(7), TunnelId(99), ClientId(3))
    slot = field.draw(7, 5, at)
    field.drawings.drew(member(7), slot)
    field.open_tunnel(slot, 7, 98)
    with violation("never asked for"):
        field.drawings.stands(member(7), TunnelId(98), slot.client)
    field.open_tunnel(chosen, 7, 97, Kind.RENEWAL)
    with violation("to renew what never was"):
        field.drawings.stands(member(7), TunnelId(97), ClientId(3))


def test_honest_draws_are_uniform_by_place_and_by_distance() -> None:
    drawings = _draw_everywhere()
    assert drawings.by_place.draws > 1_500
    assert drawings.by_place.p_value > 0.001
    assert drawings.by_distance.p_value > 0.001


def test_a_favorite_of_everybody_shows_in_the_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defect sits where the observer computes draws too, so only the statistics can find it."""
    honest = draws.drawn_leaf

    def biased(value: bytes, counter: int, roster_root: bytes, leaves: int) -> int:
        return 0 if value[0] < 20 and not counter else honest(value, counter, roster_root, leaves)

    monkeypatch.setattr(draws, "drawn_leaf", biased)
    assert _draw_everywhere().by_place.p_value < 1e-6


def _draw_everywhere() -> Drawings:
    field, rng = Field(48), random.Random(3)
    for epoch, leaves in enumerate(range(42, 49), start=1):
        at = field.announce(epoch, leaves)
        for client in range(1, leaves + 1):
            field.drawings.forget(member(client), ())
            field.draw_all(client, at, iter(rng.sample(range(1_024), DRAWS)))
    return field.drawings
