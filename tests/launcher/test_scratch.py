from pathlib import Path

import pytest

from launcher.errors import LauncherError
from launcher.scratch import scratch_directory


def test_a_scratch_directory_goes_away() -> None:
    with scratch_directory(None) as scratch:
        root = scratch.root
        assert root.stat().st_mode & 0o077 == 0
        scratch.log("provider").write_text("said")
    assert not root.exists()


def test_a_kept_directory_stays(tmp_path: Path) -> None:
    with scratch_directory(tmp_path / "kept") as scratch:
        scratch.log("provider").write_text("said")
    assert scratch.log("provider").read_text() == "said"


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    with pytest.raises(LauncherError, match="is not empty"), scratch_directory(tmp_path):
        pass


def test_a_place_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(LauncherError, match="cannot be used: Not a directory"),
        scratch_directory(tmp_path / "file" / "x"),
    ):
        pass
