"""Simulated key graphs: known answers, and the closed forms within their bands."""

import numpy as np
import pytest

from launcher.analysis.graph_risk import Shape, isolation, split, surrounded, wilson
from launcher.analysis.graph_simulation import Counts, colluding, drawn, simulate

Z_WIDE = 3.9
"""A band that the truth leaves once in 10,000 times."""


def _simulate(shape: Shape, loss: float, trials: int, seed: int = 1) -> Counts:
    return simulate(shape, loss, trials, np.random.default_rng(seed))


def test_draws_are_others_and_each_only_once() -> None:
    chosen = drawn(np.random.default_rng(1), 20, Shape(40, 7))
    assert chosen.shape == (20, 40, 7)
    assert not np.any(chosen == np.arange(40)[None, :, None])
    assert all(len(set(row)) == 7 for row in chosen.reshape(-1, 7).tolist())


def test_draws_fall_on_all_others_alike() -> None:
    chosen = drawn(np.random.default_rng(2), 2_000, Shape(30, 6))
    hits = np.bincount(chosen[:, 0, :].ravel(), minlength=30)[1:]
    assert hits.sum() == 12_000
    assert np.abs(hits / (12_000 / 29) - 1).max() < 0.25


def test_complete_graph_never_splits() -> None:
    counts = _simulate(Shape(20, 3, colluders=5), 0.5, 2_000)
    assert counts.split == 0


def test_graph_without_edges_always_splits() -> None:
    counts = _simulate(Shape(30, 0), 0.0, 50)
    assert counts.split == 50
    assert counts.isolated == counts.present == 1_500


def test_nobody_is_isolated_when_all_are_honest_and_there() -> None:
    counts = _simulate(Shape(200, 3), 0.0, 200)
    assert counts.isolated == counts.split == 0
    assert counts.present == 40_000


def test_same_seed_gives_the_same_counts() -> None:
    shape = Shape(60, 3, colluders=6)
    assert _simulate(shape, 0.3, 500) == _simulate(shape, 0.3, 500)
    assert _simulate(shape, 0.3, 500) != _simulate(shape, 0.3, 500, seed=2)


@pytest.mark.parametrize(
    ("shape", "loss"),
    [(Shape(30, 3, colluders=3), 0.3), (Shape(100, 6, colluders=50), 0.5), (Shape(300, 3, colluders=30), 0.2)],
)
def test_closed_form_of_isolation_lies_within_the_band(shape: Shape, loss: float) -> None:
    counts = _simulate(shape, loss, 3_000)
    excess = max(counts.isolated_variance * counts.trials / counts.isolated, 1.0)
    band = wilson(counts.isolated / excess, counts.present / excess, Z_WIDE)
    assert band.low < isolation(shape, loss) < band.high


@pytest.mark.parametrize(
    ("shape", "loss"), [(Shape(100, 6, colluders=30), 0.5), (Shape(100, 6, colluders=30), 0.3), (Shape(300, 6), 0.5)]
)
def test_closed_form_of_splitting_lies_within_the_band(shape: Shape, loss: float) -> None:
    counts = _simulate(shape, loss, 3_000)
    band = wilson(counts.split, counts.trials, Z_WIDE)
    assert band.low < split(shape, loss) < band.high


def test_surrounding_without_replacements_is_hypergeometric() -> None:
    shape = Shape(500, 12, colluders=100)
    found = colluding(shape, 0, 200_000, np.random.default_rng(3))
    band = wilson(int(found[6:].sum()), 200_000, Z_WIDE)
    assert band.low < surrounded(shape, 0, 6) < band.high


def test_surrounding_with_replacements_keeps_to_the_bound() -> None:
    shape = Shape(500, 24, colluders=100)
    found = colluding(shape, 6, 200_000, np.random.default_rng(4))
    band = wilson(int(found[10:].sum()), 200_000, Z_WIDE)
    bound = surrounded(shape, 6, 10)
    assert band.low < bound
    assert band.share == pytest.approx(bound, rel=0.05)


def test_nobody_is_surrounded_when_all_are_honest() -> None:
    found = colluding(Shape(100, 24), 6, 1_000, np.random.default_rng(5))
    assert found.tolist() == [1_000, *([0] * 24)]


def test_all_colluders_surround_the_only_honest_member() -> None:
    found = colluding(Shape(50, 24, colluders=49), 6, 100, np.random.default_rng(6))
    assert found[24] == 100
