import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from broker.home import HomeError
from broker.keyfile import is_encrypted, load_identity, load_or_make_identity, make_identity
from common.secret import Secret

PASSPHRASE = Secret(b"correct horse battery staple")


def test_an_identity_is_made_once_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    first = load_or_make_identity(path)
    assert load_or_make_identity(path).public_key == first.public_key
    assert list(tmp_path.iterdir()) == [path]


def test_two_identities_differ(tmp_path: Path) -> None:
    keys = {load_or_make_identity(tmp_path / name).public_key for name in "ab"}
    assert len(keys) == 2


def test_a_key_is_what_tls_libraries_read(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    identity = make_identity(path)
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    read = load_pem_private_key(path.read_bytes(), None)
    assert read.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) == identity.public_key


def test_a_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    load_or_make_identity(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(HomeError, match=r"Others may use .*0640.* Run:  chmod 600"):
        load_or_make_identity(path)


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    first = make_identity(path)
    with pytest.raises(HomeError, match="cannot be used: File exists"):
        make_identity(path)
    assert load_identity(path).public_key == first.public_key
    assert list(tmp_path.iterdir()) == [path]


def _elliptic() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("octets", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n", _elliptic()])
def test_what_is_no_key_is_left_as_it_is(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "identity.key"
    path.touch(mode=0o600)
    path.write_bytes(octets)
    with pytest.raises(HomeError, match=r"holds no Ed25519 private key in PEM. Restore it from a backup"):
        load_or_make_identity(path)
    assert path.read_bytes() == octets


def test_a_key_of_an_earlier_release_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    path.touch(mode=0o600)
    path.write_bytes(bytes(range(32)))
    with pytest.raises(HomeError, match=r"is a raw key of an earlier release.* Move it.* away and enroll"):
        load_or_make_identity(path)


def test_a_directory_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="cannot be used: No such file or directory"):
        load_or_make_identity(tmp_path / "none" / "identity.key")


def test_an_encrypted_key_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    path = tmp_path / "authority.key"
    made = make_identity(path, PASSPHRASE)
    assert is_encrypted(path)
    assert load_identity(path, PASSPHRASE).public_key == made.public_key
    with pytest.raises(HomeError, match="is encrypted"):
        load_identity(path)
    with pytest.raises(HomeError, match="cannot be decrypted") as told:
        load_identity(path, Secret(b"wrong"))
    assert "wrong" not in str(told.value)


def test_a_passphrase_does_no_harm_to_a_key_that_has_none(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    made = make_identity(path)
    assert not is_encrypted(path)
    assert load_identity(path, PASSPHRASE).public_key == made.public_key
