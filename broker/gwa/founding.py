"""Founding an authority in a directory, and opening it for one command at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from broker.credentials import AUTHORITY_FILE, fingerprint, stored
from broker.gwa.issuing import Issuer, make_authority
from broker.gwa.ledger import LEDGER_FILE, Ledger, save_ledger
from broker.gwa.office import BACKDATED_MS, Office
from broker.home import HomeError, hold_home, write_file
from broker.keyfile import is_encrypted, load_identity, make_identity
from broker.pem import CERTIFICATE, to_pem
from common.secret import Secret

KEY_FILE: Final = "authority.key"
LOCK_FILE: Final = "gwa.pid"

AUTHORITY_NAME: Final = "dcnet gateway administrator"


def found_office(directory: Path, name: str, years: int, passphrase: Secret | None, now_ms: int) -> str:
    """Found an authority in a new or empty directory.

    Args:
        directory: Made when missing.
        name: The authority's common name, at most 64 characters.
        years: How long its certificate is good.
        passphrase: Encrypts its key.
        now_ms: Unix milliseconds.

    Returns:
        The fingerprint of its certificate, by which everybody who enrolls knows it.

    Raises:
        HomeError: The directory cannot be used, or there is an authority in it.
        ValueError: the name is empty or too long, or the years end after 9999.
    """
    with hold_home(directory, LOCK_FILE):
        for file in (LEDGER_FILE, KEY_FILE):
            if (directory / file).exists():
                raise HomeError(
                    f"{directory / file} is there already: it belongs to an authority, and is never replaced. Choose "
                    "another directory."
                )
        key = make_identity(directory / KEY_FILE, passphrase)
        der = make_authority(key, name, now_ms - BACKDATED_MS, years)
        write_file(directory / AUTHORITY_FILE, to_pem(CERTIFICATE, der))
        save_ledger(directory, Ledger(written_ms=now_ms))
        return fingerprint(der)


@contextmanager
def open_office(directory: Path, passphrase: Secret | None, now_ms: int) -> Iterator[Office]:
    """Let the administrator work in a directory, and nobody else meanwhile.

    Raises:
        HomeError: There is no authority, something is damaged, or the passphrase is wrong.
    """
    require_office(directory)
    with hold_home(directory, LOCK_FILE):
        key = load_identity(directory / KEY_FILE, passphrase)
        der = stored(directory / AUTHORITY_FILE, CERTIFICATE)
        if _key_in(der) != key.public_key:
            raise HomeError(
                f"{directory / AUTHORITY_FILE} is not the certificate of {KEY_FILE} beside it. Restore both from a "
                "backup."
            )
        yield Office(directory, Issuer(key, der), now_ms)


def needs_passphrase(directory: Path) -> bool:
    """Tell whether the authority's key is encrypted.

    Raises:
        HomeError: There is no authority.
    """
    require_office(directory)
    return is_encrypted(directory / KEY_FILE)


def require_office(directory: Path) -> None:
    """See that there is an authority in a directory.

    Raises:
        HomeError: There is none.
    """
    if not (directory / LEDGER_FILE).exists():
        raise HomeError(f"There is no authority in {directory}. Make one:  dcnet gwa init {directory}")


def _key_in(der: bytes) -> bytes:
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except ValueError:
        return b""
    return key.public_bytes_raw() if isinstance(key, Ed25519PublicKey) else b""
