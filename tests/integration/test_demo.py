"""`dcnet demo` as a person starts it: real processes, the real Mosquitto, and nothing left afterwards."""

import asyncio
import csv
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from launcher.leaving import holder_of
from smgw.vault import LOCK_FILE
from tests.integration.conftest import eventually
from tests.integration.demos import WITHIN_S, alive, demo, until_gateways_are_members

pytestmark = pytest.mark.integration


def sums(lines: Sequence[dict[str, Any]]) -> list[tuple[int, int, int]]:
    return [(line["members"], line["present"], line["missing"]) for line in lines]


async def test_a_short_demo_is_exact_and_leaves_nothing(tmp_path: Path) -> None:
    options = ("--gateways", "6", "--period", "2", "--rounds", "4", "--json")
    async with demo(tmp_path / "kept", *options) as running:
        await until_gateways_are_members(running, 6)
        status, lines, told = await running.finish()
    assert (status, len(lines)) == (0, 4), told
    assert all(line["exact"] for line in lines)
    assert [line["number"] for line in lines] == [1, 2, 3, 4]
    assert sums(lines) == [(6, 6, 0), (6, 6, 0), (6, 5, 1), (5, 5, 0)]
    assert [line["status"] for line in lines] == ["complete", "complete", "corrected", "complete"]
    assert all(line["import_dwh"] == line["expected_import_dwh"] for line in lines)
    assert any(line["import_dwh"] for line in lines)
    assert len(running.family) >= 6 + 1 + 1 + 1, "gateways, meter, provider, Mosquitto"
    assert "gateway-4 is killed" in told
    assert "Enrolled 6 gateways and all others in " in told
    assert "MQTT Explorer: host 127.0.0.1, port " in told
    for name in ("authority.pem", "certificate.pem", "identity.key"):
        assert f"{tmp_path}/kept/inspectors/inspector-explorer/{name}" in told
    with (tmp_path / "kept" / "provider" / "results.csv").open(newline="") as file:
        rows = {row["round"]: row["import_dwh"] for row in csv.DictReader(file)}
    assert all(rows[str(line["round"])] == str(line["import_dwh"]) for line in lines)


async def test_the_thesis_demonstration_is_corrected_and_whole_again(tmp_path: Path) -> None:
    async with demo(tmp_path / "kept", "--profile", "thesis", "--period", "2", "--rounds", "10", "--json") as running:
        await until_gateways_are_members(running, 3)
        status, lines, told = await running.finish()
    assert status == 0, told
    assert "demonstration, not private" in told
    assert sums(lines[:5]) == [(3, 3, 0)] * 4 + [(3, 2, 1)]
    assert [line["attempts"] for line in lines[:5]] == [0, 0, 0, 0, 1]
    assert sums(lines[-1:]) == [(3, 3, 0)]
    assert all(line["exact"] and line["warning"] for line in lines)


async def test_two_networks_run_at_once(tmp_path: Path) -> None:
    options = ("--profile", "regions", "--gateways", "5", "--period", "2", "--rounds", "3", "--json")
    async with demo(tmp_path / "kept", *options) as running:
        await until_gateways_are_members(running, 10)
        status, lines, told = await running.finish()
    assert status == 0, told
    assert {(line["network"], line["number"]) for line in lines} == {(net, n) for net in (1, 2) for n in (1, 2, 3)}
    assert all(line["exact"] for line in lines)


REVOCATION = """
title = "one joins, one is revoked"
period_s = 2
rounds = 8
[[network]]
region = "north"
gateways = 6
[[step]]
round = 1
action = "join"
[[step]]
round = 2
action = "revoke"
gateway = 6
"""


async def test_who_joins_is_let_in_and_who_is_revoked_is_out_for_good(tmp_path: Path) -> None:
    profile = tmp_path / "revocation.toml"
    profile.write_text(REVOCATION)
    async with demo(tmp_path / "kept", "--profile", str(profile), "--json") as running:
        status, lines, told = await running.finish()
    assert status == 0, told
    assert all(line["exact"] for line in lines)
    assert {line["members"] for line in lines} >= {7, 6}
    assert (lines[-1]["members"], lines[-1]["present"]) == (6, 6), "gateway-7 has joined, gateway-6 is out"
    assert "gateway-6 is revoked by the administrator" in told
    logs = tmp_path / "kept" / "logs"
    assert "the broker refuses our certificate: it is revoked" in (logs / "gateway-6.log").read_text()
    assert "has to leave: its certificate is revoked" in (logs / "provider.log").read_text()


