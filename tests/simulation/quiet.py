"""Runs in which nothing goes wrong but what a test lets happen."""

from collections.abc import Callable
from dataclasses import replace

from launcher.simulation.lies import Lie
from launcher.simulation.scenario import MessageFaults, Request, RoundFaults, Scenario, draw
from launcher.simulation.world import World


def quiet(
    seed: int,
    lie: Lie | None = None,
    *,
    gateways: int | None = None,
    rounds: int | None = None,
    networks: int | None = None,
    suite: str | None = None,
) -> Scenario:
    """A run without faults; the provider lies if a lie is given. The seed draws what is not given."""
    scenario = draw(Request(seed, gateways, rounds, None, networks, lie=lie, suite=suite))
    colluding = scenario.colluding if lie else 0
    quiet_ = replace(scenario, lie=lie, colluding=colluding, lapse=0.0)
    return replace(quiet_, messages=MessageFaults(), each_round=RoundFaults())


def at_round(world: World, number: int, action: Callable[[], None]) -> None:
    """Let something happen in the middle of a round, counted from the beginning of the run."""
    period_ms = world.scenario.parameters.schedule.period_ms
    world.timeline.at(world.scenario.start_ms + number * period_ms + period_ms // 2, action)
