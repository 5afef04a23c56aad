"""Mosquitto, configured and kept running.

The configuration is the template `config/mosquitto.conf`, rendered into the directory that also takes the log and
the persistent sessions. One broker works in a directory at a time.
"""

import asyncio
import logging
import os
import pwd
import shutil
import time
from contextlib import ExitStack
from importlib.resources import files
from itertools import count
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Final, Self

from broker.home import HomeError, explained, hold_home
from broker.pace import Backoff, OncePerMinute
from broker.probe import free_port
from broker.process import MosquittoProcess
from broker.program import BrokerError, Version, find_program, installed_version
from broker.settings import BrokerSettings

log = logging.getLogger(__name__)

LOCK_FILE: Final = "broker.pid"

PACKET_OVERHEAD_BYTES: Final = 1_024
"""Room for a packet's header and its topic, which has some 100 bytes."""

_FREE_PORT_ATTEMPTS: Final = 5
_STABLE_S: Final = 60
_IN_USE: Final = "Address already in use"
_CANNOT_RESTORE: Final = "Couldn't open database"
"""The last word of every Mosquitto that finds its saved sessions damaged (src/persist_read.c, src/database.c)."""


def render(settings: BrokerSettings, directory: Path, port: int) -> str:
    """Fill in the template. `directory` is absolute and takes the persistent sessions."""
    assert directory.is_absolute() and str(directory).isprintable()
    template = Template(files("config").joinpath("mosquitto.conf").read_text(encoding="utf-8"))
    return template.substitute(
        settings.model_dump(include=set(template.get_identifiers()))
        | {
            "port": port,
            "directory": directory,
            "user": _account_name(settings),
            "packet_bytes_max": settings.payload_bytes_max + PACKET_OVERHEAD_BYTES,
        }
    )


