"""A provider or a gateway as a process of its own."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import psutil

from tests.integration.conftest import eventually

HOST: Final = "127.0.0.1"
WITHIN_S: Final = 40
"""Limit for everything that a few rounds must bring about, on a machine that has other things to do too."""


class Program:
    """A child process whose words go to a file."""

    def __init__(self, module: str, config: Path) -> None:
        self.log = config.with_suffix(".log")
        self._command = [sys.executable, "-m", module, "--config", str(config)]
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it must not run."""
        assert not self.is_running
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    @property
    def process(self) -> psutil.Process:
        """The running process."""
        assert self._child is not None
        return psutil.Process(self._child.pid)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._child is not None
        self._child.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end."""
        child = self._child
        assert child is not None
        await eventually(lambda: child.poll() is not None, WITHIN_S)
        return child.wait()

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        self.send(number)
        return await self.ended()

    async def clean_up(self) -> None:
        """See that it does not run, also when it was stopped in its tracks."""
        if not self.is_running:
            return
        self.send(signal.SIGCONT)
        try:
            await self.end()
        except TimeoutError:
            await self.end(signal.SIGKILL)

    def words(self) -> list[str]:
        """The lines it has written."""
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
