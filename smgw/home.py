"""The gateway's home directory: for its owner's eyes alone, and for one process at a time."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LOCK_FILE: Final = "agent.pid"


class VaultError(Exception):
    """What the gateway keeps cannot be used; the text says what is wrong, where, and what to do."""


@contextmanager
def hold_home(home: Path) -> Iterator[None]:
    """Make the directory if there is none, see that it is private, and keep every other agent out of it.

    The lock is the kernel's (flock) and ends with the process, however that ends; the file only tells whose it is.

    Raises:
        VaultError: It cannot be made or used, others may enter it, or another agent is using it.
    """
    with explained(home):
        if not home.exists():
            home.mkdir(mode=0o700, parents=True)
            sync_directory(home.parent)
        require_private(home)
        descriptor = os.open(home / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, home)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, home: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        raise VaultError(
            f"Another gateway (process {holder}) works in {home}; two would use the same masks."
            " Stop it first, or give this one its own `home`."
        ) from error
    with explained(home):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def require_private(path: Path) -> None:
    """See that nobody but its owner may use `path`.

    Raises:
        VaultError: Others may.
        OSError: It cannot be looked at.
    """
    mode = path.stat().st_mode
    if mode & 0o077:
        wanted = "700" if stat.S_ISDIR(mode) else "600"
        raise VaultError(f"Others may use {path} (mode {stat.S_IMODE(mode):04o}). Run:  chmod {wanted} {path}")


def publish_file(draft: Path, path: Path) -> None:
    """Give a finished file its name: it is there whole and on the disk, or not at all; nothing is ever replaced.

    Raises:
        OSError: Also when the name is taken.
    """
    descriptor = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    path.hardlink_to(draft)
    draft.unlink()
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Wait until the names in a directory are on the disk.

    Raises:
        OSError: They cannot be written.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the system's error about `path` into a sentence."""
    try:
        yield
    except OSError as error:
        raise VaultError(
            f"{path} cannot be used: {error.strerror}."
            " Give the gateway's account access to it and free space, or name another directory as `home`."
        ) from error
