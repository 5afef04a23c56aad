"""Batches say what single frames of any suite say, and the sum in one reduction is the sum."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.batch import BASIC_FRAME, Row, columns, decode_batch, encode_batch, sum_lanes
from common.frames import FRAME_BYTES_MIN, Frame, Notification, decode
from common.identifiers import ClientId, NetworkId
from common.payloads import Superposition
from common.refusal import RefusedError
from common.signing import SIGNATURE_BYTES
from common.suites import BASIC, SUITES
from common.superposition import ZERO, Lanes, add
from tests.common.strategies import (
    clients,
    frames,
    lanes,
    moderate,
    networks,
    octets,
    sealed_superpositions,
    superpositions,
    views,
    words,
)

_UNSIGNED = bytes(SIGNATURE_BYTES)

_good = st.builds(
    lambda network, client, at, payload: Frame(
        network, client, at, Notification.SUPERPOSITION, payload.encode(), transmission_bit=True
    ),
    networks,
    clients,
    words,
    superpositions | sealed_superpositions,
).map(lambda frame: frame.unsigned() + _UNSIGNED)


def _flip(raw: bytes, at: int, octet: int) -> bytes:
    changed = bytearray(raw)
    changed[at % 41] ^= octet
    return bytes(changed)


_any = st.one_of(
    _good,
    st.builds(_flip, _good, st.integers(0, 40), octets),
    st.builds(lambda raw, cut: raw[:cut], _good, st.integers(0, 400)),
    st.builds(lambda raw, more: raw + more, _good, st.binary(max_size=2)),
    frames.map(lambda frame: frame.unsigned() + _UNSIGNED),
    st.binary(max_size=150),
    st.binary(min_size=139, max_size=139),
)


def _one(raw: bytes) -> Row | None:
    """What the batch has to say of one frame, told by the single decoders."""
    try:
        frame = decode(raw).frame
        if frame.notification is not Notification.SUPERPOSITION or not frame.transmission_bit:
            return None
        payload = Superposition.decode(frame.data)
        fixed, told = payload.body[: BASIC.body.size], payload.body[BASIC.body.size :]
        read = BASIC.read(fixed)
    except RefusedError:
        return None
    return Row(
        raw,
        frame.network,
        frame.client,
        frame.timestamp_ms,
        payload.suite,
        payload.round,
        payload.view,
        read.attempt,
        read.edges,
        told,
    )


@moderate
@given(st.lists(_any, max_size=12))
def test_batch_reads_what_single_decoding_reads(raws: list[bytes]) -> None:
    assert decode_batch(raws) == [_one(raw) for raw in raws]


@moderate
@given(_good)
def test_good_frames_are_read(raw: bytes) -> None:
    (row,) = decode_batch([raw])
    assert row is not None
    assert row == _one(raw)


@moderate
@given(st.lists(superpositions | sealed_superpositions, min_size=1, max_size=8))
def test_suites_may_be_mixed_in_a_batch_and_each_reads_what_it_told(many: list[Superposition]) -> None:
    head = NetworkId(1), ClientId(2), 3, Notification.SUPERPOSITION
    raws = [Frame(*head, payload.encode(), True).unsigned() + _UNSIGNED for payload in many]
    lanes_ = []
    for payload, row in zip(many, decode_batch(raws), strict=True):
        read = SUITES[payload.suite].read(payload.body)
        assert row is not None
        assert SUITES[row.suite].read_told(row.told) == read.sealing
        assert (read.sealing is None) is (payload.suite == BASIC.code)
        assert (row.attempt, row.edges) == (read.attempt, read.edges)
        lanes_.append(read.lanes)
    assert sum_lanes(raws) == reduce(add, lanes_, ZERO)


def test_an_empty_batch_has_no_rows() -> None:
    assert decode_batch([]) == []


def test_rows_hold_plain_numbers() -> None:
    payload = Superposition.decode(bytes(17) + BASIC.conceal((2**64 - 1, 2**63, 1), {}))
    raw = Frame(NetworkId(1), ClientId(2), 3, Notification.SUPERPOSITION, payload.encode(), True).unsigned() + _UNSIGNED
    (row,) = decode_batch([raw])
    assert row is not None
    numbers = (row.network, row.client, row.timestamp_ms, row.suite, row.round, row.attempt, row.edges)
    assert {type(number) for number in numbers} == {int}
    assert sum_lanes([raw]) == (2**64 - 1, 2**63, 1)


@moderate
@given(st.lists(st.tuples(clients, lanes, words), min_size=1, max_size=8), networks, words, views, octets)
def test_encode_batch_lays_out_what_the_frames_do(
    rows: list[tuple[ClientId, Lanes, int]], network: NetworkId, number: int, view: bytes, attempt: int
) -> None:
    array = encode_batch(
        {
            "network": network,
            "client": [row[0] for row in rows],
            "timestamp_ms": np.array(number, dtype=np.uint64),
            "suite": BASIC.code,
            "round": np.array(number, dtype=np.uint64),
            "view": view,
            "lanes": np.array([row[1] for row in rows], dtype=np.uint64),
            "attempt": attempt,
            "masks": 6,
            "edges": np.array([row[2] for row in rows], dtype=np.uint64),
        },
        len(rows),
    )
    for (client, lanes_, edges), laid_out in zip(rows, array, strict=True):
        body = BASIC.body.pack(*lanes_, attempt, 6, edges)
        data = BASIC.code.to_bytes(1) + number.to_bytes(8) + view + body
        frame = Frame(network, client, number, Notification.SUPERPOSITION, data, transmission_bit=True)
        assert laid_out.tobytes() == frame.unsigned() + _UNSIGNED


def test_the_layout_is_as_long_as_the_frame() -> None:
    assert BASIC_FRAME.itemsize == FRAME_BYTES_MIN + 17 + BASIC.body.size == 139


@moderate
@given(st.lists(lanes, max_size=50))
def test_the_sum_of_frames_is_repeated_addition_of_their_lanes(many: list[Lanes]) -> None:
    array = encode_batch({"lanes": np.array(many, dtype=np.uint64).reshape(-1, 3)}, len(many))
    assert sum_lanes([row.tobytes() for row in array]) == reduce(add, many, ZERO)


def test_columns_are_what_was_laid_out() -> None:
    array = encode_batch({"client": [3, 4], "lanes": [[1, 2, 1], [2**63, 0, 1]], "view": b"12345678"}, 2)
    assert columns([row.tobytes() for row in array]).tobytes() == array.tobytes()


def test_a_frame_of_another_size_has_no_columns() -> None:
    with pytest.raises(ValueError, match="139 bytes"):
        columns([bytes(138)])
