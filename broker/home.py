"""A home directory: what one process keeps on the disk, for its owner's eyes alone and used by no second process.

Gateway, provider and broker keep theirs in the same way, so one piece of code serves all three.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class HomeError(Exception):
    """A directory or file that a program keeps cannot be used; the text says what is wrong, where, and what to do."""


@contextmanager
def hold_home(home: Path, lock_file: str) -> Iterator[None]:
    """Make the directory if there is none, see that it is private, and keep every other process out while inside.

    The lock is the kernel's (flock) and ends with the process, however that ends; the file tells whose it is, as a
    process id in decimal and a line break, and stays.

    Raises:
        HomeError: It cannot be made or used, others may enter it, or another process works in it.
    """
    make_home(home)
    with explained(home):
        descriptor = os.open(home / lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, home)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, home: Path) -> None:
    with explained(home):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise HomeError(
                f"Another process ({holder}) works in {home}. Stop it first, or give this one its own `home`."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def make_home(home: Path) -> None:
    """Make the directory for its owner alone, or see that it is so.

    Raises:
        HomeError: It cannot be made, or others may use it.
    """
    with explained(home):
        if not home.exists():
            home.mkdir(mode=0o700, parents=True)
            sync(home.parent)
    require_private(home)


def require_private(path: Path) -> None:
    """See that a directory or file is there and nobody but its owner may use it.

    Raises:
        HomeError: It cannot be looked at, or others may use it.
    """
    with explained(path):
        mode = path.stat().st_mode
    if mode & 0o077:
        wanted = "700" if stat.S_ISDIR(mode) else "600"
        raise HomeError(f"Others may use {path} (mode {stat.S_IMODE(mode):04o}). Run:  chmod {wanted} {path}")


def write_file(path: Path, octets: bytes) -> None:
    """Give a file this content, mode 0600: a reader sees the old file or the new one, whole and on the disk.

    Raises:
        HomeError: It cannot be written.
    """
    draft = path.with_name(f".{path.name}.new")
    with explained(path):
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(octets)
        sync(draft)
        draft.replace(path)
        sync(path.parent)


def publish_file(draft: Path, path: Path) -> None:
    """Give a finished file its name: it is there whole and on the disk, or not at all; nothing is ever replaced.

    Raises:
        HomeError: Also when the name is taken.
    """
    with explained(path):
        sync(draft)
        path.hardlink_to(draft)
        draft.unlink()
        sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file's content, or the names in a directory, are on the disk.

    Raises:
        OSError: They cannot be written.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the system's error about `path` into a sentence.

    Raises:
        HomeError: For each OSError inside.
    """
    try:
        yield
    except OSError as error:
        raise HomeError(
            f"{path} cannot be used: {error.strerror}. Give this account access to it and free space on its disk."
        ) from error
