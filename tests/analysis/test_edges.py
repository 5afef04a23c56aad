"""Hart's edges and their clusters, on loads whose appliances are known."""

import numpy as np

from launcher.analysis import edges
from launcher.analysis.households import Event, Singles


def steps(*pieces: tuple[int, int]) -> Singles:
    return np.concatenate([np.full(length, watts, dtype=np.float32) for length, watts in pieces])


KETTLE = steps((10, 100), (4, 2_100), (30, 100), (24, 1_600), (10, 100))
EVENTS = [Event(10, 2_000), Event(44, 1_500)]


def test_every_planted_appliance_is_found() -> None:
    assert edges.f1(KETTLE, EVENTS, 1) == 1


def test_a_constant_shows_no_appliance() -> None:
    assert edges.f1(np.full(80, 300, dtype=np.float32), EVENTS, 1) == 0


def test_claims_where_nothing_was_switched_on_cost_precision() -> None:
    assert edges.f1(KETTLE, EVENTS[:1], 1) == 2 / 3


def test_an_edge_of_another_size_is_no_find() -> None:
    assert edges.f1(steps((10, 100), (5, 5_100), (10, 100)), EVENTS[:1], 1) == 0


def test_nothing_to_find_and_nothing_claimed_is_right() -> None:
    assert edges.f1(np.full(80, 300, dtype=np.float32), [], 1) == 1


def test_events_are_looked_for_in_their_interval() -> None:
    assert edges.f1(steps((3, 100), (1, 2_100), (3, 100)), [Event(52, 2_000)], 15) == 1


def test_a_household_s_own_edges_are_the_events_when_nobody_knows_better() -> None:
    assert edges.own_edges(KETTLE, 5) == [Event(50, 2_000), Event(220, 1_500)]


def test_edges_of_two_sizes_form_four_clusters_up_and_down() -> None:
    series = np.tile(steps((5, 100), (5, 600), (5, 100), (5, 2_100)), 5)
    assert edges.clusters(np.append(series, np.float32(100))) == 4


def test_a_constant_has_no_cluster() -> None:
    assert edges.clusters(np.full(50, 300, dtype=np.float32)) == 0
