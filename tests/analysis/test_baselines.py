"""What else is compared: traces that are linked, and sums taken from the main experiment."""

import numpy as np

from launcher.analysis import baselines, figures_size
from launcher.analysis.tables import Row, Rows
from tests.analysis.samples_of import noise


def test_traces_of_unlike_households_are_linked_and_those_of_equals_are_not() -> None:
    levels = np.geomspace(1, 50, 40).astype(np.float32)[:, np.newaxis, np.newaxis]
    unlike = noise(40, 28, 96) * levels
    everybody = np.arange(40)
    assert np.mean(baselines.link(unlike, noise(40, 28, 96)) == everybody) > 0.95
    assert np.mean(baselines.link(noise(40, 28, 96), noise(40, 28, 96, seed=2)) == everybody) < 0.2


def test_sums_are_compared_by_the_numbers_of_the_main_experiment() -> None:
    place: Row = {"population": "mixed", "season": "spring", "period_min": 15, "metric": "f1"}
    numbers: Row = {"member": 0.25, "member_low": 0.1, "member_high": 0.3}
    curves: Rows = [{**place, "n": n, **numbers} for n in (10, 20)]
    rows = baselines._sums(curves)
    assert rows == [{"scheme": "sum", "n": 20, "metric": "f1", "value": 0.25, "low": 0.1, "high": 0.3}]
    assert figures_size.chosen(rows, n=50) == []
