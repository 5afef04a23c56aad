"""The rounds as matrices: known answers, and agreement with the closed form and with the real key graph."""

import random

import numpy as np
import pytest

from common.identifiers import ClientId, TunnelId
from common.parameters import Parameters
from common.suites import BASIC
from launcher.analysis.graph_risk import Shape, cliff, staying, wilson
from launcher.analysis.rounds_chain import Chain, Rules, Tally
from launcher.analysis.rounds_measure import Case
from launcher.analysis.rounds_model import corrected_closed, final_bytes, frame_bytes, predict
from launcher.analysis.rounds_network import SCHEDULE, parameters_of
from launcher.analysis.rounds_outages import BURSTS, INDEPENDENT, Outages
from provider.core.keygraph import summable

HARDENED = Parameters(2, "north", SCHEDULE, draws=24)
ROUNDS = 1_000


def _played(parameters: Parameters, members: int, outages: Outages, rounds: int = ROUNDS, seed: int = 1) -> Tally:
    shape = Shape(members, parameters.draws)
    chain = Chain(Rules.of(parameters, shape), shape, outages, np.random.default_rng(seed))
    chain.play(rounds)
    return chain.tally


@pytest.mark.parametrize("parameters", [parameters_of(BASIC), HARDENED])
@pytest.mark.parametrize("members", [10, 60])
def test_without_outages_every_round_is_complete(parameters: Parameters, members: int) -> None:
    tally = _played(parameters, members, Outages(INDEPENDENT, 0.0), 20)
    assert (tally.corrected, tally.without_sum, tally.pending, tally.missing) == (0, 0, 0, 0)
    assert tally.frames == tally.expected == 20 * members


def test_few_outages_correct_as_often_as_the_closed_form_says() -> None:
    outages = Outages(INDEPENDENT, 0.02)
    tally = _played(parameters_of(BASIC), 60, outages)
    band = wilson(tally.corrected, tally.rounds, z=3.9)
    assert band.low < corrected_closed(outages, 60) < band.high


def test_expected_members_are_those_with_a_connection() -> None:
    tally = _played(parameters_of(BASIC), 100, Outages(INDEPENDENT, 0.1), 400)
    assert tally.expected / tally.rounds == pytest.approx(90, abs=1)


def test_many_dark_streets_cost_suite_basic_more_than_the_closed_form_says() -> None:
    outages = Outages(BURSTS, 0.2)
    tally = _played(parameters_of(BASIC), 50, outages)
    assert tally.corrected / tally.rounds > 1.5 * corrected_closed(outages, 50)
    assert tally.without_sum > 0


def test_provider_that_knows_the_holders_corrects_less_often_when_streets_are_dark() -> None:
    outages = Outages(BURSTS, 0.1)
    basic, hardened = (_played(parameters, 50, outages) for parameters in (parameters_of(BASIC), HARDENED))
    assert hardened.corrected < basic.corrected


def test_same_seed_gives_the_same_rounds() -> None:
    outages = Outages(INDEPENDENT, 0.1)
    assert _played(HARDENED, 40, outages, 100) == _played(HARDENED, 40, outages, 100)
    assert _played(HARDENED, 40, outages, 100) != _played(HARDENED, 40, outages, 100, seed=2)


def test_matrices_find_the_same_summable_members_as_the_provider() -> None:
    shape = Shape(40, 3)
    parameters = Parameters(BASIC.code, "north", SCHEDULE, draws=3)
    chain = Chain(Rules.of(parameters, shape), shape, Outages(INDEPENDENT, 0.0), np.random.default_rng(5))
    rng, sizes = random.Random(5), set[int]()
    for share in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        clients = np.array([rng.random() < share for _ in range(40)])
        found = chain.summable(clients)
        listed = {ClientId(int(client)) for client in np.flatnonzero(clients)}
        near = {
            client: {ClientId(int(peer)): TunnelId(1) for peer in np.flatnonzero(chain.near[client])}
            for client in listed
        }
        assert set(np.flatnonzero(found).tolist()) == summable(listed, near, 3, 5)
        sizes.add(int(found.sum()))
    assert 0 in sizes
    assert len(sizes) > 3


def test_frame_of_suite_basic_is_139_bytes_and_its_packet_28_more() -> None:
    assert frame_bytes(BASIC.code, Shape(100, 6)) == 139 + 28


def test_final_of_a_hundred_members_is_181_bytes_and_its_packet_31_more() -> None:
    assert final_bytes(100, 100) == 181 + 31


def test_prediction_of_a_calm_network_is_one_frame_up_and_one_final_down() -> None:
    row = predict(Case(BASIC.code, 100, 0.0, INDEPENDENT.name, 0, 7))
    assert (row["model_corrected"], row["model_up_messages"], row["model_down_messages"]) == (0, 1, 1)
    assert (row["model_up_bytes"], row["model_down_bytes"]) == (167, 212)


@pytest.mark.parametrize(("absent", "is_left"), [(0.08, True), (0.25, False)])
def test_matrices_fall_off_the_same_cliff_as_the_closed_form(absent: float, is_left: bool) -> None:
    shape, rng = Shape(600, 24), np.random.default_rng(9)
    chain = Chain(Rules.of(HARDENED, shape), shape, Outages(INDEPENDENT, 0.0), rng)
    there = rng.random(600) >= absent
    left = float(chain.summable(there).sum() / there.sum())
    assert (absent < cliff(24, 17)) is is_left
    assert left == pytest.approx(staying(24, 17, absent), abs=0.02)
