"""Outages: how often, how long, and who together."""

import random

import pytest

from launcher.analysis.rounds_model import corrected_closed
from launcher.analysis.rounds_outages import BURSTS, INDEPENDENT, Outages, Pattern, Weather
from launcher.simulation.timeline import Timeline

PERIOD_MS = 1_000


def _weather(outages: Outages, members: int, periods: int, seed: int = 1) -> list[tuple[int, int, bool]]:
    """Everything that happens: when, to whom, and whether it is connected from then on."""
    timeline, happened = Timeline(0), list[tuple[int, int, bool]]()
    weather = Weather(
        outages,
        timeline,
        PERIOD_MS,
        random.Random(seed),
        lambda number, is_on: happened.append((timeline.now, number, is_on)),
    )
    weather.begin(members)
    timeline.run_until(periods * PERIOD_MS)
    return happened


def _off_share(happened: list[tuple[int, int, bool]], number: int, periods: int) -> float:
    """The share of time that one gateway was without a connection."""
    off_ms, since = 0, None
    for at_ms, who, is_on in [*happened, (periods * PERIOD_MS, number, True)]:
        if who == number and is_on and since is not None:
            off_ms, since = off_ms + at_ms - since, None
        elif who == number and not is_on:
            since = at_ms
    return off_ms / (periods * PERIOD_MS)


def test_without_loss_nothing_ever_happens() -> None:
    assert _weather(Outages(INDEPENDENT, 0.0), 10, 1_000) == []


@pytest.mark.parametrize("pattern", [INDEPENDENT, BURSTS])
def test_share_of_time_off_is_the_loss(pattern: Pattern) -> None:
    happened = _weather(Outages(pattern, 0.2), 10, 40_000)
    assert _off_share(happened, 3, 40_000) == pytest.approx(0.2, abs=0.02)


def test_street_goes_and_comes_together() -> None:
    happened = _weather(Outages(BURSTS, 0.3), 25, 200)
    by_moment: dict[tuple[int, bool], set[int]] = {}
    for at_ms, number, is_on in happened:
        by_moment.setdefault((at_ms, is_on), set()).add(number)
    streets = [set(range(10)), set(range(10, 20)), set(range(20, 25))]
    assert len(by_moment) > 10
    assert all(numbers in streets for numbers in by_moment.values())


def test_same_seed_gives_the_same_weather() -> None:
    outages = Outages(INDEPENDENT, 0.1)
    assert _weather(outages, 20, 100) == _weather(outages, 20, 100)
    assert _weather(outages, 20, 100) != _weather(outages, 20, 100, seed=2)


def test_longer_outages_end_fewer_connections() -> None:
    assert Outages(BURSTS, 0.1).lost_within(1) < Outages(INDEPENDENT, 0.1).lost_within(1)
    assert Outages(INDEPENDENT, 0.0).lost_within(1) == Outages(INDEPENDENT, 0.0).ends_within(1) == 0


def test_after_a_long_time_who_was_connected_is_off_as_often_as_anybody() -> None:
    assert Outages(BURSTS, 0.1).lost_within(1_000) == pytest.approx(0.1)


def test_streets_need_fewer_corrections_than_gateways_one_by_one() -> None:
    one_by_one, in_streets = (corrected_closed(Outages(pattern, 0.05), 100) for pattern in (INDEPENDENT, BURSTS))
    assert in_streets < 0.2
    assert one_by_one > 0.9


def test_without_loss_no_round_is_corrected() -> None:
    assert corrected_closed(Outages(INDEPENDENT, 0.0), 1_000) == 0
