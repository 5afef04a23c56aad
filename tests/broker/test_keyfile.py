import stat
from pathlib import Path

import pytest

from broker.home import HomeError
from broker.keyfile import load_or_make_identity


def test_an_identity_is_made_once_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    first = load_or_make_identity(path)
    assert load_or_make_identity(path).public_key == first.public_key
    assert list(tmp_path.iterdir()) == [path]


def test_two_identities_differ(tmp_path: Path) -> None:
    keys = {load_or_make_identity(tmp_path / name).public_key for name in "ab"}
    assert len(keys) == 2


def test_a_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    load_or_make_identity(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(HomeError, match=r"Others may use .*0640.* Run:  chmod 600"):
        load_or_make_identity(path)


def test_a_key_of_another_length_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    path.touch(mode=0o600)
    with pytest.raises(HomeError, match=r"holds 0 bytes instead of 32. Restore it from a backup"):
        load_or_make_identity(path)
    assert path.read_bytes() == b""


def test_a_directory_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="cannot be used: No such file or directory"):
        load_or_make_identity(tmp_path / "none" / "identity.key")
