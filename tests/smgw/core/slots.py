"""A gateway that has drawn its neighbors in a network of thirty."""

from typing import Final

from common.identifiers import ClientId
from common.roster import Roster
from smgw.core.events import Connected, Effect, Membership, Notice, Slot, VaultContents
from tests.smgw.core.builders import SELF, START, Bench, shown
from tests.smgw.core.rosters import NETWORK, PARAMETERS, root, roster_of

THIRTY: Final = roster_of(root(30))
DRAWS: Final = PARAMETERS.draws


def slots(bench: Bench) -> dict[int, Slot]:
    return {slot.number: slot for slot in bench.kept.slots}


def clients(bench: Bench) -> list[ClientId]:
    return sorted(slot.client for slot in bench.kept.slots)


def notices(effects: list[Effect]) -> list[Notice]:
    return [effect for effect in effects if isinstance(effect, Notice)]


def drawn_in(roster: Roster = THIRTY) -> tuple[Bench, list[Effect]]:
    """A new member that gets this roster, and what it does about it."""
    bench = Bench(VaultContents(Membership(NETWORK, SELF)), now_ms=START)
    return bench, bench.handle(Connected(), *shown(roster))
