"""Identities and the directions of their signatures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.secret import Secret
from common.signing import Direction, Identity, is_signed
from tests.common.strategies import keys, moderate


@moderate
@given(keys, st.binary(max_size=100), st.sampled_from(Direction), st.sampled_from(Direction))
def test_signature_holds_in_its_own_direction_only(
    seed: bytes, message: bytes, signed: Direction, checked: Direction
) -> None:
    identity = Identity(Secret(seed))
    signature = identity.sign(signed, message)
    assert is_signed(identity.public_key, checked, message, signature) is (signed is checked)


@moderate
@given(st.binary(max_size=100), st.binary(max_size=100))
def test_signature_holds_for_its_own_message_only(one: bytes, other: bytes) -> None:
    identity = Identity(Secret(bytes(32)))
    signature = identity.sign(Direction.UP, one)
    assert is_signed(identity.public_key, Direction.UP, other, signature) is (one == other)


@moderate
@given(keys, st.binary(min_size=64, max_size=64))
def test_arbitrary_keys_and_signatures_do_not_hold(public_key: bytes, signature: bytes) -> None:
    assert not is_signed(public_key, Direction.UP, b"message", signature)


def test_no_label_begins_another() -> None:
    for one in Direction:
        for other in Direction:
            assert one is other or not one.value.startswith(other.value)


def test_identity_shows_its_public_key_and_nothing_else() -> None:
    seed = bytes(range(32))
    identity = Identity(Secret(seed))
    assert repr(identity) == f"Identity({identity.public_key.hex()})"
    assert seed.hex() not in f"{identity} {identity.seed}"


def test_identity_of_a_seed_of_wrong_length_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="Invalid seed"):
        Identity(Secret(bytes(31)))
