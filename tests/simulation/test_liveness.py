"""The model of liveness: as on paper, within the aims, and with rounds whose end is known beforehand."""

from itertools import chain

import numpy as np
import pytest

from launcher.simulation.endings import FEEDER, simulate, table
from launcher.simulation.liveness import NEVER, Conditions, Ending, Outcome, Rows, missing, play
from launcher.simulation.prediction import expected, left_out


def everybody(members: int) -> Rows:
    """A mesh; with seven each has six holders, of whom five must give their shares."""
    return np.array([[other for other in range(members) if other != member] for member in range(members)])


def one(members: int, gone: set[int], late: dict[int, int]) -> Outcome:
    is_missing = np.array([member in gone for member in range(members)])
    waits = np.array([late.get(member, 0) for member in range(members)])
    return play(everybody(members), is_missing, waits, Conditions(members=members))


def test_a_round_in_which_nothing_happens_is_complete_at_once() -> None:
    assert one(7, set(), {}) == Outcome(7, is_corrected=False, waited=0)


def test_one_missing_is_corrected_out_and_one_silent_waited_for_only_when_it_matters() -> None:
    assert one(7, {2}, {}).ending is Ending.CORRECTED
    assert one(7, set(), {3: 4}).ending is Ending.COMPLETE
    assert one(7, {2}, {3: 4}) == Outcome(6, is_corrected=True, waited=4)


def test_a_round_waits_for_the_earliest_that_are_enough_and_not_longer_than_allowed() -> None:
    assert one(7, set(), {1: 3, 2: 6}).waited == 3
    assert one(7, set(), {1: 8, 2: NEVER}).ending is Ending.CLOSED
    assert one(7, set(), {1: 9, 2: NEVER}).ending is Ending.LOST


def test_the_closure_leaves_nobody_when_too_few_holders_are_left() -> None:
    assert one(7, {1, 2}, {}) == Outcome(0, is_corrected=True, waited=NEVER)


def test_the_closure_goes_on_until_nothing_changes() -> None:
    """In a ring each has drawn the next three and needs all of them, so one missing takes everybody along."""
    ring = np.array([[(member + step) % 30 for step in (1, 2, 3)] for member in range(30)])
    gone = np.arange(30) == 0
    outcome = play(ring, gone, np.zeros(30, np.int64), Conditions(members=30, draws=3))
    assert outcome.included == 0


def test_parts_of_the_key_graph_that_are_too_small_are_left_out() -> None:
    parts = [
        [other for other in range(low, high) if other != m] for low, high in ((0, 4), (4, 8)) for m in range(low, high)
    ]
    rule = Conditions(members=30, draws=3, members_min=5)
    assert play(np.array(parts), np.zeros(8, np.bool_), np.zeros(8, np.int64), rule).included == 0
    rule = Conditions(members=30, draws=3, members_min=4)
    assert play(np.array(parts), np.zeros(8, np.bool_), np.zeros(8, np.int64), rule).included == 8


def test_feeders_fail_as_a_whole_and_as_many_as_said() -> None:
    gone = missing(Conditions(missing=0.1, feeder=FEEDER), np.random.default_rng(1))
    starts = np.flatnonzero(np.diff(gone.astype(int)) == 1)
    assert gone.sum() == 100
    assert len(starts) <= 100 / FEEDER[0] + 1


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(missing=0.10, silent=0.01),
        Conditions(missing=0.10, silent=0.01, feeder=FEEDER),
        Conditions(missing=0.05, silent=0.03),
        Conditions(members=100, missing=0.08, silent=0.05, returning=0.1),
        Conditions(members=20, missing=0.1, silent=0.3, returning=0.1),
        Conditions(members=20, missing=0.3, silent=0.1),
    ],
    ids=str,
)
def test_the_model_ends_as_expected_on_paper(conditions: Conditions) -> None:
    row = simulate(conditions, rounds=400, seed=7)
    for found, probable in ((row.at_once, row.at_once_expected), (row.in_time, row.in_time_expected)):
        spread = (probable * (1 - probable) / 400) ** 0.5
        assert abs(found - probable) < 4 * spread + 0.02


def test_the_closure_leaves_out_as_many_as_its_fixed_point_says() -> None:
    for share in (0.05, 0.10, 0.12):
        conditions = Conditions(missing=share)
        row = simulate(conditions, rounds=60)
        assert abs(1_000 - row.included - left_out(conditions)) < 3


def test_the_aims_are_met() -> None:
    """With 10 % missing at least 99 % of rounds have a sum; with 1 % silent besides, at once or from pending."""
    for feeder in (None, FEEDER):
        assert simulate(Conditions(missing=0.10, feeder=feeder), rounds=200).at_once >= 0.99
        assert simulate(Conditions(missing=0.10, silent=0.01, feeder=feeder), rounds=1_000).in_time >= 0.99
    assert expected(Conditions(missing=0.10, silent=0.01), after=8) >= 0.99


def test_beyond_an_eighth_missing_the_closure_ends_with_everybody() -> None:
    """What the model is also for: to know where it breaks."""
    assert left_out(Conditions(missing=0.15)) == 1_000
    assert simulate(Conditions(missing=0.17), rounds=20).in_time == 0


def test_the_table_says_for_every_row_what_became_of_its_rounds() -> None:
    rows = list(table(rounds=3, members=200))
    assert len(rows) == 16
    assert all(row.endings.total() == 3 for row in rows)
    assert {row.conditions.feeder for row in rows} == {None, FEEDER}
    assert set(chain.from_iterable(row.endings for row in rows)) > {Ending.CORRECTED}
