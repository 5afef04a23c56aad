"""The chi-square test takes uniform draws for uniform, and finds a preference."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.simulation.uniformity import CLASSES, Spread


@given(st.integers(1, 400))
def test_the_mean_of_each_class_is_its_share_of_the_ranks(count: int) -> None:
    spread = Spread()
    for rank in range(count):
        spread.add(rank, count)
    assert spread.expected == pytest.approx(spread.hits)


def test_uniform_draws_pass_at_every_level_as_often_as_it_says() -> None:
    rng, tails = random.Random(1), []
    for _ in range(400):
        spread = Spread()
        for _ in range(500):
            count = rng.randint(20, 60)
            spread.add(rng.randrange(count), count)
        tails.append(spread.p_value)
    assert sum(tail < 0.05 for tail in tails) == pytest.approx(20, abs=14)
    assert sum(tail < 0.5 for tail in tails) == pytest.approx(200, abs=40)


def test_one_draw_in_ten_to_a_favorite_is_found_in_a_thousand() -> None:
    rng, spread = random.Random(2), Spread()
    for _ in range(1_000):
        spread.add(0 if rng.random() < 0.1 else rng.randrange(30), 30)
    assert spread.p_value < 1e-6


def test_runs_are_added_up() -> None:
    first, second = Spread(), Spread()
    first.add(0, 26)
    second.add(25, 26)
    first.merge(second)
    assert first.draws == 2
    assert (first.hits[0], first.hits[-1]) == (1, 1)
    assert first.expected == pytest.approx([2 / CLASSES] * CLASSES)


def test_nothing_drawn_is_not_uneven() -> None:
    assert Spread().p_value == 1.0
