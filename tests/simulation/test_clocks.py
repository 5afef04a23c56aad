"""A gateway whose clock is off by more than the tolerance sends nothing, writes it down, and comes back."""

import pytest

from common.frames import Notification, decode
from common.refusal import Refusal
from launcher.simulation.gateway import Gateway
from launcher.simulation.world import World
from smgw.core.events import Outcome
from tests.simulation.quiet import at_round, quiet

WRONG, RIGHT, END = 6, 10, 14
"""The rounds in which the clock is set wrong and right again, and how many there are."""


class Watched:
    """A run in which one gateway's clock is set wrong for some rounds."""

    def __init__(self, seed: int, by_ms: int) -> None:
        self.world = World(quiet(seed, gateways=6, rounds=END))
        self.sent: list[int] = []
        self._victim: Gateway | None = None
        at_round(self.world, WRONG, lambda: self.victim.step_clock(by_ms))
        at_round(self.world, RIGHT, lambda: self.victim.step_clock(-by_ms))
        watch = self.world.site.oracle.publishes

        def publishes(name: str, payload: bytes) -> None:
            watch(name, payload)
            if name == self.victim.name and decode(payload).frame.notification is Notification.SUPERPOSITION:
                self.sent.append(self.round)

        self.world.site.oracle.publishes = publishes  # type: ignore[method-assign]

    @property
    def victim(self) -> Gateway:
        return self.world.gateways[0]

    @property
    def round(self) -> int:
        schedule = self.world.scenario.parameters.schedule
        return (self.world.timeline.now - self.world.scenario.start_ms) // schedule.period_ms


@pytest.mark.parametrize("direction", [-1, 1])
@pytest.mark.parametrize("seed", [1, 4])
def test_a_wrong_clock_stops_the_readings_until_it_is_right(seed: int, direction: int) -> None:
    tolerance_ms = quiet(seed, gateways=6).parameters.schedule.future_ms
    watched = Watched(seed, direction * (tolerance_ms + 2_000))
    watched.world.run()
    assert [number for number in watched.sent if number < WRONG]
    assert not [number for number in watched.sent if WRONG + 1 < number < RIGHT]
    assert [number for number in watched.sent if number > RIGHT + 1]
    entries = watched.victim.vault.calibrations
    assert [entry.outcome for entry in entries if "signed time" in entry.text] == [Outcome.FAILURE, Outcome.SUCCESS]
    assert any("was set" in entry.text for entry in entries)
    assert any("nothing is sent" in notice for notice in watched.victim.notices)
    assert watched.victim.refusals[Refusal.CLOCK_WRONG] > 0


@pytest.mark.parametrize("direction", [-1, 1])
def test_a_clock_within_the_tolerance_stops_nothing(direction: int) -> None:
    tolerance_ms = quiet(4, gateways=6).parameters.schedule.future_ms
    watched = Watched(4, direction * (tolerance_ms - 200))
    watched.world.run()
    assert len([number for number in watched.sent if WRONG + 1 < number < RIGHT]) >= RIGHT - WRONG - 2
    assert not watched.victim.vault.calibrations
