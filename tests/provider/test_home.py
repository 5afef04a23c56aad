import stat
import subprocess
import sys
from pathlib import Path

import pytest

from provider.home import Home, HomeError, write_atomically


def test_a_home_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with Home(tmp_path / "a" / "home") as home:
        assert stat.S_IMODE(home.path.stat().st_mode) == 0o700


def test_a_home_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(HomeError, match=r"Others may enter .* Run:  chmod 700"), Home(tmp_path):
        pass


def test_a_second_provider_in_one_home_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    with Home(tmp_path):
        script = f"from pathlib import Path; from provider.home import Home; Home(Path({str(tmp_path)!r})).__enter__()"
        second = subprocess.run(
            [sys.executable, "-c", script], check=False, timeout=60, capture_output=True, encoding="utf-8"
        )
        holder = (tmp_path / "lock").read_text().strip()
    assert f"Another provider (process {holder}) works in {tmp_path}. Stop it first" in second.stderr


def test_a_home_is_free_again_after_its_provider_left(tmp_path: Path) -> None:
    for _ in range(2):
        with Home(tmp_path), pytest.raises(HomeError, match="Another provider"), Home(tmp_path):
            pass


def test_a_home_that_is_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(HomeError, match=r"cannot be used: File exists.*name another one as `home`"):
        Home(tmp_path / "home").__enter__()


def test_a_file_is_replaced_whole_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "provider.json"
    for text in ("first\n", "second\n"):
        write_atomically(path, text)
        assert path.read_text() == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
