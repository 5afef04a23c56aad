"""Members come and go without end: degrees stay bounded, draws stay few, and the rounds go on."""

from collections import Counter
from dataclasses import replace

from launcher.simulation.audit import WITH_SUM
from launcher.simulation.world import World
from tests.simulation.quiet import at_round, quiet

GATEWAYS, DRAWS, CHURN = 28, 6, 40


def churning() -> World:
    """A network of 28 in which one member leaves and another joins in each of 40 rounds."""
    scenario = quiet(1, gateways=GATEWAYS, rounds=CHURN + 8)
    parameters = replace(scenario.parameters, draws=DRAWS, degree_max=255, members_min=5, masks_min=3)
    world = World(replace(scenario, parameters=parameters, calm_rounds=0))
    for number in range(CHURN):
        at_round(world, number + 4, lambda number=number: exchange(world, number))  # type: ignore[misc]
    return world


def exchange(world: World, number: int) -> None:
    world.gateways[number].leave()
    world.population.revoke(world.gateways[number])
    world.population.join()


def test_degrees_stay_bounded_under_endless_churn() -> None:
    """Each draws six others and is drawn by as many on average, whatever the number of those who were there before."""
    world = churning()
    world.run()
    living = {gateway.member for gateway in world.gateways if gateway.wants_in}
    assert len(living) == GATEWAYS
    degrees = Counter(
        member
        for gateway in world.gateways
        if gateway.wants_in and (member := gateway.member)
        for _ in gateway.vault.contents.edges
    )
    assert DRAWS <= sum(degrees.values()) / len(degrees) <= 3 * DRAWS
    assert max(degrees.values()) < GATEWAYS
    assert sum(gateway.vault.contents.replaced != () for gateway in world.gateways) == 0
    statuses = [result.status in WITH_SUM for result in world.audit.closed.values()]
    assert sum(statuses) > 0.8 * len(statuses)
    assert world.drawings.by_place.p_value > 0.001
