import subprocess
import sys
from pathlib import Path

import pytest


def rows(page: str, column: int) -> dict[str, str]:
    """This number column of every row of every table that has it: 1 is suite `basic`, 2 `hardened`."""
    cells = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return {each[0]: each[column] for each in cells if len(each) > column}


@pytest.mark.integration
def test_benchmark_runs_its_sums_are_right_and_its_bytes_are_those_on_the_connection(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    # In a process of its own: what it starts to be measured shall not stay beside the other tests.
    command = [sys.executable, "-m", "tests.benchmark", "--short", "--write", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    # Up go frame, RELEASE in suite `hardened`, and the PUBACK of FINAL; down FINAL and a PUBACK for each of the former.
    for column, packets in ((1, 2), (2, 3)):
        found = rows(page.read_text(), column)
        for way in ("Up", "Down"):
            inside = int(found[f"{way} per round, counted inside TLS"])
            assert inside == int(found[f"{way} per round, as MQTT defines it"])
            assert int(found[f"{way} per round, with TLS"]) == inside + 22 * packets
        assert found["Corrected frames in a round"] == "7"
        assert all(found.values())
    assert rows(page.read_text(), 1)["hardened, 8, 10%"] == "1 of 1"
