"""The file that holds an identity: 32 random bytes, the seed of an Ed25519 key pair, for its owner's eyes alone.

Gateway and provider keep theirs in the same way, so one piece of code serves both.
"""

import os
import secrets
import stat
from pathlib import Path

from common.secret import Secret
from common.signing import SEED_BYTES, Identity


class KeyFileError(Exception):
    """An identity that cannot be read or made; the message says what is wrong, where, and what to do."""


def load_or_make_identity(path: Path) -> Identity:
    """Read the identity in `path`, or make one on the first start; it is on the disk (fsync) before this returns.

    Args:
        path: The file, mode 0600. Its directory exists.

    Raises:
        KeyFileError: It cannot be read or written, has another length, or others may read it.
    """
    try:
        if not path.exists():
            _make(path)
        return Identity(Secret(_read(path)))
    except OSError as error:
        raise KeyFileError(
            f"The identity key {path} cannot be used: {error.strerror}. Give its owner access to it and its directory."
        ) from error


def _read(path: Path) -> bytes:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise KeyFileError(f"Others may read the identity key {path} (mode {mode:04o}). Run:  chmod 600 {path}")
    seed = path.read_bytes()
    if len(seed) != SEED_BYTES:
        raise KeyFileError(
            f"The identity key {path} holds {len(seed)} bytes instead of {SEED_BYTES}. Restore it from a backup; "
            "a new key is another identity."
        )
    return seed


def _make(path: Path) -> None:
    """Write beside it and link into place, so that a crash leaves no half key and nobody's key is replaced."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SEED_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink()
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
