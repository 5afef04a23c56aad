"""Data fields: what is written is read again, and nothing else is."""

import contextlib
from typing import Protocol, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.clients import ClientSet
from common.frames import Notification
from common.identifiers import ClientId, RoundNumber
from common.payloads import (
    NO_VIEW,
    Correction,
    Registration,
    Rejected,
    RoundFinal,
    Superposition,
    require_empty,
    view_of,
)
from common.refusal import Refusal, RefusedError
from common.signing import Direction
from common.tunnels import Departure, TunnelMessage
from tests.common.strategies import PAYLOADS, exact_payloads, finals, moderate, open_payloads
from tests.vectors.good_frames import VIEW
from tests.vectors.members import PROVIDER


class _Payload(Protocol):
    def encode(self) -> bytes: ...

    @classmethod
    def decode(cls, data: bytes) -> Self: ...


def _expect_bad_data(kind: type[_Payload], data: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        kind.decode(data)
    assert caught.value.reason is Refusal.BAD_DATA


@moderate
@given(st.one_of(exact_payloads, open_payloads))
def test_decode_inverts_encode(payload: _Payload) -> None:
    assert type(payload).decode(payload.encode()) == payload


@moderate
@given(exact_payloads)
def test_every_truncation_is_refused(payload: _Payload) -> None:
    data = payload.encode()
    for length in range(len(data)):
        _expect_bad_data(type(payload), data[:length])


@moderate
@given(exact_payloads, st.binary(min_size=1, max_size=9))
def test_every_extension_is_refused(payload: _Payload, more: bytes) -> None:
    _expect_bad_data(type(payload), payload.encode() + more)


@moderate
@given(open_payloads)
def test_a_head_that_is_cut_is_refused(payload: TunnelMessage | Superposition | Registration | Departure) -> None:
    data = payload.encode()
    head = data[: len(data) - len(_tail(payload))]
    for length in range(len(head)):
        _expect_bad_data(type(payload), head[:length])
    assert _tail(type(payload).decode(head)) == b""


def _tail(payload: TunnelMessage | Superposition | Registration | Departure) -> bytes:
    """What others read, after the fields."""
    if isinstance(payload, Registration):
        return payload.certificate
    return payload.evidence if isinstance(payload, Departure) else payload.body


@pytest.mark.parametrize("kind", PAYLOADS)
@moderate
@given(data=st.binary(max_size=120))
def test_arbitrary_bytes_are_read_or_refused(kind: type[_Payload], data: bytes) -> None:
    try:
        kind.decode(data)
    except RefusedError as refused:
        assert refused.reason is Refusal.BAD_DATA


@pytest.mark.parametrize("kind", PAYLOADS)
@moderate
@given(payload=st.one_of(exact_payloads, open_payloads), at=st.integers(0, 10**4), octet=st.integers(1, 255))
def test_a_changed_byte_is_read_or_refused(kind: type[_Payload], payload: _Payload, at: int, octet: int) -> None:
    data = bytearray(payload.encode())
    if data:
        data[at % len(data)] ^= octet
    with contextlib.suppress(RefusedError):
        assert kind.decode(bytes(data)).encode() == data


def test_where_nothing_is_said_a_single_byte_is_too_much() -> None:
    require_empty(b"")
    with pytest.raises(RefusedError) as caught:
        require_empty(b"\x00")
    assert caught.value.reason is Refusal.BAD_DATA


@pytest.mark.parametrize("code", sorted(set(range(256)) - {int(code) for code in Refusal}))
def test_rejection_for_an_unknown_reason_is_refused(code: int) -> None:
    _expect_bad_data(Rejected, bytes([Notification.REGISTER, code]))


def test_correction_without_an_attempt_or_without_a_missing_member_is_refused() -> None:
    somebody = ClientSet.of([ClientId(1)])
    _expect_bad_data(Correction, Correction(1, RoundNumber(5), VIEW, 0, somebody).encode())
    _expect_bad_data(Correction, Correction(1, RoundNumber(5), VIEW, 1, ClientSet()).encode())


@pytest.mark.parametrize(("void_from", "is_good"), [(0, True), (4, True), (5, True), (6, False), (2**64 - 1, False)])
def test_final_voids_nothing_after_its_own_round(void_from: int, is_good: bool) -> None:
    sets = ClientSet(), ClientSet(), ()
    final = RoundFinal(1, RoundNumber(5), NO_VIEW, RoundNumber(void_from), 1, bytes(32), *sets)
    if is_good:
        assert RoundFinal.decode(final.encode()) == final
    else:
        _expect_bad_data(RoundFinal, final.encode())


@moderate
@given(finals, finals)
def test_views_differ_as_soon_as_finals_do(one: RoundFinal, other: RoundFinal) -> None:
    signature = bytes(64)
    views = {view_of(final.encode() + signature) for final in (one, other)}
    assert len(views) == len({one, other})


def test_view_does_not_hang_on_the_signature() -> None:
    data = b"header and data"
    one, other = PROVIDER.sign(Direction.DOWN, data), PROVIDER.sign(Direction.UP, data)
    assert view_of(data + one) == view_of(data + other)
    assert view_of(data + one) != NO_VIEW
