"""A provider that lies: nobody is deceived, and it is noticed."""

from collections import Counter
from dataclasses import replace

import pytest

from launcher.simulation.lies import Lie
from launcher.simulation.observer import know
from launcher.simulation.scenario import Request, draw
from launcher.simulation.world import Report, World
from provider.core.events import Why
from smgw.core.events import Offense
from tests.simulation.quiet import quiet

SEEDS = (1, 3, 6)
BUSY_SEEDS = (1, 3, 6, 10)
"""The same, and one in which tunnels are opened after the provider has begun to lie."""


def report_of(world: World) -> Report:
    report = world.run()
    world.account(report)
    return report


@pytest.mark.parametrize("lie", [lie for lie in Lie if not lie.needs_draws], ids=lambda lie: lie.value)
def test_a_lie_deceives_nobody_and_is_refused_and_told(lie: Lie) -> None:
    """That nobody is deceived, oracle and observer check at each seed, draw, frame and share, and would have raised."""
    lied = seen = refused = told = 0
    for seed in BUSY_SEEDS:
        world = World(quiet(seed, lie, gateways=6, rounds=6))
        report = report_of(world)
        lied += report.told
        seen += report.seen_through
        refused += sum(gateway.refusals[reason] for gateway in world.gateways for reason in lie.answers)
        told += sum(bool(lie.words) and lie.words in notice for gateway in world.gateways for notice in gateway.notices)
    assert lied > 0
    assert (seen > 0) != lie.is_unseen
    assert refused > 0 or not lie.answers
    assert told > 0 or not lie.words
    assert lie.answers or lie.words or lie.is_unseen


def test_lies_about_rounds_leave_evidence_that_the_provider_has_signed() -> None:
    found: Counter[Offense] = Counter()
    for lie in (Lie.NAMED_AND_INCLUDED, Lie.TWO_CORRECTIONS, Lie.TWO_FINALS, Lie.FALSE_CORRECTION):
        world = World(quiet(6, lie, suite="hardened"))
        world.run()
        found.update(each.offense for gateway in world.gateways for each in gateway.vault.evidence)
    assert set(found) == set(Offense)


def test_lost_shares_cost_the_provider_its_sums_for_a_while_and_nobody_else_anything() -> None:
    waited = lost = 0
    for seed in SEEDS:
        world = World(quiet(seed, Lie.KEPT_RELEASES, suite="hardened"))
        report = report_of(world)
        waited += report.waited
        lost += sum(result.why is Why.SHARES_LOST for result in world.audit.closed.values())
    assert waited > lost
    assert report.exposed == 0


def test_colluding_gateways_learn_no_reading_with_the_provider() -> None:
    colluding = 0
    for seed in range(8):
        world = World(replace(quiet(seed, Lie.MALICE, gateways=10, rounds=8, networks=1), colluding=2))
        report = report_of(world)
        assert report.exposed == 0
        colluding += len(world.site.oracle.colluding)
        assert {len(key) for key in world.observer.rounds} == {2}
    assert colluding == 16


@pytest.mark.parametrize("lie", [Lie.CHOICE, Lie.FALSE_DEPARTURE, Lie.IMPERSONATION], ids=lambda lie: lie.value)
def test_a_lie_in_a_network_that_draws_is_seen_through(lie: Lie) -> None:
    report = report_of(World(quiet(2, lie, gateways=28, rounds=4)))
    assert report.seen_through > 0
    assert report.by_place.draws > 50


def test_a_gateway_that_is_cut_off_draws_no_others_than_its_certificate_allows() -> None:
    world = World(quiet(4, Lie.CUT_OFF, gateways=50, rounds=10, suite="basic"))
    report = report_of(world)
    assert report.told > 0
    assert report.seen_through > 0
    spent = [len(gateway.vault.contents.replaced) for gateway in world.gateways]
    assert max(spent) == world.scenario.parameters.draws // 4 > 0


def test_a_false_correction_exposes_exactly_those_that_it_names() -> None:
    """The hole of suite basic, as a negative control: the observer finds every reading that it opens."""
    exposed = 0
    for seed in SEEDS:
        world = World(quiet(seed, Lie.FALSE_CORRECTION, suite="basic"))
        world.run()
        for key in world.observer.rounds:
            named = world.audit.named_missing.get(key, set())
            knowledge = know(world.observer.forms(key), world.rules[key[0]].members_min)
            assert knowledge.singles <= named
            assert len(named) != 1 or knowledge.singles == named
            exposed += len(knowledge.singles)
    assert exposed > 0


def test_an_honest_provider_is_never_called_a_liar() -> None:
    """Whatever is lost, late, forgotten or restored: no owner reads that the provider deceives."""
    words = {lie.words for lie in Lie if lie.words and lie not in {Lie.FALSE_CORRECTION, Lie.OMISSION}}
    notices = 0
    for seed in range(12):
        world = World(replace(draw(Request(seed, gateways=8)), lie=None))
        world.run()
        said = [notice for gateway in world.gateways for notice in gateway.notices]
        assert not [notice for notice in said for word in words if word in notice]
        notices += len(said)
    assert notices > 0


def test_the_same_false_correction_exposes_nobody_in_suite_hardened() -> None:
    named = 0
    for seed in SEEDS:
        world = World(quiet(seed, Lie.FALSE_CORRECTION, suite="hardened"))
        assert report_of(world).exposed == 0
        for key in world.observer.rounds:
            assert not world.observer.know(key, 2).singles
            named += len(world.audit.named_missing.get(key, set()))
    assert named > 0
