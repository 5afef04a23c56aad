"""Defects planted into the cores: the observer and the oracle find each of them, so they would find it elsewhere."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from common.clients import ClientSet
from common.identifiers import ClientId
from common.payloads import NO_VIEW
from common.refusal import RefusedError
from common.roster import RosterRoot
from common.suites import Cover, Hardened
from common.superposition import ZERO
from common.tunnels import MemberProof, TunnelOpen
from launcher.simulation.gateway import Gateway
from launcher.simulation.lies import Lie
from launcher.simulation.releases import Releases
from launcher.simulation.trace import ViolationError
from launcher.simulation.world import World
from smgw.core import draws
from smgw.core.draws import Draws
from smgw.core.events import Edge, Effect, Sent, Slot, SlotEnded, Store
from smgw.core.openings import Openings
from smgw.core.proofs import Proofs
from smgw.core.quorum import Quorum
from smgw.core.releasing import Releasing
from smgw.core.reporting import Reporting
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
    assert "are allowed" in outcome(World(quiet(4, Lie.CUT_OFF, gateways=50, rounds=10, suite="basic")))


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


def test_a_gateway_that_sends_with_too_few_proven_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Quorum, "is_met", lambda *_: True)
    assert "genuine of those it drew" in outcome(World(quiet(2, Lie.SURROUNDING, gateways=18, suite="basic")))


def test_a_gateway_that_enters_tunnels_of_unknown_rosters_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(self: Openings, order: TunnelOpen, _now_ms: int) -> None:
        order.peer.require()

    monkeypatch.setattr(Openings, "require", careless)
    found = outcome(World(quiet(5, Lie.OTHER_LEAF)))
    assert "by a roster that the provider never announced" in found or "does not know" in found


# Suite hardened


def give_both_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares for whoever is included, although the mask toward them may be off the last frame."""

    def both(self: Releasing, sent: Sent, included: ClientSet, day: int) -> dict[ClientId, Edge]:
        edges = (edge for edge in self._situation.edges.values() if edge.is_started and edge.seed.day <= day)
        near = {edge.peer: edge for edge in edges if edge.holds and edge.peer in included}
        return {peer: near[peer] for peer in sent.neighbors if peer in near}

    monkeypatch.setattr(Releasing, "_opened", both)


def let_few_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third of the holders is enough."""
    monkeypatch.setattr(Hardened, "needed", lambda _, drawn: max(1, drawn // 3))


def look_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the oracle overlook both, so that only the observer is left to find what comes of it."""
    monkeypatch.setattr("launcher.simulation.covers.needed", lambda _: 0)
    monkeypatch.setattr(Releases, "_check_owners", lambda *_: None)
    monkeypatch.setattr(Releases, "_require_one_kind", lambda *_: None)


def singled_out(seed: int) -> World:
    """A network in which some shall take their mask toward a member off, and others open its self-mask."""
    return World(quiet(seed, Lie.NAMED_AND_INCLUDED, rounds=10, suite="hardened"))


def test_a_gateway_that_gives_both_kinds_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    give_both_kinds(monkeypatch)
    assert "not masked toward" in outcome(singled_out(7))


def test_a_threshold_that_is_too_low_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    let_few_open(monkeypatch)
    assert "drawn open its self-mask" in outcome(singled_out(2))


@pytest.mark.parametrize("plant", [give_both_kinds, let_few_open])
def test_the_observer_finds_the_reading_that_either_of_both_exposes(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    look_away(monkeypatch)
    plant(monkeypatch)
    assert re.search(r"exposes \[\[\d+\]\] in suite hardened", outcome(singled_out(7)))


def test_a_gateway_without_a_floor_at_corrections_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reporting, "_is_covered_by", lambda *_: True)
    assert "holders, not" in outcome(singled_out(4))


def test_masks_that_do_not_depend_on_the_view_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    pads = Hardened.pads
    monkeypatch.setattr(Hardened, "pads", lambda self, seeds, at: pads(self, seeds, replace(at, view=NO_VIEW)))
    found = outcome(singled_out(1))
    assert "tells other corrections than its shares give" in found or "sends other masks" in found


def test_a_self_mask_that_is_forgotten_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    cover = Hardened.cover
    monkeypatch.setattr(Hardened, "cover", lambda *given: Cover(ZERO, cover(*given).told))
    assert "sends other masks" in outcome(singled_out(1))


def test_a_share_that_is_given_before_the_round_is_closed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the vault holds decides, so it must hold it first."""
    publish = Gateway._perform

    def hasty(self: Gateway, effects: Sequence[Effect]) -> None:
        publish(self, sorted(effects, key=lambda effect: isinstance(effect, Store)))

    monkeypatch.setattr(Gateway, "_perform", hasty)
    found = outcome(singled_out(1))
    assert "before its vault says" in found or "not stored" in found
