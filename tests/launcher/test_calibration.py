"""`dcnet smgw log`: what a person reads of a gateway's calibration log."""

from pathlib import Path

from broker.home import make_home
from broker.keyfile import make_identity
from smgw.core.events import Calibration, LogLevel, Outcome
from smgw.vault import Vault
from tests.launcher.commands import dcnet, gateway_settings


def test_the_calibration_log_is_told_line_by_line(tmp_path: Path) -> None:
    config, home = gateway_settings(tmp_path, "gateway-1"), tmp_path / "gateway-1"
    make_home(home)
    make_identity(home / "identity.key")
    with Vault(home, 1_000) as vault:
        vault.apply([Calibration(1_800_000_000_000, LogLevel.ERROR, "42 s behind", Outcome.FAILURE)])
        told = dcnet("smgw", "log", "--config", config)
    assert told.status == 0
    assert told.out.split() == ["1", "2027-01-15", "08:00:00.000+00:00", "ERROR", "FAILURE", "42", "s", "behind"]


def test_without_a_vault_it_is_said_what_is_missing(tmp_path: Path) -> None:
    told = dcnet("smgw", "log", "--config", gateway_settings(tmp_path, "gateway-1"))
    assert told.status != 0
    assert "vault.sqlite" in told.err
