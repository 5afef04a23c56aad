import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from broker.home import HomeError, hold_home, make_home, publish_file, write_file

LOCK = "agent.pid"


def test_a_home_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "a" / "home"
    with hold_home(home, LOCK):
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert stat.S_IMODE((home / LOCK).stat().st_mode) == 0o600


def test_a_home_that_others_may_use_is_refused_with_the_command_that_closes_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with (
        pytest.raises(HomeError, match=r"Others .* \(mode 0755\)\. Run:  chmod 700"),
        hold_home(tmp_path, LOCK),
    ):
        pass


def test_a_second_process_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    script = "import sys, pathlib; from broker.home import hold_home; hold_home(pathlib.Path(sys.argv[1]), 'agent.pid')"
    with hold_home(tmp_path, LOCK):
        second = subprocess.run(
            [sys.executable, "-c", f"{script}.__enter__()", tmp_path],
            check=False,
            timeout=60,
            capture_output=True,
            encoding="utf-8",
        )
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"
    assert f"Another process ({os.getpid()}) works in {tmp_path}. Stop it first" in second.stderr


def test_a_home_is_free_again_after_its_process_left(tmp_path: Path) -> None:
    for _ in range(2):
        with hold_home(tmp_path, LOCK), pytest.raises(HomeError, match="Another process"), hold_home(tmp_path, LOCK):
            pass


def test_a_home_that_is_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "home").touch(0o600)
    with pytest.raises(HomeError, match=r"cannot be used: Not a directory"), hold_home(tmp_path / "home", LOCK):
        pass


def test_a_home_below_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeError, match=r"home cannot be used: Not a directory\. Give this account access"):
        make_home(tmp_path / "file" / "home")


def test_a_file_is_replaced_whole_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "provider.json"
    for octets in (b"first\n", b"second\n"):
        write_file(path, octets)
        assert path.read_bytes() == octets
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_draft_that_a_crash_left_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".provider.json.new").write_bytes(b"half")
    write_file(tmp_path / "provider.json", b"whole")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"whole"]


def test_a_published_file_replaces_nothing(tmp_path: Path) -> None:
    draft, path = tmp_path / "draft", tmp_path / "path"
    draft.write_bytes(b"new")
    path.write_bytes(b"old")
    with pytest.raises(HomeError, match="path cannot be used: File exists"):
        publish_file(draft, path)
    assert path.read_bytes() == b"old"
    path.unlink()
    publish_file(draft, path)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"path": b"new"}
