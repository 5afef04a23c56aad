"""The file that holds an identity: 32 random bytes, the seed of an Ed25519 key pair, for its owner's eyes alone.

Gateway and provider keep theirs in the same way, so one piece of code serves both.
"""

import secrets
from pathlib import Path

from broker.home import HomeError, explained, publish_file, require_private
from common.secret import Secret
from common.signing import SEED_BYTES, Identity


def load_or_make_identity(path: Path) -> Identity:
    """Read the identity in `path`, or make one on the first start; it is on the disk (fsync) before this returns.

    Args:
        path: The file, mode 0600. Its directory exists.

    Raises:
        HomeError: It cannot be read or written, has another length, or others may read it.
    """
    if not path.exists():
        _make(path)
    require_private(path)
    with explained(path):
        seed = path.read_bytes()
    if len(seed) != SEED_BYTES:
        raise HomeError(
            f"The identity key {path} holds {len(seed)} bytes instead of {SEED_BYTES}. Restore it from a backup; "
            "a new key is another identity."
        )
    return Identity(Secret(seed))


def _make(path: Path) -> None:
    """Write beside it and link into place, so that a crash leaves no half key and nobody's key is replaced."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with explained(path):
        draft.touch(0o600, exist_ok=False)
        try:
            draft.write_bytes(secrets.token_bytes(SEED_BYTES))
            publish_file(draft, path)
        finally:
            draft.unlink(missing_ok=True)
