"""The emulator as the launcher runs it: a process that a meter source reads like an infrared head."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from smgw.lmn.clock import SYSTEM_CLOCK
from smgw.lmn.emulator import emulate, main
from smgw.lmn.meter import Meter
from smgw.lmn.simulated import SimulatedMeter
from smgw.lmn.sml import SmlSource
from tests.smgw.lmn.conditions import until

pytestmark = pytest.mark.integration


async def started(link: Path) -> asyncio.subprocess.Process:
    arguments = ("-m", "smgw.lmn.emulator", "--seed", "7", "--link", str(link), "--interval", "0.1")
    return await asyncio.create_subprocess_exec(sys.executable, *arguments)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_emulated_meter_is_read_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    link = tmp_path / "meter"
    process = await started(link)
    try:
        async with Meter(SmlSource(link)) as meter:
            await until(lambda: meter.latest() is not None, 20)
            latest = meter.latest()
    finally:
        process.send_signal(number)
    async with asyncio.timeout(10):
        assert await process.wait() == 0
    assert not link.is_symlink()
    truth = SimulatedMeter(7).register_at(SYSTEM_CLOCK.wall_ms())
    assert latest is not None
    assert truth is not None
    assert 0 <= truth.import_dwh - latest.import_dwh < 10_000
    assert latest.power_w is not None


async def test_listener_that_comes_late_hears_the_present(tmp_path: Path) -> None:
    stop = asyncio.Event()
    link = tmp_path / "meter"
    link.symlink_to("/nowhere-left-behind")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(emulate(SimulatedMeter(7), link, 0.001, stop))
        await until(link.exists)
        async with Meter(SmlSource(link)) as meter:
            await until(lambda: meter.latest() is not None)
        stop.set()
    assert not link.is_symlink()


async def test_file_in_the_place_of_the_link_is_kept(tmp_path: Path) -> None:
    link = tmp_path / "precious"
    link.write_text("mine")
    with pytest.raises(FileExistsError):
        await emulate(SimulatedMeter(7), link, 0.1, asyncio.Event())
    assert link.read_text() == "mine"


def test_interval_that_is_too_short_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--seed", "1", "--link", str(tmp_path / "meter"), "--interval", "0"])
    assert "--interval must be at least" in capsys.readouterr().err
