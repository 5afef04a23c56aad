"""The provider's home directory: private, and used by one process at a time."""

import errno
import fcntl
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self


class HomeError(Exception):
    """A home directory that cannot be used; the message says what is wrong, where, and what to do."""


class Home:
    """Holds the directory while inside, so that two providers never work on one store.

    The lock is the kernel's (flock) and ends with the process, however that ends; the lock file itself may stay.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        make_home(self.path)
        try:
            self._descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600)
            self._lock()
        except OSError as error:
            raise HomeError(_unusable(self.path, error)) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._descriptor is not None
        os.close(self._descriptor)
        self._descriptor = None

    @property
    def _lock_file(self) -> Path:
        return self.path / "lock"

    def _lock(self) -> None:
        assert self._descriptor is not None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self._lock_file.read_text(encoding="ascii", errors="replace").strip()
            os.close(self._descriptor)
            if error.errno != errno.EWOULDBLOCK:
                raise
            raise HomeError(
                f"Another provider (process {holder or 'unknown'}) works in {self.path}. "
                "Stop it first, or give this one its own `home`."
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())


def make_home(path: Path) -> None:
    """Make the directory for its owner alone, or make sure that it is so.

    Raises:
        HomeError: It cannot be made, or others may enter it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise HomeError(_unusable(path, error)) from error
    if mode & 0o077:
        raise HomeError(f"Others may enter the home directory {path} (mode {mode:04o}). Run:  chmod 700 {path}")


def write_atomically(path: Path, text: str) -> None:
    """Replace `path` by `text`, mode 0600: a reader sees the old file or the new one, never half of it.

    Raises:
        HomeError: It cannot be written.
    """
    draft = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise HomeError(f"{path} cannot be written: {error.strerror}. Free space or give access to it.") from error


def _unusable(path: Path, error: OSError) -> str:
    return (
        f"The home directory {path} cannot be used: {error.strerror}. "
        "Give this account access to it, or name another one as `home`."
    )
