"""The command: a summary, JSON, a trace, and the line that replays a seed that fails."""

import json

import pytest
import typer
from typer.testing import CliRunner

from launcher import simulate as command
from launcher.simulation.scenario import Request
from launcher.simulation.world import Report

APP = typer.Typer()
APP.command()(command.simulate)


def test_many_seeds_give_one_table() -> None:
    result = CliRunner().invoke(APP, ["--seeds", "3", "--rounds", "6", "--jobs", "2"])
    assert result.exit_code == 0
    assert "3 simulated runs, 0 failed" in result.stdout
    assert "rounds complete" in result.stdout


def test_the_summary_as_json() -> None:
    result = CliRunner().invoke(APP, ["--seed", "2", "--no-faults", "--gateways", "7", "--rounds", "6", "--json"])
    said = json.loads(result.stdout)
    assert said["runs"] == 1
    assert said["rounds"]["complete"] > 0
    assert said["faults"] == {}
    assert said["failures"] == []


def test_verbose_tells_the_same_story_twice() -> None:
    arguments = ["--seed", "5", "--rounds", "6", "--verbose"]
    first, second = (CliRunner().invoke(APP, arguments).stdout for _ in range(2))
    assert first == second
    assert "FINAL" in first


def test_a_seed_that_fails_prints_the_line_that_replays_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(request: Request, *_: object, **__: object) -> Report:
        return Report(request.seed, violation="the sum is wrong")

    monkeypatch.setattr("launcher.simulation.campaign.run", fail)
    result = CliRunner().invoke(APP, ["--seed", "77", "--loss", "0.1", "--gateways", "9"])
    assert result.exit_code == 1
    assert "seed 77: the sum is wrong" in result.stderr
    assert "replay with: dcnet simulate --seed 77 --gateways 9 --loss 0.1 --verbose" in result.stderr
