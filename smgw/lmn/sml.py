"""Meter source for SML telegrams from a serial port, as nearly all German household meters push them."""

import asyncio
import errno
import logging
import os
from collections import deque
from enum import Enum
from pathlib import Path
from typing import Final

from smgw.lmn.clock import SYSTEM_CLOCK, Clock
from smgw.lmn.decoder import MeterValues, TelegramDecoder
from smgw.lmn.serial_port import SerialPort
from smgw.lmn.source import RegisterSample

logger = logging.getLogger(__name__)

_SAMPLES_MAX: Final = 256
_REOPEN_FIRST_S: Final = 0.25
_REOPEN_MAX_S: Final = 5.0
_SILENT_AFTER_MS: Final = 5_000
_READ_BYTES: Final = 4096


class _PortState(Enum):
    """What the port does at the moment."""

    CLOSED = "closed"
    OPEN = "open"


class SmlSource:
    """Reads the port for as long as `run` is running, and reopens it when it vanished and came back."""

    def __init__(self, port: Path, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._path = port
        self._clock = clock
        self._decoder = TelegramDecoder()
        self._samples: deque[RegisterSample] = deque(maxlen=_SAMPLES_MAX)
        self._export_dwh: int | None = None
        self._state = _PortState.CLOSED
        self._open_error: OSError | None = None
        self._is_locked = False
        self._has_noise = False
        self._heard_ms = clock.steady_ms()
        self._reopen_s = _REOPEN_FIRST_S

    @property
    def name(self) -> str:
        """What messages to the owner call this meter."""
        return f"the meter on {self._path}"

    @property
    def refused(self) -> int:
        """How many telegrams were broken."""
        return self._decoder.refused

    async def open(self) -> None:
        """Return: a port that is missing now may be plugged in later."""

    async def run(self) -> None:
        """Collect samples until canceled."""
        while True:
            port = SerialPort(self._path)
            try:
                descriptor = await asyncio.to_thread(port.open)
                self._open_error = None
                await self._listen(descriptor)
            except OSError as error:
                self._open_error = error
            finally:
                self._state = _PortState.CLOSED
                port.close()
            await asyncio.sleep(self._reopen_s)
            self._reopen_s = min(2 * self._reopen_s, _REOPEN_MAX_S)

    def register_at(self, boundary_ms: int) -> RegisterSample | None:
        """The newest sample that arrived at or before the boundary."""
        return next((sample for sample in reversed(self._samples) if sample.time_ms <= boundary_ms), None)

    def problem(self) -> str | None:
        """What the owner should look at; None while telegrams with registers arrive."""
        if self._state is _PortState.CLOSED:
            return _port_problem(self._path, self._open_error)
        if self._is_locked:
            return f"{self.name} sends whole kWh only and no power; unlock it: PIN, and InF on"
        silent_ms = self._clock.steady_ms() - self._heard_ms
        if silent_ms < _SILENT_AFTER_MS:
            return None
        if self._decoder.without_import:
            return f"{self.name} sends no import register (1-0:1.8.0); choose the meter that counts the household"
        said = f"nothing readable ({self.refused} broken telegrams so far)" if self._has_noise else "nothing"
        return f"{self.name} has said {said} for {silent_ms // 1000} s; check the infrared head"

    def forget(self) -> None:
        """Drop all samples: their times are of another clock."""
        self._samples.clear()

    async def _listen(self, descriptor: int) -> None:
        """Feed the decoder until the port is gone."""
        loop = asyncio.get_running_loop()
        is_gone = asyncio.Event()
        self._state = _PortState.OPEN
        self._decoder.restart()
        logger.info("listening to %s", self.name)
        loop.add_reader(descriptor, self._read, descriptor, is_gone)
        try:
            await is_gone.wait()
        finally:
            loop.remove_reader(descriptor)
        logger.info("%s is gone; waiting for it to come back", self._path)

    def _read(self, descriptor: int, is_gone: asyncio.Event) -> None:
        try:
            data = os.read(descriptor, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            is_gone.set()
            return
        self._has_noise = True
        for values in self._decoder.feed(data):
            self._accept(values)

    def _accept(self, values: MeterValues) -> None:
        self._heard_ms = self._clock.steady_ms()
        self._reopen_s = _REOPEN_FIRST_S
        self._is_locked = values.is_locked
        self._has_noise = False
        if values.is_locked:
            return
        # Some meters send export in every other telegram only: the last one stands until the next.
        if values.export_dwh is not None:
            self._export_dwh = values.export_dwh
        now_ms = self._clock.wall_ms()
        self._samples.append(RegisterSample(now_ms, values.import_dwh, self._export_dwh, values.power_w))


def _port_problem(path: Path, error: OSError | None) -> str:
    if error is None:
        return f"{path} is gone or not yet open; check that the infrared head is plugged in"
    if error.errno == errno.EACCES:
        return f"no permission to read {path}; add the user of this service to the group dialout"
    if error.errno in (errno.EWOULDBLOCK, errno.EBUSY):
        return f"{path} is in use by another program; stop it, two readers would tear the telegrams apart"
    if error.errno == errno.ENOTTY:
        return f"{path} is not a serial port; set the port of the infrared head, such as /dev/ttyUSB0"
    return f"cannot open {path} ({error.strerror}); plug in the infrared head, or correct the port in the settings"
