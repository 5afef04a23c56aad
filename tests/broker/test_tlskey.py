import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from broker.home import HomeError
from broker.keyfile import load_identity, load_key, load_or_make_broker_key, load_or_make_identity
from broker.tlskey import BrokerKey, public_key_of


def test_a_brokers_key_is_made_once_and_stays_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    first = load_or_make_broker_key(path)
    assert isinstance(first, BrokerKey)
    assert load_or_make_broker_key(path).public_key == first.public_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_broker_that_was_enrolled_with_an_identity_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    before = load_or_make_identity(path)
    assert load_or_make_broker_key(path).public_key == before.public_key


def test_a_brokers_key_is_nobodys_identity(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    load_or_make_broker_key(path)
    with pytest.raises(HomeError, match="holds no Ed25519 private key"):
        load_identity(path)


def test_a_key_on_another_curve_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    other = ec.generate_private_key(ec.SECP384R1())
    path.touch(0o600)
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(HomeError, match="Restore it from a backup"):
        load_key(path)


def test_the_private_half_is_not_shown() -> None:
    key = BrokerKey.generate()
    assert repr(key) == f"BrokerKey({key.public_key.hex()})"


def test_public_keys_of_both_kinds_are_read_back_from_their_bytes() -> None:
    key = BrokerKey.generate()
    assert public_key_of(key.public_key) == key.private.public_key()
    assert isinstance(public_key_of(bytes(32)), Ed25519PublicKey)
    with pytest.raises(ValueError, match="point"):
        public_key_of(bytes(65))
