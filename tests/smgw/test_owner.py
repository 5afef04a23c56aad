"""What the owner reads in the log at every start."""

import logging
from pathlib import Path

import pytest

from broker.home import make_home
from broker.keyfile import make_identity
from common.identifiers import RoundNumber
from common.suites import BASIC_WARNING
from smgw import settings as smgw_settings
from smgw.agent import tell_owner
from smgw.core.events import Evidence, Offense, Record
from smgw.settings import GatewaySettings
from smgw.vault import Vault
from tests.smgw.records import MEMBERSHIP


def settings_in(root: Path, suite: str, *records: Record) -> GatewaySettings:
    config, home = root / "smgw.toml", root / "home"
    head = f"name = 'gw-1'\nregion = 'north'\nhome = '{home}'\nsuite = '{suite}'\n"
    config.write_text(f"{head}[meter]\nkind = 'simulator'\nseed = 1\n")
    make_home(home)
    make_identity(home / "identity.key")
    with Vault(home, 100) as vault:
        vault.apply([MEMBERSHIP, *records])
    return smgw_settings.load(config)


@pytest.mark.parametrize("suite", ["basic", "hardened"])
def test_suite_basic_is_warned_of_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture, suite: str) -> None:
    tell_owner(settings_in(tmp_path, suite))
    assert (f"gw-1: {BASIC_WARNING}" in caplog.messages) == (suite == "basic")
    assert len(caplog.messages) == (suite == "basic")


def test_what_is_kept_against_the_provider_is_counted_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    proof = Evidence(1, RoundNumber(5), Offense.TWO_FINALS, b"1", b"2")
    complaints = [Evidence(at, RoundNumber(at), Offense.LEFT_OUT, b"1", b"2") for at in (7, 8)]
    tell_owner(settings_in(tmp_path, "hardened", proof, *complaints))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "gw-1: evidence against the provider is kept: once the provider signed what contradicts itself, which anybody"
        " can check; 2 times it left this gateway out although it had sent, which may be an accident (dcnet smgw"
        " evidence)."
    )
