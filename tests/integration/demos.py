"""`dcnet demo` as a person starts it, and every process that it was seen to have."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil

from tests.integration.conftest import eventually

WITHIN_S: Final = 60


class Demo:
    """A running demo; `family` are all processes that it was ever seen to have."""

    def __init__(self, process: asyncio.subprocess.Process, root: Path) -> None:
        self.process = process
        self.root = root
        self.family: set[psutil.Process] = set()

    def look(self) -> None:
        """Remember the processes that run now."""
        with suppress(psutil.NoSuchProcess):
            self.family |= set(psutil.Process(self.process.pid).children(recursive=True))

    async def finish(self) -> tuple[int, list[dict[str, Any]], str]:
        """Exit status, JSON lines, and what was said."""
        said, told = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, [json.loads(line) for line in said.splitlines()], told.decode()


def alive(family: set[psutil.Process]) -> list[psutil.Process]:
    return [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


@asynccontextmanager
async def demo(root: Path, *options: str) -> AsyncIterator[Demo]:
    command = [sys.executable, "-c", "from launcher.cli import main; main()", "demo", *options, "--keep", str(root)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    running = Demo(process, root)
    try:
        async with asyncio.timeout(WITHIN_S):
            yield running
            await eventually(lambda: not alive(running.family))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        for each in alive(running.family):
            each.kill()


async def until_gateways_are_members(running: Demo, count: int) -> None:
    """Wait until the demo's gateways have their vaults, and remember every process."""

    def are_there() -> bool:
        running.look()
        return len(list(running.root.glob("gateways/*/vault.sqlite"))) >= count

    await eventually(are_there, WITHIN_S)
