"""Mosquitto kept running, with TLS and access rules at all times.

It works in a directory that takes its configuration, its log and the persistent sessions. One broker works in a
directory at a time.
"""

import asyncio
import logging
import time
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from broker.access import Access
from broker.files import BrokerFiles
from broker.home import HomeError, explained, hold_home
from broker.pace import Backoff, OncePerMinute
from broker.probe import free_port
from broker.process import MosquittoProcess
from broker.program import BrokerError, Version, find_program, installed_version
from broker.settings import BrokerSettings

log = logging.getLogger(__name__)

LOCK_FILE: Final = "broker.pid"

_FREE_PORT_ATTEMPTS: Final = 5
_STABLE_S: Final = 60
_COMPLAINT_INTERVAL_S: Final = 6 * 3_600
_IN_USE: Final = "Address already in use"
_CANNOT_RESTORE: Final = "Couldn't open database"
"""The last word of every Mosquitto that finds its saved sessions damaged (src/persist_read.c, src/database.c)."""


class Broker:
    """Mosquitto as a supervised context manager: inside it runs, and runs again when it dies.

        async with Broker(BrokerSettings(), directory, credentials, Access("provider", (network,))) as broker:
            ... broker.port ...

    Args:
        settings: Where it listens, and its limits.
        directory: Where Mosquitto works; made when missing.
        credentials: The directory with the broker's key and certificate, and the administrator's files. Newer ones
            take effect by themselves within `look_every_s` of the settings, or at once with `reload`.
        access: Who may publish and read what.

    Entering raises BrokerError when it cannot be started. Later deaths are logged, told by `exited`, and followed
    by a new start on the same port, with growing waits.
    """

    def __init__(self, settings: BrokerSettings, directory: Path, credentials: Path, access: Access) -> None:
        self.host = settings.host
        self.port = settings.port
        self.version: Version = (0, 0, 0)
        self.restarts = 0
        self._settings = settings
        self._directory = directory.absolute()
        self._credentials = credentials.absolute()
        self._files = BrokerFiles(settings, self._directory, self._credentials, access)
        self._next_exit: asyncio.Future[str] | None = None
        self._process: MosquittoProcess | None = None
        self._reloading = asyncio.Lock()
        self._is_restarting = False
        self._running = asyncio.Event()
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        self._program = find_program(self._settings.mosquitto)
        self.version = await installed_version(self._program)
        with ExitStack() as held:
            self._prepare_directory(held)
            self._files.take(self._files.access)
            self._process = await self._start_first()
            await self._group.__aenter__()
            self._held = held.pop_all()
        self._tasks = [
            self._group.create_task(self._supervise(), name="mosquitto"),
            self._group.create_task(self._look_for_newer_files(), name="mosquitto's files"),
        ]
        log.info("Mosquitto %s runs on %s:%d", ".".join(map(str, self.version)), self.host, self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
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

    async def reload(self, access: Access | None = None) -> None:
        """Have the present files of the credentials take effect, and other access rules if they are given.

        On SIGHUP Mosquitto reads its files again, and whoever is connected stays so. But it never looks again at a
        certificate that it has admitted. So when a list revokes more of them than before, it ends in order and is
        started anew: all come back at once, to the same sessions, except for those that are revoked.

        After SIGHUP 2.0.11 keeps nothing for a provider or inspector that is away at that moment, until it comes back:
        it then has no rules for their names. Gateways, which go by patterns, lose nothing.

        Raises:
            BrokerError: The files cannot be used, and Mosquitto goes on with those it had; or it does not come back.
        """
        async with self._reloading:
            must_cut_off = self._files.take(access or self._files.access)
            if self._process is None:
                return
            if must_cut_off:
                await self._restart(self._process, "to cut off whoever is revoked")
                return
            try:
                await self._process.read_again(
                    self.host, self.port, self._files.context(), self._settings.start_within_s
                )
            except BrokerError as error:
                log.error("%s", error)
                await self._restart(self._process, "since it may be without rules now")

    async def silence(self, name: str) -> None:
        """Deny a client everything from now on, until this broker is left. Its connection and everybody else's stay.

        Raises:
            BrokerError: As `reload`.
        """
        access = self._files.access
        await self.reload(replace(access, silenced=access.silenced | {name}))

    async def _restart(self, process: MosquittoProcess | None, why: str) -> None:
        """End the process in order, and wait until the supervisor has started the next one."""
        if process is None:
            return
        log.warning("Mosquitto on %s:%d is started anew %s", self.host, self.port, why)
        self._is_restarting = True
        self._running.clear()
        await process.stop(self._settings.stop_within_s)
        try:
            async with asyncio.timeout(self._settings.start_within_s):
                await self._running.wait()
        except TimeoutError as error:
            raise BrokerError(
                f"Mosquitto does not run again on {self.host}:{self.port}. {self.log_file} says why."
            ) from error

    async def _look_for_newer_files(self) -> None:
        """Have newer files take effect, and say when some will be too old soon, or are."""
        quiet, complaints = OncePerMinute(), OncePerMinute(_COMPLAINT_INTERVAL_S)
        while True:
            for what, sentence in self._files.complaints().items():
                if complaints.allows(what, time.monotonic()):
                    log.warning("%s", sentence)
            await asyncio.sleep(self._settings.look_every_s)
            if not self._files.are_newer():
                continue
            try:
                await self.reload()
                log.info("Mosquitto on %s:%d goes by the newer files in %s", self.host, self.port, self._credentials)
            except BrokerError as error:
                if quiet.allows("files", time.monotonic()):
                    log.error("%s\nMosquitto goes on with the files it had.", error)

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
        generation, context = self._files.generation, self._files.context()
        process = await MosquittoProcess.spawn(
            self._program, self._files.configuration(self.host, self.port), self.log_file, self._settings.account
        )
        try:
            await process.wait_ready(self.host, self.port, context, self._settings.start_within_s)
            if self._files.generation != generation:
                raise BrokerError("Mosquitto's files changed while it started; it may have read the old ones.")
        except (BrokerError, asyncio.CancelledError):
            await process.stop(self._settings.stop_within_s)
            raise
        return process

    async def _supervise(self) -> None:
        """Wait for deaths, tell those that nobody wanted, start again."""
        backoff = Backoff(first_s=0.1, max_s=30)
        while True:
            assert self._process is not None
            started_s = time.monotonic()
            reason = await self._process.wait()
            self._process = None
            was_wanted, self._is_restarting = self._is_restarting, False
            if not was_wanted:
                self._tell_death(reason)
                if time.monotonic() - started_s > _STABLE_S:
                    backoff.reset()
                await asyncio.sleep(backoff.next_wait_s())
            self._process = await self._start_again(backoff)
            self._running.set()

    def _tell_death(self, reason: str) -> None:
        log.error("Mosquitto on %s:%d ended by itself (%s); starting it again", self.host, self.port, reason)
        if self._next_exit is not None:
            self._next_exit.set_result(reason)
            self._next_exit = None

    async def _start_again(self, backoff: Backoff) -> MosquittoProcess:
        died_s = time.monotonic()
        quiet = OncePerMinute()
        while True:
            try:
                process = await self._start()
            except BrokerError as error:
                if quiet.allows("start", time.monotonic()):
                    log.error("%s\nTrying again.", error)
                await asyncio.sleep(backoff.next_wait_s())
            else:
                log.info("Mosquitto runs again on %s:%d after %.1f s", self.host, self.port, time.monotonic() - died_s)
                self.restarts += 1
                return process

    def _prepare_directory(self, held: ExitStack) -> None:
        """Make and hold the directory, for the account of the broker alone: it has sessions and queued messages."""
        for path in (self._directory, self._credentials):
            if not str(path).isprintable():
                raise BrokerError(f"{path!r} cannot stand in a configuration. Name another directory.")
        try:
            held.enter_context(hold_home(self._directory, LOCK_FILE))
        except HomeError as error:
            raise BrokerError(f"The broker's directory {self._directory} cannot be used: {error}") from error


def _port_in_use(host: str, port: int) -> str:
    return (
        f"Port {port} on {host} is in use already. See by whom with:  ss -ltnp 'sport = :{port}'  "
        f"Then end that program, or give the broker another port (0 takes a free one)."
    )
