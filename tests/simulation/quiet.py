"""Runs in which nothing goes wrong but what a test lets happen."""

from collections.abc import Callable
from dataclasses import replace

from launcher.simulation.lies import Lie
from launcher.simulation.scenario import MessageFaults, Request, RoundFaults, Scenario, draw
from launcher.simulation.world import World


def quiet(seed: int, lie: Lie | None = None, gateways: int | None = None, rounds: int | None = None) -> Scenario:
    """A run without faults; the provider lies if a lie is given."""
    scenario = draw(Request(seed, lie=lie, gateways=gateways, rounds=rounds))
    return replace(scenario, lie=lie, messages=MessageFaults(), each_round=RoundFaults(), lapse=0.0)


def at_round(world: World, number: int, action: Callable[[], None]) -> None:
    """Let something happen in the middle of a round, counted from the beginning of the run."""
    period_ms = world.scenario.parameters.schedule.period_ms
    world.timeline.at(world.scenario.start_ms + number * period_ms + period_ms // 2, action)
