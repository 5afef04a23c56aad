"""The file that holds a key pair as PEM (PKCS #8), for its owner's eyes alone: an Ed25519 identity, or a broker's key.

Gateway, provider, broker and administrator keep theirs in the same way, so one piece of code serves all. TLS libraries
read the same file. Source: RFC 5958, RFC 8410.
"""

import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from broker.home import HomeError, explained, publish_file, require_private
from broker.tlskey import BrokerKey
from common.secret import Secret
from common.signing import SEED_BYTES, Identity

_ENCRYPTED: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


class WrongPassphraseError(HomeError):
    """An encrypted key cannot be decrypted with the passphrase that was given."""


def load_or_make_identity(path: Path) -> Identity:
    """Read the identity in `path`, or make one on the first start; it is on the disk (fsync) before this returns.

    Args:
        path: The file, mode 0600, not encrypted. Its directory exists.

    Raises:
        HomeError: It cannot be read or written, holds something else, or others may read it.
    """
    return load_identity(path) if path.exists() else make_identity(path)


def make_identity(path: Path, passphrase: Secret | None = None) -> Identity:
    """Make an identity, and write it beside `path` and link it into place.

    So a crash leaves no half key, and nobody's key is replaced.

    Args:
        path: The file that shall hold it. Its directory exists.
        passphrase: Encrypts the file.

    Raises:
        HomeError: The file is there already, or cannot be written.
    """
    identity = Identity(Secret(secrets.token_bytes(SEED_BYTES)))
    _write_new(path, _pem(identity, passphrase))
    return identity


def load_or_make_broker_key(path: Path) -> Identity | BrokerKey:
    """Read a broker's key, or make one on P-256; it is on the disk (fsync) before this returns.

    Raises:
        HomeError: It cannot be read or written, holds something else, or others may read it.
    """
    if path.exists():
        return load_key(path)
    key = BrokerKey.generate()
    _write_new(path, key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def _write_new(path: Path, octets: bytes) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with explained(path):
        draft.touch(0o600, exist_ok=False)
        try:
            draft.write_bytes(octets)
            publish_file(draft, path)
        finally:
            draft.unlink(missing_ok=True)


def load_identity(path: Path, passphrase: Secret | None = None) -> Identity:
    """Read the identity in `path`; `passphrase` is only used when the file is encrypted.

    Raises:
        HomeError: It cannot be read or decrypted, holds something else, or others may read it.
    """
    key = load_key(path, passphrase)
    if not isinstance(key, Identity):
        raise _foreign(path)
    return key


def load_key(path: Path, passphrase: Secret | None = None) -> Identity | BrokerKey:
    """Read the key pair in `path`, of whichever kind; `passphrase` is only used when the file is encrypted.

    Raises:
        HomeError: It cannot be read or decrypted, holds something else, or others may read it.
    """
    require_private(path)
    with explained(path):
        octets = path.read_bytes()
    if len(octets) == SEED_BYTES:
        raise HomeError(
            f"The identity key {path} is a raw key of an earlier release, for which no certificate is issued. Move it, "
            "and a vault beside it, away and enroll: that makes a new one."
        )
    is_encrypted = octets.startswith(_ENCRYPTED)
    if is_encrypted and passphrase is None:
        raise HomeError(f"The identity key {path} is encrypted. Give its passphrase.")
    try:
        key = load_pem_private_key(octets, passphrase.reveal() if passphrase and is_encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if is_encrypted:
            raise WrongPassphraseError(
                f"The identity key {path} cannot be decrypted. Give the passphrase it has."
            ) from error
        raise _foreign(path) from error
    try:
        if isinstance(key, EllipticCurvePrivateKey):
            return BrokerKey(key)
    except ValueError as error:
        raise _foreign(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _foreign(path)
    return Identity(Secret(key.private_bytes_raw()))


def is_encrypted(path: Path) -> bool:
    """Tell whether the identity in `path` needs a passphrase.

    Raises:
        HomeError: It cannot be read.
    """
    with explained(path):
        return path.read_bytes().startswith(_ENCRYPTED)


def _foreign(path: Path) -> HomeError:
    return HomeError(
        f"The identity key {path} holds no Ed25519 private key in PEM. Restore it from a backup; a new key is another "
        "identity."
    )


def _pem(identity: Identity, passphrase: Secret | None) -> bytes:
    encryption: KeySerializationEncryption = (
        NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase.reveal())
    )
    private = Ed25519PrivateKey.from_private_bytes(identity.seed.reveal())
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
