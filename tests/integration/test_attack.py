"""`dcnet demo --attack`: a real provider that lies reads a household in suite basic, and none in suite hardened."""

import signal
from pathlib import Path

import pytest

from common.suites import BASIC_WARNING
from tests.integration.conftest import eventually
from tests.integration.demos import demo, until_gateways_are_members

pytestmark = pytest.mark.integration

ATTACK = ("--attack", "false-correction", "--period", "2", "--json")


async def test_a_false_correction_reads_a_household_in_suite_basic_and_none_in_suite_hardened(tmp_path: Path) -> None:
    async with demo(tmp_path / "kept", *ATTACK) as running:
        await until_gateways_are_members(running, 12)
        status, lines, told = await running.finish()
    assert status == 0, told
    (shown,) = lines
    assert shown["is_as_promised"]
    outcomes = {(each["suite"], each["lie"]): each for each in shown["outcomes"]}
    read = outcomes["basic", "false-correction"]
    assert read["is_read"]
    assert read["lanes"] == [read["ledger_import_dwh"], read["ledger_export_dwh"], 1]
    assert read["ledger_import_dwh"] > 0
    for lie, evidence in (("false-correction", 0), ("named-and-included", 6)):
        sealed = outcomes["hardened", lie]
        assert (sealed["is_read"], sealed["shares"], sealed["needed"]) == (False, 0, 4)
        assert sealed["lanes"][0] != sealed["ledger_import_dwh"]
        assert sealed["evidence"] == evidence
    logs = {name: (tmp_path / "kept" / "logs" / f"{name}.log").read_text() for name in ("basic-3", "hardened-3")}
    assert {name for name, text in logs.items() if BASIC_WARNING in text} == {"basic-3"}
    assert f"network 1 (basic): {BASIC_WARNING}" in (tmp_path / "kept" / "logs" / "provider.log").read_text()


async def test_ctrl_c_during_an_attack_leaves_nothing(tmp_path: Path) -> None:
    async with demo(tmp_path / "kept", *ATTACK) as running:
        await until_gateways_are_members(running, 2)
        await eventually((tmp_path / "kept" / "provider" / "provider.json").exists)
        running.process.send_signal(signal.SIGINT)
        status, lines, told = await running.finish()
    assert (status, lines) == (130, []), told
    assert "Traceback" not in told