class Broker:
    """Mosquitto as a supervised context manager: inside it runs, and runs again when it dies.

        async with Broker(BrokerSettings(), directory) as broker:
            ... broker.port ...

    Entering raises BrokerError when it cannot be started. Later deaths are logged, told by `exited`, and followed
    by a new start on the same port, with growing waits.
    """

    def __init__(self, settings: BrokerSettings, directory: Path) -> None:
        self.host = settings.host
        self.port = settings.port
        self.version: Version = (0, 0, 0)
        self.restarts = 0
        self._settings = settings
        self._directory = directory.absolute()
        self._next_exit: asyncio.Future[str] | None = None
        self._process: MosquittoProcess | None = None
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        self._program = find_program(self._settings.mosquitto)
        self.version = await installed_version(self._program)
        with ExitStack() as held:
            self._prepare_directory(held)
            self._process = await self._start_first()
            await self._group.__aenter__()
            self._held = held.pop_all()
        self._supervisor = self._group.create_task(self._supervise(), name="mosquitto")
        log.info("Mosquitto %s runs on %s:%d", ".".join(map(str, self.version)), self.host, self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._supervisor.cancel()
            await asyncio.wait({self._supervisor})
        finally:
            if self._process is not None:
                await self._process.stop(self._settings.stop_within_s)
            self._held.close()
            # The group shall see a cancellation, which may be its own, but not wrap the owner's errors in a group.
            if isinstance(error, asyncio.CancelledError):
                await self._group.__aexit__(kind, error, trace)
            else:
                await self._group.__aexit__(None, None, None)

    @property
    def pid(self) -> int | None:
        """The process id; None between a death and the next start."""
        return None if self._process is None else self._process.pid

    @property
    def log_file(self) -> Path:
        """Where Mosquitto's own log is."""
        return self._directory / "mosquitto.log"

    async def exited(self) -> str:
        """Wait until Mosquitto dies by itself the next time, and say how. It is started again in any case."""
        if self._next_exit is None:
            self._next_exit = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._next_exit)

    async def _start_first(self) -> MosquittoProcess:
        """Start it; a free port may be taken by another before Mosquitto has it, then try the next."""
        for _ in range(_FREE_PORT_ATTEMPTS):
            self.port = self._settings.port or free_port(self.host)
            try:
                return await self._start()
            except BrokerError as error:
                if _IN_USE not in str(error):
                    raise
                if self._settings.port:
                    raise BrokerError(_port_in_use(self.host, self.port)) from error
        raise BrokerError(f"Found no free port on {self.host} in {_FREE_PORT_ATTEMPTS} attempts. Name one.")

    async def _start(self) -> MosquittoProcess:
        """Start it; once more, with nothing, if it cannot restore what it has saved."""
        try:
            return await self._start_once()
        except BrokerError as error:
            if _CANNOT_RESTORE not in str(error):
                raise
            self._set_database_aside()
            return await self._start_once()

    def _set_database_aside(self) -> None:
        database = self._directory / "mosquitto.db"
        number = next(n for n in count(1) if not database.with_name(f"{database.name}.damaged-{n}").exists())
        aside = database.with_name(f"{database.name}.damaged-{number}")
        try:
            with explained(database):
                database.rename(aside)
        except HomeError as error:
            raise BrokerError(str(error)) from error
        log.warning(
            "%s is damaged and was renamed to %s. Mosquitto starts without it: messages that waited for absent clients "
            "are lost, and so are retained ones until they are published again. Check the disk.",
            database,
            aside.name,
        )

    async def _start_once(self) -> MosquittoProcess:
        config_file = self._directory / "mosquitto.conf"
        config_file.write_text(render(self._settings, self._directory, self.port), encoding="utf-8")
        process = await MosquittoProcess.spawn(self._program, config_file, self.log_file, self._settings.account)
        try:
            await process.wait_ready(self.host, self.port, self._settings.start_within_s)
        except (BrokerError, asyncio.CancelledError):
            await process.stop(self._settings.stop_within_s)
            raise
        return process

    async def _supervise(self) -> None:
        """Wait for deaths, tell them, start again."""
        backoff = Backoff(first_s=0.1, max_s=30)
        while True:
            assert self._process is not None
            started_s = time.monotonic()
            reason = await self._process.wait()
            log.error("Mosquitto on %s:%d ended by itself (%s); starting it again", self.host, self.port, reason)
            self._process = None
            if self._next_exit is not None:
                self._next_exit.set_result(reason)
                self._next_exit = None
            if time.monotonic() - started_s > _STABLE_S:
                backoff.reset()
            self._process = await self._start_again(backoff)
            self.restarts += 1

    async def _start_again(self, backoff: Backoff) -> MosquittoProcess:
        died_s = time.monotonic()
        quiet = OncePerMinute()
        while True:
            await asyncio.sleep(backoff.next_wait_s())
            try:
                process = await self._start()
            except BrokerError as error:
                if quiet.allows("start", time.monotonic()):
                    log.error("%s\nTrying again.", error)
            else:
                log.info("Mosquitto runs again on %s:%d after %.1f s", self.host, self.port, time.monotonic() - died_s)
                return process

    def _prepare_directory(self, held: ExitStack) -> None:
        """Make and hold the directory, for the account of the broker alone: it has sessions and queued messages."""
        if not str(self._directory).isprintable():
            raise BrokerError(f"{self._directory!r} cannot stand in a configuration. Name another directory.")
        try:
            held.enter_context(hold_home(self._directory, LOCK_FILE))
            if self._settings.account is not None and os.geteuid() == 0:
                for path in (self._directory, *self._directory.iterdir()):
                    shutil.chown(path, self._settings.account)
        except LookupError as error:
            raise BrokerError(f"There is no account {self._settings.account!r}. Correct `account`.") from error
        except (HomeError, OSError) as error:
            raise BrokerError(f"The broker's directory {self._directory} cannot be used: {error}") from error


def _account_name(settings: BrokerSettings) -> str:
    """The account in the `user` line, which Mosquitto heeds only when it runs as root: then it stays root."""
    if settings.account is not None:
        return settings.account
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return "mosquitto"


def _port_in_use(host: str, port: int) -> str:
    return (
        f"Port {port} on {host} is in use already. See by whom with:  ss -ltnp 'sport = :{port}'  "
        f"Then end that program, or give the broker another port (0 takes a free one)."
    )
