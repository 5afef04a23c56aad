"""A provider that lies: nobody is deceived, and it is noticed."""

from dataclasses import replace

import pytest

from launcher.simulation.lies import Lie
from launcher.simulation.observer import know
from launcher.simulation.scenario import MessageFaults, Request, RoundFaults, Scenario, draw
from launcher.simulation.world import Report, World, run

SEEDS = (1, 3, 6)


def quiet(seed: int, lie: Lie, gateways: int | None = None) -> Scenario:
    """A run in which nothing goes wrong but what the provider does."""
    scenario = draw(Request(seed, lie=lie, gateways=gateways))
    return replace(scenario, messages=MessageFaults(), each_round=RoundFaults())


def report_of(world: World) -> Report:
    report = world.run()
    world.account(report)
    return report


@pytest.mark.parametrize("lie", Lie, ids=lambda lie: lie.value)
def test_a_lie_deceives_nobody_and_is_refused_and_told(lie: Lie) -> None:
    """That nobody is deceived, the oracle checks at every seed, draw and reading: it would have raised an error."""
    refused = told = 0
    for seed in SEEDS:
        world = World(quiet(seed, lie))
        report = report_of(world)
        assert report.told > 0
        assert report.seen_through > 0
        refused += sum(gateway.refusals[reason] for gateway in world.gateways for reason in lie.answers)
        told += sum(bool(lie.words) and lie.words in notice for gateway in world.gateways for notice in gateway.notices)
    assert refused > 0 or not lie.answers
    assert told > 0 or not lie.words
    assert lie.answers or lie.words


@pytest.mark.parametrize("lie", [Lie.CHOICE, Lie.SURROUNDING, Lie.FALSE_DEPARTURE], ids=lambda lie: lie.value)
def test_a_lie_in_a_network_that_draws_is_seen_through(lie: Lie) -> None:
    world = World(quiet(2, lie, gateways=30))
    report = report_of(world)
    assert report.seen_through > 0
    assert report.by_place.draws > 50


@pytest.mark.parametrize("lie", Lie, ids=lambda lie: lie.value)
def test_lies_among_faults_deceive_nobody(lie: Lie) -> None:
    report = run(Request(11, lie=lie))
    assert report.violation is None
    assert report.rounds


def test_a_gateway_that_is_cut_off_draws_no_others_than_its_certificate_allows() -> None:
    for seed in SEEDS:
        world = World(quiet(seed, Lie.CUT_OFF))
        assert report_of(world).seen_through > 0
        most = world.scenario.parameters.draws // 4
        spent = [len(gateway.vault.contents.replaced) for gateway in world.gateways]
        assert max(spent) == most > 0


def test_a_false_correction_exposes_exactly_those_that_it_names() -> None:
    """The hole of suite basic, as a negative control: the observer finds every reading that it opens."""
    exposed = 0
    for seed in SEEDS:
        world = World(quiet(seed, Lie.FALSE_CORRECTION))
        world.run()
        for key in world.observer.rounds:
            named = world.audit.named_missing.get(key, set())
            knowledge = know(world.observer.forms(key), world.rules[key[0]].members_min)
            assert knowledge.singles <= named
            exposed += len(knowledge.singles)
            assert len(named) != 1 or knowledge.singles == named
    assert exposed > 0


def test_an_honest_provider_is_never_called_a_liar() -> None:
    words = {lie.words for lie in Lie if lie.words and lie not in {Lie.FALSE_CORRECTION, Lie.OMISSION}}
    for seed in range(20):
        world = World(replace(draw(Request(seed)), lie=None))
        world.run()
        said = [notice for gateway in world.gateways for notice in gateway.notices]
        assert not [notice for notice in said for word in words if word in notice]
