import subprocess
import sys
from pathlib import Path

import pytest


def rows(page: str) -> dict[str, str]:
    """The first number column of every row of every table."""
    cells = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return {first: second for first, second, *_ in cells}


@pytest.mark.integration
def test_benchmark_runs_its_sums_are_right_and_its_bytes_are_those_on_the_connection(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    # In a process of its own: what it starts to be measured shall not stay beside the other tests.
    command = [sys.executable, "-m", "tests.benchmark", "--short", "--write", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = rows(page.read_text())
    for way, packets in (("Up", 2), ("Down", 2)):
        assert found[f"{way} per round, counted inside TLS"] == found[f"{way} per round, as MQTT defines it"]
        assert (
            int(found[f"{way} per round, with TLS"])
            == int(found[f"{way} per round, counted inside TLS"]) + 22 * packets
        )
    assert found["Corrected frames in a round"] == "7"
    assert all(found.values())
