"""A recording of a whole demo: what left the houses looks uniform, and unrelated to what was metered there."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Final

import pytest

from launcher.hiding.verdict import FRAMES_MIN
from launcher.recording import read_recording
from tests.integration.conftest import eventually
from tests.integration.demos import WITHIN_S, Demo, demo

pytestmark = pytest.mark.integration

QUIET: Final = """
title = "nothing happens"
period_s = 1
rounds = 0
[[network]]
region = "north"
gateways = 10
"""


async def dcnet(*words: str | Path) -> asyncio.subprocess.Process:
    command = [sys.executable, "-c", "from launcher.cli import main; main()", *map(str, words)]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)


async def said_by(*words: str | Path) -> tuple[int | None, str]:
    process = await dcnet(*words)
    said, told = await process.communicate()
    return process.returncode, (said + told).decode()


async def record(running: Demo, file: Path) -> str:
    """Record until there is enough for a verdict, and end that with Ctrl-C; what it said."""
    ready = running.root / "provider" / "provider.json"
    await eventually(ready.exists, WITHIN_S)
    address = f"127.0.0.1:{json.loads(ready.read_text())['port']}"
    credentials = running.root / "inspectors" / "inspector"
    recorder = await dcnet("inspect", "--watch", address, "--credentials", credentials, "--record", file)
    await eventually(lambda: file.exists() and file.stat().st_size > 0, WITHIN_S)
    assert running.process.stdout is not None
    testable = 0
    while testable < FRAMES_MIN:
        line = json.loads(await running.process.stdout.readline())
        testable += max(line["present"] - 1, 0)
    recorder.send_signal(signal.SIGINT)
    _, told = await recorder.communicate()
    assert recorder.returncode == 0, told
    return told.decode()


async def test_a_recorded_demo_looks_uniform_beside_its_true_readings(tmp_path: Path) -> None:
    recording, table = tmp_path / "demo.jsonl", tmp_path / "readings.csv"
    (tmp_path / "quiet.toml").write_text(QUIET)
    async with demo(tmp_path / "kept", "--profile", str(tmp_path / "quiet.toml"), "--json") as running:
        told = await record(running, recording)
        running.process.send_signal(signal.SIGINT)
        await running.finish()
    messages = list(read_recording(recording))
    assert told.endswith(f"{len(messages):,} messages are in {recording}\n")
    assert {"dcnet/1/1/all/final", "dcnet/1/1/up/gateway-1"} <= {message.topic for message in messages}
    settings = sorted((tmp_path / "kept" / "settings").glob("gateway-*.toml"))
    exported = [await said_by("smgw", "readings", "--config", each) for each in settings]
    assert {status for status, _ in exported} == {0}
    table.write_text("".join(text for _, text in exported))
    status, text = await said_by("inspect", "--uniformity", recording, "--readings", table, "--json")
    verdict = json.loads(text)
    assert (status, verdict["verdict"], verdict["failed"]) == (0, "looks uniform", []), text
    assert verdict["frames_tested"] >= verdict["frames_compared"] >= FRAMES_MIN
    assert {"lanes: bits", "readings: ranks"} <= {check["name"] for check in verdict["checks"]}
