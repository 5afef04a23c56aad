"""Defects planted into the cores: the observer and the oracle find each of them, so they would find it elsewhere."""

import pytest

from common.identifiers import ClientId
from common.refusal import RefusedError
from common.roster import RosterRoot
from common.tunnels import MemberProof, TunnelOpen
from launcher.simulation.lies import Lie
from launcher.simulation.trace import ViolationError
from launcher.simulation.world import World
from smgw.core import draws
from smgw.core.draws import Draws
from smgw.core.events import Effect, Slot, SlotEnded, Store
from smgw.core.openings import Openings
from smgw.core.proofs import Proofs
from smgw.core.quorum import DrawnMasks
from smgw.core.trust import Trust
from smgw.core.wants import Wants
from tests.simulation.quiet import at_round, quiet


def outcome(world: World) -> str:
    """What the simulation finds fault with."""
    with pytest.raises(ViolationError) as caught:
        world.run()
    return str(caught.value)


def test_a_gateway_that_prefers_a_neighbor_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    fall = Draws._fall

    def prefer(self: Draws, number: int, at: RosterRoot, counter: int, whole_leaves: int) -> list[Effect]:
        effects = fall(self, number, at, counter, whole_leaves)
        slot = self._situation.slots[number]
        if all(other.client != 1 for other in self._situation.slots.values()) and self._situation.client != 1:
            slot = self._situation.slots[number] = Slot(number, at, slot.counter, ClientId(1), whole_leaves)
        return [Store(slot), *effects[1:]]

    monkeypatch.setattr(Draws, "_fall", prefer)
    assert "but the draw value names another" in outcome(World(quiet(2, gateways=30)))


def test_a_slot_that_is_drawn_again_after_it_was_opened_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def again(self: Draws, slot: Slot) -> list[Effect]:
        roster = self._situation.roster
        assert roster is not None
        return [Store(SlotEnded(slot.number)), *self._fall(slot.number, roster.at, 0, slot.whole_leaves)]

    monkeypatch.setattr(Draws, "_replace", again)
    world = World(quiet(2, gateways=30, rounds=12))
    for number in range(10):
        at_round(world, 5, lambda number=number: world.gateways[number].leave())  # type: ignore[misc]
    assert "whose value was opened before" in outcome(world)


def test_a_gateway_that_replaces_as_many_as_it_likes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "BUDGET_PART", 1)
    monkeypatch.setattr(draws, "SILENT_FINALS", 1)
    assert "are allowed" in outcome(World(quiet(3, Lie.CUT_OFF)))


def test_gateways_that_take_the_neighbors_that_they_are_given_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes three defects: who asked, whose slot it was, and to whom it fell is each looked at by itself."""

    def open_any(self: Draws, _peer: MemberProof) -> tuple[bytes, list[Effect]]:
        return self._situation.rules.values.open(0, 0).encode(), []

    monkeypatch.setattr(Wants, "require", lambda *_: None)
    monkeypatch.setattr(Draws, "open", open_any)
    monkeypatch.setattr(Proofs, "_require_drawn", lambda *_: None)
    found = outcome(World(quiet(4, Lie.CHOICE, gateways=28)))
    assert "never drew client" in found or "never asked for client" in found


def test_a_gateway_that_sees_no_certificates_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Trust.require_introduced

    def credulous(self: Trust, *arguments: object) -> object:
        try:
            return honest(self, *arguments)  # type: ignore[arg-type]
        except RefusedError:
            return self.own

    monkeypatch.setattr(Trust, "require_introduced", credulous)
    assert "that the administrator does not know" in outcome(World(quiet(1, Lie.SURROUNDING)))


def test_a_gateway_that_sends_with_fewer_than_half_proven_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DrawnMasks, "are_enough", lambda *_: True)
    assert "genuine of those it drew" in outcome(World(quiet(2, Lie.SURROUNDING, gateways=18)))


def test_a_gateway_that_enters_tunnels_of_unknown_rosters_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(self: Openings, order: TunnelOpen, _now_ms: int) -> None:
        order.peer.require()

    monkeypatch.setattr(Openings, "require", careless)
    found = outcome(World(quiet(5, Lie.OTHER_LEAF)))
    assert "by a roster that the provider never announced" in found or "does not know" in found
