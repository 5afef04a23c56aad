"""The frame: laid out and read again, refused with the reason that comes first."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.frames import DATA_BYTES_MAX, FRAME_BYTES_MAX, FRAME_BYTES_MIN, HEADER_BYTES, Frame, Notification, decode
from common.identifiers import EVERYONE, ClientId, NetworkId
from common.refusal import Refusal, RefusedError
from common.signing import Direction
from tests.common.strategies import frames, moderate
from tests.vectors.members import GATEWAY, NEIGHBOR

_EMPTY = Frame(NetworkId(7), ClientId(3), 1_767_225_600_123, Notification.EXIT)


def _reason(raw: bytes) -> Refusal:
    with pytest.raises(RefusedError) as caught:
        decode(raw)
    return caught.value.reason


def test_sizes_are_those_of_the_documentation() -> None:
    assert (HEADER_BYTES, FRAME_BYTES_MIN, FRAME_BYTES_MAX) == (24, 88, 65_623)


@moderate
@given(frames, st.sampled_from(Direction))
def test_decode_inverts_signing(frame: Frame, direction: Direction) -> None:
    raw = frame.signed(GATEWAY, direction)
    read = decode(raw)
    assert read.frame == frame
    assert read.raw == raw
    assert raw == frame.unsigned() + read.signature
    read.require_signature(GATEWAY.public_key, direction)


@moderate
@given(frames)
def test_every_truncation_and_extension_is_refused(frame: Frame) -> None:
    raw = frame.signed(GATEWAY, Direction.UP)
    for length in range(len(raw)):
        assert _reason(raw[:length]) in (Refusal.TOO_SHORT, Refusal.WRONG_LENGTH)
    assert _reason(raw + b"\x00") is Refusal.WRONG_LENGTH


@moderate
@given(st.one_of(st.binary(max_size=200), st.binary(min_size=80, max_size=120).map(lambda tail: b"DCN\x01" + tail)))
def test_arbitrary_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(RefusedError):
        assert decode(raw).raw == raw


@moderate
@given(frames, st.integers(0, 10**6))
def test_a_flipped_bit_is_refused_or_breaks_the_signature(frame: Frame, bit: int) -> None:
    raw = bytearray(frame.signed(GATEWAY, Direction.UP))
    raw[bit // 8 % len(raw)] ^= 1 << bit % 8
    with contextlib.suppress(RefusedError):
        assert not decode(bytes(raw)).is_signed_by(GATEWAY.public_key, Direction.UP)


def test_the_longest_frame_is_read_and_one_byte_more_is_refused() -> None:
    longest = Frame(NetworkId(7), EVERYONE, 0, Notification.TUNNEL, bytes(DATA_BYTES_MAX)).signed(GATEWAY, Direction.UP)
    assert len(longest) == FRAME_BYTES_MAX
    assert len(decode(longest).frame.data) == DATA_BYTES_MAX
    assert _reason(longest + b"\x00") is Refusal.TOO_LONG


def test_data_that_fits_no_frame_is_our_own_mistake() -> None:
    frame = Frame(NetworkId(7), EVERYONE, 0, Notification.TUNNEL, bytes(DATA_BYTES_MAX + 1))
    with pytest.raises(ValueError, match="65536 bytes of data do not fit"):
        frame.unsigned()


@pytest.mark.parametrize("code", range(256))
def test_only_known_notifications_are_read(code: int) -> None:
    raw = bytearray(_EMPTY.signed(GATEWAY, Direction.UP))
    raw[21] = code
    if code in {int(notification) for notification in Notification}:
        assert decode(bytes(raw)).frame.notification == code
    else:
        assert _reason(bytes(raw)) is Refusal.UNKNOWN_NOTIFICATION


@pytest.mark.parametrize("bits", range(256))
def test_the_seven_lower_bits_beside_the_transmission_bit_are_zero(bits: int) -> None:
    raw = bytearray(_EMPTY.signed(GATEWAY, Direction.UP))
    raw[12] = bits
    if bits in (0x00, 0x80):
        assert decode(bytes(raw)).frame.transmission_bit is bool(bits)
    else:
        assert _reason(bytes(raw)) is Refusal.RESERVED_BIT


def test_of_several_faults_the_first_in_the_order_of_the_layout_is_named() -> None:
    raw = bytearray(_EMPTY.signed(GATEWAY, Direction.UP) + b"\x00")
    raw[0], raw[3], raw[12], raw[21] = 0, 9, 1, 99
    faults = [
        (Refusal.WRONG_PROTOCOL, 0, ord("D")),
        (Refusal.WRONG_VERSION, 3, 1),
        (Refusal.RESERVED_BIT, 12, 0),
        (Refusal.WRONG_LENGTH, 23, 1),
        (Refusal.UNKNOWN_NOTIFICATION, 21, int(Notification.EXIT)),
    ]
    for refusal, at, right in faults:
        assert _reason(bytes(raw)) is refusal
        raw[at] = right
    assert decode(bytes(raw)).frame.data == raw[24:25]


def test_signature_of_another_key_or_direction_is_refused() -> None:
    signed = decode(_EMPTY.signed(GATEWAY, Direction.UP))
    for key, direction in ((GATEWAY, Direction.DOWN), (NEIGHBOR, Direction.UP)):
        with pytest.raises(RefusedError) as caught:
            signed.require_signature(key.public_key, direction)
        assert caught.value.reason is Refusal.BAD_SIGNATURE
