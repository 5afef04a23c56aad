"""Recordings of the bus: what `dcnet inspect --watch --record` writes, and what reads it again.

A recording is a file in JSON Lines. Each line is one message as it arrived, in this order of fields:

| field | what |
|---|---|
| `time_ms` | when it arrived, Unix milliseconds by the clock of who recorded |
| `topic` | its topic |
| `retained` | whether the broker had kept it, and did not just get it |
| `payload` | its payload in base64 (RFC 4648, section 4) |

Recordings may be appended to each other. Every payload is what anybody with an inspector's certificate sees.
"""

import base64
import binascii
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self, final

from pydantic import BaseModel, ConfigDict, ValidationError

from broker.events import Message
from launcher.errors import LauncherError

LINE_BYTES_MAX: Final = 1 << 18
"""A frame of the greatest size takes 88 kB in base64."""


class _Line(BaseModel):
    """One line of a recording."""

    model_config = ConfigDict(extra="forbid", strict=True)

    time_ms: int
    topic: str
    retained: bool
    payload: str


@final
class Recorder:
    """Appends messages to a new file, whole lines only; a context manager. It keeps nothing in memory.

    Every batch of messages is in the file when `take` returns. When the disk is full, a line of which only a part found
    room is taken back, so what was recorded until then can be read. A file without a message is removed in the end.
    """

    def __init__(self, path: Path) -> None:
        """Make the file.

        Raises:
            LauncherError: It exists already, or cannot be made.
        """
        self._path: Final = path
        self._bytes = 0
        self.messages = 0
        try:
            self._file: Final = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError as error:
            raise LauncherError(f"{path} is there already. Name a new file to record to.") from error
        except OSError as error:
            raise LauncherError(f"{path} cannot be made: {error.strerror}. Name a file that can be written.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)
        if not self._bytes:
            self._path.unlink(missing_ok=True)

    def take(self, messages: Sequence[Message], now_ms: int) -> None:
        """Write a line for each message.

        Raises:
            LauncherError: The disk is full, or does not take them.
        """
        for message in messages:
            self._write(line(message, now_ms))
            self.messages += 1

    def _write(self, octets: bytes) -> None:
        rest = memoryview(octets)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            os.ftruncate(self._file, self._bytes)
            raise LauncherError(
                f"{self._path} cannot be written any further: {error.strerror}. The {self.messages:,} messages that "
                "are in it can be read; make room, and record the rest to another file."
            ) from error
        self._bytes += len(octets)


def line(message: Message, now_ms: int) -> bytes:
    """A message as a line of a recording."""
    payload = base64.b64encode(message.payload).decode()
    written = _Line(time_ms=now_ms, topic=message.topic, retained=message.retained, payload=payload)
    return written.model_dump_json().encode() + b"\n"


def read_recording(path: Path) -> Iterator[Message]:
    """The messages of a recording, one after the other.

    Raises:
        LauncherError: The file cannot be read, or is no recording; the line is named.
    """
    try:
        with path.open("rb") as file:
            number = 0
            while octets := file.readline(LINE_BYTES_MAX):
                number += 1
                yield _message(octets, f"{path}, line {number},")
    except OSError as error:
        raise LauncherError(f"{path} cannot be read: {error.strerror}. Name a recording.") from error


def _message(octets: bytes, where: str) -> Message:
    if not octets.endswith(b"\n"):
        what = "is longer than any" if len(octets) == LINE_BYTES_MAX else "is cut off"
        raise LauncherError(f"{where} {what}. Take that line away, or record again.")
    try:
        read = _Line.model_validate_json(octets)
        payload = base64.b64decode(read.payload, validate=True)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise LauncherError(
            f"{where} is none of a recording: {f'{name}: ' if name else ''}{first['msg']}. "
            "Make a recording with:  dcnet inspect --watch HOST:PORT --credentials DIR --record FILE"
        ) from error
    except (binascii.Error, ValueError) as error:
        raise LauncherError(
            f"{where} has a payload that is no base64. Take that line away, or record again."
        ) from error
    return Message(read.topic, payload, read.retained)
