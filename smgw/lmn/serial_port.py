"""A serial port for reading, 9600 baud, 8 data bits, no parity, 1 stop bit (8N1), unbuffered and not blocking."""

import errno
import fcntl
import os
import termios
import threading
from pathlib import Path


class SerialPort:
    """One port; `open` may block for a moment and belongs in a thread, `close` is safe at any time.

    A `close` that comes while a thread is still opening wins: the port is closed as soon as it is open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._is_closed = False
        self._descriptor: int | None = None

    def open(self) -> int:
        """Open and configure the port; returns its file descriptor.

        Raises:
            OSError: if it is missing, not allowed, not a serial port, or in use by another program that locks it.
        """
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _configure(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        with self._lock:
            self._descriptor = descriptor
            is_closed = self._is_closed
        if is_closed:
            self.close()
        return descriptor

    def close(self) -> None:
        """Close the port; again is fine."""
        with self._lock:
            self._is_closed = True
            descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _configure(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        attributes = termios.tcgetattr(descriptor)
        control = termios.CS8 | termios.CREAD | termios.CLOCAL
        attributes[:6] = [0, 0, control, 0, termios.B9600, termios.B9600]
        attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
        # What waited in the buffer is older than now, and would pass for the register of now.
        termios.tcflush(descriptor, termios.TCIFLUSH)
    except termios.error as error:
        raise OSError(errno.ENOTTY, "not a serial port") from error