async def test_the_bus_of_a_demo_is_watched_with_the_inspectors_certificate(tmp_path: Path) -> None:
    seen: dict[str, dict[str, Any]] = {}
    async with demo(tmp_path / "kept", "--gateways", "5", "--period", "2", "--rounds", "0", "--json") as running:
        ready = running.root / "provider" / "provider.json"
        await eventually(ready.exists, WITHIN_S)
        port = json.loads(ready.read_text())["port"]
        address, credentials = f"127.0.0.1:{port}", running.root / "inspectors" / "inspector"
        options = ("inspect", "--watch", address, "--credentials", str(credentials), "--json")
        watching = await dcnet(*options)
        assert watching.stdout is not None
        while not {"ROSTER", "REVOCATIONS", "FINAL", "SUPERPOSITION"} <= seen.keys():
            line = json.loads(await watching.stdout.readline())
            seen[line.get("notification_name", "none")] = line
        watching.send_signal(signal.SIGINT)
        assert await watching.wait() == 0
        running.process.send_signal(signal.SIGINT)
        await running.finish()
    assert seen["ROSTER"]["data"]["region"] == "lindenhof"
    assert seen["REVOCATIONS"]["data"]["valid"] == ["lindenhof=5"]
    assert all(seen[name]["signature_holds"] for name in ("ROSTER", "REVOCATIONS", "FINAL"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_in_the_middle_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    async with demo(tmp_path / "kept", "--gateways", "5", "--period", "2", "--json") as running:
        await until_gateways_are_members(running, 2)
        running.process.send_signal(number)
        status, _, told = await running.finish()
    assert status == 130, told
    assert "Traceback" not in told
    logs = "".join(log.read_text() for log in (tmp_path / "kept" / "logs").iterdir())
    assert "Traceback" not in logs


async def test_a_second_ctrl_c_ends_everything_at_once(tmp_path: Path) -> None:
    async with demo(tmp_path / "kept", "--gateways", "5", "--period", "2", "--json") as running:
        await until_gateways_are_members(running, 2)
        frozen = next(each for each in alive(running.family) if "smgw" in each.cmdline())
        frozen.suspend()
        running.process.send_signal(signal.SIGINT)
        count = len(alive(running.family))
        await eventually(lambda: len(alive(running.family)) < count)
        asked_s = time.monotonic()
        running.process.send_signal(signal.SIGINT)
        status, _, told = await running.finish()
    assert status == 130, told
    assert time.monotonic() - asked_s < 5, "the limit for an orderly end is longer"


async def test_kill_9_of_the_launcher_leaves_nothing(tmp_path: Path) -> None:
    async with demo(tmp_path / "kept", "--gateways", "5", "--period", "2", "--json") as running:
        await until_gateways_are_members(running, 5)
        running.process.kill()
        status, _, _ = await running.finish()
    assert status == -signal.SIGKILL


async def test_an_unexpected_death_is_told_with_its_last_lines(tmp_path: Path) -> None:
    async with demo(tmp_path / "kept", "--gateways", "5", "--period", "2", "--json") as running:
        await until_gateways_are_members(running, 5)
        holder = holder_of(tmp_path / "kept" / "gateways" / "gateway-3" / LOCK_FILE)
        assert holder is not None
        os.kill(holder, signal.SIGKILL)
        status, _, told = await running.finish()
    assert status == 1
    assert "gateway-3 was killed by SIGKILL, which nobody asked for" in told
    assert "gateway-3: started" in told


async def test_a_gateway_leaves_by_command_whether_it_runs_or_not(tmp_path: Path) -> None:
    options = ("--profile", "thesis", "--gateways", "4", "--period", "2", "--rounds", "0", "--json")
    async with demo(tmp_path / "kept", *options) as running:
        await until_gateways_are_members(running, 4)
        assert running.process.stdout is not None
        await running.process.stdout.readline()
        config = tmp_path / "kept" / "settings" / "gateway-1.toml"
        for expected in ("leaves; it ends when the provider has confirmed", "one is started to leave"):
            status, said = await leave(config)
            assert (status, expected in said) == (0, True), said
        running.process.send_signal(signal.SIGINT)
        status, _, told = await running.finish()
    assert status == 0, told
    assert "gateway-1 has ended, as somebody asked it to" in told


async def dcnet(*arguments: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-c", "from launcher.cli import main; main()", *arguments]
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )


async def leave(config: Path) -> tuple[int | None, str]:
    process = await dcnet("smgw", "leave", "--config", str(config))
    said, _ = await process.communicate()
    return process.returncode, said.decode()
