"""The plumbing to the peers, with scripts of the test's own: real child processes, and no network."""

import json
import sys
from pathlib import Path

import pytest

from tests.benchmark.peers import PEERS, Peer, PeerTable, Row, measure, section
from tests.benchmark.peers.child import Heard, hear
from tests.benchmark.stopwatch import Laps

pytestmark = pytest.mark.integration

ROUND = {"dropout": 0.0, "is_finished": True, "why": "", "meter_cpu_s": 0.002, "server_cpu_s": 0.5, "up_bytes": 24}
HALTED = {**ROUND, "dropout": 0.1, "is_finished": False, "why": "Insufficient available nodes."}
FOREVER = "import threading; threading.Event().wait()"


def script(*lines: object, then: str = "") -> str:
    """Python that prints these as lines of JSON, then does what `then` says."""
    texts = "\n".join(json.dumps(line) for line in lines)
    return f"import sys\nprint({texts!r}, flush=True)\n{then}\n"


def heard(code: str, limit_s: float = 30) -> Heard:
    return hear([sys.executable, "-I", "-c", code], limit_s)


def test_rounds_and_versions_of_a_script_are_read() -> None:
    found = heard(script({"versions": {"flwr": "1.41.0"}}, ROUND, HALTED))
    assert found.versions == {"flwr": "1.41.0"}
    assert [(one.dropout, one.is_finished) for one in found.rounds] == [(0.0, True), (0.1, False)]
    assert found.ending == ""


def test_rounds_before_the_time_limit_count_and_the_ending_says_the_limit() -> None:
    found = heard(script(ROUND, then=f"sys.stdout.write('{{\"dropout'); sys.stdout.flush(); {FOREVER}"), limit_s=2)
    assert len(found.rounds) == 1
    assert found.ending == "not finished within 2 s"


def test_failing_script_is_told_in_its_last_words() -> None:
    found = heard(script(ROUND, then="sys.exit('the sum is wrong')"))
    assert len(found.rounds) == 1
    assert found.ending == "failed: the sum is wrong"


@pytest.mark.parametrize("line", ["nonsense", {"dropout": 0.1}, {**ROUND, "up_bytes": -1}, {**ROUND, "extra": 1}])
def test_line_that_is_no_measurement_is_shown(line: object) -> None:
    found = heard(script(ROUND, line, ROUND))
    assert len(found.rounds) == 1
    assert found.ending.startswith("failed: printed '") and found.ending.endswith("which is no measurement")


def test_script_that_does_not_start_is_told() -> None:
    found = hear(["/nonexistent/python"], 1)
    assert found.ending.startswith("does not start: ") and "/nonexistent/python" in found.ending


def test_peer_that_cannot_be_installed_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = fake(tmp_path, script(ROUND), "no-such-package==1.0\n")
    offline(tmp_path, monkeypatch)
    (row, *_) = measure([8], [0.0], 30, [peer]).rows
    assert row.played == 0
    assert row.why.startswith("1 of 1 rounds not played: not installed: ") and "no-such-package" in row.why


def test_environment_is_made_once_and_its_script_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offline(tmp_path, monkeypatch)
    code = script(ROUND, HALTED, then="import json; print(json.dumps({'versions': {'given': ' '.join(sys.argv[1:])}}))")
    peer = fake(tmp_path, code, "# nothing to install\n")
    found = measure([8], [0.0, 0.01, 0.2, 0.1], 30, [peer])
    made = (tmp_path / "cache" / "fake" / "installed.txt").stat().st_mtime_ns
    assert found.versions == [("given", "--size 8 --dropouts 0.0 0.1 0.2 --rounds 1")]
    assert [(row.dropout, row.finished, row.played) for row in found.rows] == [(0.0, 1, 1), (0.2, 0, 0), (0.1, 0, 1)]
    assert found.rows[1].why == "1 of 1 rounds not played: no more came"
    assert found.rows[2].why == "Insufficient available nodes."
    measure([8], [0.0], 30, [peer])
    assert (tmp_path / "cache" / "fake" / "installed.txt").stat().st_mtime_ns == made


def test_section_shows_costs_reasons_and_our_own_rows() -> None:
    done, quick, never = Laps([0.012, 0.014]), Laps([0.00032, 0.00034]), Laps()
    rows = [
        Row("a peer", 100, 0.0, 2, 2, done, quick, 512),
        Row("a peer", 100, 0.1, 3, 0, never, never, 0, "no luck"),
        Row("a peer", 1_000, 0.0, 0, 0, never, never, 0, "5 of 5 rounds not played: not finished within 9 s"),
    ]
    ours = Row("us", 100, 0.0, 2, 2, done, quick, 139)
    page = section.markdown(PeerTable(rows, [("phe", "1.5.0")], PEERS), [ours])
    assert page.index("| us | 100 |") < page.index("| a peer | 100 |")
    assert "| a peer | 100 | 0 % | 2 of 2 | 12.0 (13.0) | 512 | 0.320 (0.330) |" in page
    assert "| a peer | 100 | 10 % | 0 of 3 | - | - | - |" in page
    assert "| a peer | 1000 | 0 % | none played | - | - | - |" in page
    assert "| a peer | 100 | 10 % | no luck |" in page
    assert "From PyPI: phe 1.5.0." in page


def test_every_peer_has_its_script_and_pins_every_package() -> None:
    assert len(PEERS) >= 2
    for peer in PEERS:
        lines = [line for line in peer.requirements.read_text().splitlines() if not line.startswith("#")]
        assert peer.script.is_file()
        assert lines and all("==" in line for line in lines)


def fake(tmp_path: Path, code: str, requirements: str) -> Peer:
    """A peer whose script and packages are the test's."""
    (tmp_path / "fake.txt").write_text(requirements)
    (tmp_path / "fake.py").write_text(code)
    return Peer("fake", tmp_path / "fake.txt", tmp_path / "fake.py", 1, "A script of the test.")


def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments in the test's directory; pip asks nobody, whatever this machine's settings are."""
    monkeypatch.setenv("DCNET_PEERS", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
