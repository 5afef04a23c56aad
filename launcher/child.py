"""One process of a demonstration: started, watched, signaled, ended.

Each has a session of its own, so that Ctrl-C in a terminal reaches the launcher alone and the end stays in order. The
kernel ends it when the launcher dies (see `broker.process`).
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from broker.process import tied_to_parent
from launcher.errors import LauncherError

_TAIL_LINES: Final = 8
_TAIL_BYTES: Final = 4_096


class Child:
    """A running process; made by `start`. `may_end` says that its end is no accident."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log_file: Path) -> None:
        self.name: Final = name
        self.may_end = False
        self._process: Final = process
        self._log_file: Final = log_file

    @classmethod
    def start(cls, name: str, command: Sequence[str], log_file: Path) -> Self:
        """Start `command`; what it writes is appended to `log_file`.

        Raises:
            LauncherError: The system does not run it.
        """
        with log_file.open("ab") as log:
            try:
                process = subprocess.Popen(
                    [*tied_to_parent(), *command],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=_environment(os.environ),
                    start_new_session=True,
                )
            except OSError as error:
                raise LauncherError(f"{name} cannot be started: {error}. Look at the installation.") from error
        return cls(name, process, log_file)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @property
    def ended_well(self) -> bool:
        """Whether it has ended with exit status 0."""
        return self._process.poll() == 0

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        self._process.send_signal(number)

    def ask_to_end(self) -> None:
        """Ask for an orderly end."""
        self.may_end = True
        self.send(signal.SIGTERM)

    def kill(self) -> None:
        """End it, and everything it has started, at this instant; wait until the kernel has."""
        self.may_end = True
        for pid in _children_of(self.pid) if self.is_running else []:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    def obituary(self) -> str:
        """How it ended and its last lines, as a message."""
        code = self._process.returncode
        end = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
        return f"{self.name} {end}, which nobody asked for. {self.tail()}"

    def tail(self) -> str:
        """The end of its log, quoted for a message."""
        with self._log_file.open("rb") as log:
            log.seek(max(log.seek(0, os.SEEK_END) - _TAIL_BYTES, 0))
            lines = log.read().decode(errors="replace").splitlines()[-_TAIL_LINES:]
        quoted = "\n".join(f"  {line}" for line in lines) or "  (nothing)"
        return f"The end of its log, {self._log_file}:\n{quoted}"


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """This environment without our settings, which would reach every process alike, and with one thread for numpy."""
    ours = {name: value for name, value in environment.items() if not name.startswith("DCNET_")}
    return {**ours, "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def _children_of(pid: int) -> list[int]:
    """The processes that this one has started (proc(5), `children`)."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []
