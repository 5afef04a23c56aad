"""`dcnet analyze`: help, and what is refused."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from launcher.cli import app
from launcher.errors import LauncherError

RUN = CliRunner()


@pytest.mark.parametrize("command", ["size", "graph", "rounds", "report"])
def test_every_command_explains_itself(command: str) -> None:
    told = RUN.invoke(app, ["analyze", command, "--help"], env={"COLUMNS": "120", "TERM": "dumb"})
    assert told.exit_code == 0
    assert "--seed" in told.stdout
    assert "--full" in told.stdout


def test_a_negative_seed_is_refused() -> None:
    assert RUN.invoke(app, ["analyze", "size", "--seed", "-1"]).exit_code == 2


def test_a_bad_file_of_households_is_told(tmp_path: Path) -> None:
    command = ["analyze", "size", "--households", str(tmp_path / "none.csv"), "--out", str(tmp_path)]
    told = RUN.invoke(app, command)
    assert isinstance(told.exception, LauncherError)
    assert "none.csv cannot be read" in str(told.exception)
