"""A few hundred seeds, those that once found a bug, and larger networks."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from launcher.simulation.campaign import reports
from launcher.simulation.scenario import Request
from launcher.simulation.world import run

SEEDS = 220
BLOCK = 55

REGRESSIONS = {
    13: "a gateway that started with a clock far ahead was silent until that time had come",
    24: "an edge was started that one of its ends had forgotten",
    96: "a round that was closed again after a crash",
    100: "a member that never got the retained ROSTER heard nothing for ever",
    147: "an edge was started that one of its ends had forgotten",
    157: "a clock set back by a day left the next request a day away",
    162: "a clock set back by a day left a joining member without tunnels",
    180: "a vault restored from a time before the first seed never asked for new neighbors",
    347: "edges renewed one by one never stood together, and no round began",
    544: "a seed that never started kept a gateway from renewing another",
    919: "edges renewed one by one never stood together, and no round began",
    1040: "a seed in dispute was renewed where there was no room for another neighbor",
    2447: "everybody had left when the neighbors of somebody were to be cut off",
}
"""Seeds that once failed, with what they found."""


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_every_seed_is_safe_and_comes_back_to_life(first: int) -> None:
    requests = [Request(seed) for seed in range(first, first + BLOCK)]
    rounds: Counter[str] = Counter()
    for request, report in zip(requests, reports(requests, os.cpu_count() or 1), strict=True):
        assert report.violation is None, f"{report.violation}\nreplay with: {request.command} --verbose"
        rounds.update(report.rounds)
    assert min(rounds["complete"], rounds["corrected"], rounds["refused"], rounds["lost"]) > 0


@pytest.mark.parametrize("seed", sorted(REGRESSIONS))
def test_a_seed_that_once_failed_passes(seed: int) -> None:
    assert run(Request(seed)).violation is None


def test_without_faults_every_round_is_complete_and_nothing_is_exposed() -> None:
    for seed in range(6):
        report = run(Request(seed, has_faults=False))
        assert report.violation is None
        assert report.exposed == 0
        assert set(report.rounds) <= {"complete", "refused"}
        assert not report.faults


def test_a_hundred_gateways() -> None:
    report = run(Request(1, gateways=100, rounds=10, networks=1))
    assert report.violation is None
    assert report.rounds["complete"] > 0


def test_one_seed_is_one_run_whatever_the_hashes_are() -> None:
    script = (
        "from launcher.simulation.scenario import Request\n"
        "from launcher.simulation.world import run\n"
        "print([run(Request(seed), is_traced=True).digest for seed in (3, 8)])"
    )
    said = {_said_by(script, hash_seed) for hash_seed in ("1", "2")}
    assert said == {str([run(Request(seed), is_traced=True).digest for seed in (3, 8)])}


def test_different_seeds_are_different_runs() -> None:
    assert len({run(Request(seed), is_traced=True).digest for seed in range(4)}) == 4


def _said_by(script: str, hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
