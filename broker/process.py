"""One run of the Mosquitto program: started, known to answer, ended.

The child has its own session, so that Ctrl-C in a terminal reaches its owner alone and the end stays in order. It
is told by the kernel when its parent dies (`setpriv --pdeathsig`, prctl(2)), so that a kill -9 leaves no broker.
"""

import asyncio
import os
import pwd
import re
import resource
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from broker.probe import answers
from broker.program import BrokerError
from broker.tls import ClientContext

_LOG_BYTES_MAX: Final = 8 << 20
_TAIL_LINES: Final = 6
_PROBE_WITHIN_S: Final = 2
_POLL_S: Final = 0.01
_FAULT: Final = re.compile(r"^\S+ Error", re.MULTILINE)
"""How Mosquitto's log begins a line about a file that it cannot use; other errors are clients'."""


class MosquittoProcess:
    """A running child; made by `spawn`."""

    def __init__(self, child: asyncio.subprocess.Process, log_file: Path, log_start: int) -> None:
        self._child = child
        self._log_file = log_file
        self._log_start = log_start

    @classmethod
    async def spawn(cls, program: Path, config_file: Path, log_file: Path, account: str | None) -> Self:
        """Start the program; both files' directory must exist. Its output is appended to `log_file`.

        Raises:
            BrokerError: The system does not run it.
        """
        with _open_log(log_file) as log:
            start = log.tell()
            try:
                child = await asyncio.create_subprocess_exec(
                    *tied_to_parent(),
                    program,
                    "-c",
                    config_file,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=config_file.parent,
                    start_new_session=True,
                    **_as_account(account),
                )
            except OSError as error:
                raise BrokerError(f"{program} cannot be started: {error}") from error
        _raise_file_limit(child.pid)
        return cls(child, log_file, start)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    async def wait_ready(self, host: str, port: int, context: ClientContext, within_s: float) -> None:
        """Wait until it answers a CONNECT.

        Another broker of ours may hold the port, so the answer counts only when our connection is in its log.

        Args:
            host: Where it listens.
            port: Its TCP port.
            context: The broker's own credentials.
            within_s: The limit.

        Raises:
            BrokerError: It ended or did not answer in time; the text quotes its last lines.
        """
        try:
            async with asyncio.timeout(within_s):
                while self._child.returncode is None:
                    local_port = await answers(host, port, context, context.name, _PROBE_WITHIN_S)
                    if local_port is not None and f":{local_port} as {context.name} " in self.log_text():
                        return
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            raise BrokerError(
                f"Mosquitto does not answer on {host}:{port} within {within_s:g} s. {self.tail()}"
            ) from error
        raise BrokerError(f"Mosquitto does not start on {host}:{port} ({self.end()}). {self.tail()}")

    async def read_again(self, host: str, port: int, context: ClientContext, within_s: float) -> None:
        """Have it read its files again, and wait until it has.

        It does so between two rounds of its loop, and needs several for one connection: when ours stands, it has.

        Raises:
            BrokerError: It could not use a file, or does not answer any more.
        """
        self._log_start = self._log_file.stat().st_size
        with suppress(ProcessLookupError):
            self._child.send_signal(signal.SIGHUP)
        await self.wait_ready(host, port, context, within_s)
        if _FAULT.search(self.log_text()):
            raise BrokerError(f"Mosquitto cannot use a file. {self.tail()}")

    async def wait(self) -> str:
        """Wait for its end and say how it ended."""
        await self._child.wait()
        return self.end()

    async def stop(self, within_s: float) -> None:
        """End it: SIGTERM, on which it saves its sessions, then SIGKILL after `within_s`."""
        try:
            with suppress(ProcessLookupError):
                self._child.terminate()
            async with asyncio.timeout(within_s):
                await self._child.wait()
        except (TimeoutError, asyncio.CancelledError) as error:
            with suppress(ProcessLookupError):
                self._child.kill()
            await self._child.wait()
            if isinstance(error, asyncio.CancelledError):
                raise

    def end(self) -> str:
        """How it ended, in words."""
        code = self._child.returncode
        assert code is not None
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    def log_text(self) -> str:
        """What this run has written, since it last read its files again."""
        with self._log_file.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def tail(self) -> str:
        """The last lines of this run, quoted for a message."""
        lines = self.log_text().splitlines()[-_TAIL_LINES:]
        quoted = "\n".join(f"  {line}" for line in lines) or "  (nothing)"
        return f"The end of its log, {self._log_file}:\n{quoted}"


def _open_log(log_file: Path) -> Any:  # noqa: ANN401
    """Open the log for appending; a big one is put aside first, so that two are kept at most."""
    if log_file.exists() and log_file.stat().st_size > _LOG_BYTES_MAX:
        log_file.replace(log_file.with_suffix(".old.log"))
    log = log_file.open("ab")
    log.seek(0, os.SEEK_END)
    return log


def tied_to_parent() -> list[str]:
    """A prefix that makes the kernel send SIGTERM when the thread that starts the child ends; then it execs."""
    setpriv = shutil.which("setpriv", path=f"{os.environ.get('PATH', '')}:/usr/bin:/bin")
    return [] if setpriv is None else [setpriv, "--pdeathsig", "TERM", "--"]


def _as_account(account: str | None) -> dict[str, Any]:
    """Arguments that start the child as another account; only root can."""
    if account is None or os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(account)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": ()}


def _raise_file_limit(pid: int) -> None:
    """Give the child as many open files as it may have: one for each client, and 1,024 stopped it at 1,015."""
    with suppress(ProcessLookupError, PermissionError):
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
