"""Readers of certificates and lists answer damage with a refusal, and never with an exception of the library's."""

import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from common.certificates import SERIAL_MAX, Authority, Subject
from common.refusal import Refusal, RefusedError
from tests.common.strategies import moderate
from tests.vectors import der
from tests.vectors.certificates import GOOD
from tests.vectors.members import ADMINISTRATOR, GATEWAY_CERTIFICATE, ISSUER, REVOCATIONS

AUTHORITY: Final = Authority(ISSUER.der)
_KEY: Final = Ed25519PrivateKey.from_private_bytes(ADMINISTRATOR.seed.reveal())
_ALGORITHM: Final = der.split(der.content(GATEWAY_CERTIFICATE))[1]
_OCTET_STRING: Final = 0x04
_CONSTRUCTED: Final = 0x20

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def _is_refused(read: Callable[[bytes], object], octets: bytes) -> bool:
    try:
        read(octets)
    except RefusedError as refused:
        assert refused.reason is Refusal.BAD_CERTIFICATE
        return True
    return False


@moderate
@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(octets: bytes) -> None:
    assert _is_refused(AUTHORITY.certificate, octets)
    assert _is_refused(AUTHORITY.revocations, octets)
    with pytest.raises(ValueError, match="authority"):
        Authority(octets)


@pytest.mark.parametrize(
    ("read", "good"), [(AUTHORITY.certificate, GATEWAY_CERTIFICATE), (AUTHORITY.revocations, REVOCATIONS)]
)
def test_every_flipped_bit_and_every_truncation_is_refused(read: Callable[[bytes], object], good: bytes) -> None:
    assert not _is_refused(read, good)
    for bit in range(8 * len(good)):
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        assert _is_refused(read, bytes(damaged))
    for length in range(len(good)):
        assert _is_refused(read, good[:length])


class _Node:
    """One DER value that can be changed: its tag, and either its content or the values in it."""

    def __init__(self, octets: bytes) -> None:
        self.tag = octets[0]
        self.octets = der.content(octets)
        self.children: list[_Node] = []
        if self.tag & _CONSTRUCTED or (self.tag == _OCTET_STRING and self.octets[:1] == bytes([der.SEQUENCE])):
            self.children = [_Node(value) for value in der.split(self.octets)]

    def encode(self) -> bytes:
        inner = b"".join(child.encode() for child in self.children) if self.children else self.octets
        return der.tlv(self.tag, inner)

    def places(self) -> Iterator[tuple["_Node", int]]:
        """Every value in this one, as its parent and its place there."""
        for at, child in enumerate(self.children):
            yield self, at
            yield from child.places()


def _mutate(root: _Node, rng: random.Random) -> None:
    """Repeat, remove, move or change one value."""
    places = list(root.places())
    parent, at = rng.choice(places)
    child = parent.children[at]
    match rng.randrange(6):
        case 0:
            parent.children.insert(at, child)
        case 1 if len(parent.children) > 1:
            del parent.children[at]
        case 2:
            child.tag = rng.randrange(256) & ~0x1F | rng.randrange(31)
        case 3:
            other, place = rng.choice(places)
            parent.children[at] = deepcopy(other.children[place])
        case 4:
            child.children, child.octets = [], rng.randbytes(rng.randrange(20))
        case _ if child.octets:
            position = rng.randrange(len(child.octets))
            changed = bytes([rng.randrange(256)])
            child.children = []
            child.octets = child.octets[:position] + changed + child.octets[position + 1 :]


def _resigned(octets: bytes, rng: random.Random) -> bytes:
    """A certificate or list with up to three wrong values in it, and signed by the authority all the same."""
    root = _Node(der.signed_part(octets))
    for _ in range(rng.randint(1, 3)):
        if root.children:
            _mutate(root, rng)
    part = root.encode()
    return der.tlv(der.SEQUENCE, part + _ALGORITHM + der.tlv(der.BIT_STRING, b"\x00" + _KEY.sign(part)))


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.integers(0, 2**64))
def test_a_wrong_certificate_under_a_right_signature_is_read_or_refused(name: str, seed: int) -> None:
    octets = _resigned(GOOD[name], random.Random(seed))
    if not _is_refused(AUTHORITY.certificate, octets):
        read = AUTHORITY.certificate(octets)
        assert Subject.parse(read.subject.uri) == read.subject
        assert len(read.public_key) == 32
        assert 0 < read.serial <= SERIAL_MAX
        assert read.der == octets


@settings(max_examples=600, deadline=None)
@given(st.integers(0, 2**64))
def test_a_wrong_list_under_a_right_signature_is_read_or_refused(seed: int) -> None:
    octets = _resigned(REVOCATIONS, random.Random(seed))
    if not _is_refused(AUTHORITY.revocations, octets):
        read = AUTHORITY.revocations(octets)
        assert read.number >= 0
        assert read.der == octets
        assert all(0 <= count < 10**9 for count in read.valid.values())


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**64))
def test_a_wrong_authority_under_a_right_signature_is_taken_or_refused_in_words(seed: int) -> None:
    octets = _resigned(ISSUER.der, random.Random(seed))
    try:
        assert Authority(octets).der == octets
    except ValueError as error:
        assert "authority" in str(error)


@pytest.mark.parametrize(
    ("time", "is_one"),
    [
        (b"00000101000000Z", False),
        (b"00010101000000Z", True),
        (b"19491231235959Z", True),
        (b"20500229000000Z", False),
        (b"99991231235959Z", True),
        (b"99991231235960Z", False),
    ],
)
def test_times_at_the_ends_of_the_calendar_are_read_or_refused(time: bytes, is_one: bool) -> None:
    for octets, read in ((GATEWAY_CERTIFICATE, AUTHORITY.certificate), (REVOCATIONS, AUTHORITY.revocations)):
        values = der.split(der.content(der.signed_part(octets)))
        changed = [_with_time(value, time) for value in values]
        assert changed != values
        part = der.tlv(der.SEQUENCE, b"".join(changed))
        signed = der.resigned(octets, part, ADMINISTRATOR.seed.reveal())
        assert _is_refused(read, signed) is not is_one


_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18


def _with_time(value: bytes, time: bytes) -> bytes:
    """A last time, that of a list or of the validity of a certificate, exchanged for another."""
    if value[0] == _UTC_TIME:
        return der.tlv(_GENERALIZED_TIME, time)
    inner = der.split(der.content(value)) if value[0] == der.SEQUENCE else []
    if [each[0] for each in inner] == [_UTC_TIME, _UTC_TIME]:
        return der.tlv(der.SEQUENCE, inner[0] + der.tlv(_GENERALIZED_TIME, time))
    return value
