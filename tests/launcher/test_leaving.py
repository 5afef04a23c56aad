import os
from pathlib import Path

from broker.home import hold_home
from launcher.leaving import holder_of
from smgw.vault import LOCK_FILE


def test_who_holds_a_vault_is_known_only_while_it_does(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert holder_of(home / LOCK_FILE) is None
    with hold_home(home, LOCK_FILE):
        assert holder_of(home / LOCK_FILE) == os.getpid()
    assert holder_of(home / LOCK_FILE) is None
