"""The frame of every performance on this machine, whatever is played in it.

It begins with a directory, once it is known that there is a Mosquitto. Ctrl-C stops it, what fails is told in a
sentence, and in the end no process is left.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from broker.groups import leaves
from broker.home import HomeError
from broker.program import BrokerError, find_program
from launcher.errors import FailedError, LauncherError
from launcher.scratch import Scratch, scratch_directory
from launcher.stage import Stage

PLAYED: Final = 0
FAILED: Final = 1
INTERRUPTED: Final = 130

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOG_FORMAT: Final = "%(asctime)s %(levelname)-7s %(message)s"


class _StopRequested(Exception):  # noqa: N818 -- it reports no error; it ends the task group
    """Ctrl-C."""


@contextmanager
def prepared(keep: Path | None) -> Iterator[Scratch]:
    """The directory of a performance, with a log of the launcher's own.

    Raises:
        LauncherError: There is no Mosquitto, or no such directory can be made; the text says what to do.
    """
    try:
        find_program(None)
    except BrokerError as error:
        raise LauncherError(str(error)) from error
    with scratch_directory(keep) as scratch:
        logging.basicConfig(filename=scratch.log("launcher"), level=logging.INFO, format=_LOG_FORMAT)
        yield scratch


async def perform(stage: Stage, play: Callable[[], Awaitable[None]]) -> int:
    """Play on a stage until it is played, fails or is stopped, and leave no process behind.

    The first Ctrl-C stops in order, the second at once.

    Returns:
        An exit status: `PLAYED`, `FAILED`, after a sentence on the standard error, or `INTERRUPTED`.
    """
    stop, force = asyncio.Event(), asyncio.Event()

    def interrupt() -> None:
        (force if stop.is_set() else stop).set()

    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, interrupt)
    status = PLAYED
    failures: list[BaseException] = []
    try:
        await _play_until(stop, play)
    except* _StopRequested:
        status = INTERRUPTED
    except* (FailedError, LauncherError, HomeError) as errors:
        failures += leaves(errors)
    finally:
        await stage.end(force)
    for failure in failures[:1]:
        sys.stderr.write(f"dcnet demo: {failure}\n")
    return FAILED if failures else status


async def _play_until(stop: asyncio.Event, play: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(_stop_when_asked(stop))
        await play()
        asking.cancel()


async def _stop_when_asked(stop: asyncio.Event) -> None:
    await stop.wait()
    raise _StopRequested
