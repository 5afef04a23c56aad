"""The reader takes what is there, refuses what is not, and leaves nothing behind."""

import contextlib
from collections.abc import Callable
from struct import Struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import is_name
from common.reader import Reader
from common.refusal import Refusal, RefusedError
from tests.common.strategies import moderate, names


def _expect_bad_data(take: Callable[[], object]) -> None:
    with pytest.raises(RefusedError) as caught:
        take()
    assert caught.value.reason is Refusal.BAD_DATA


def test_fields_are_taken_one_after_the_other() -> None:
    reader = Reader(bytes.fromhex("aabb 0102 03 0004 0002 0005 0006 02 1111 2222 01 61 ff"))
    assert reader.take(2) == b"\xaa\xbb"
    assert reader.number(2) == 0x0102
    assert reader.unpack(Struct(">BH")) == (3, 4)
    assert reader.numbers(2) == (5, 6)
    assert reader.chunks(2) == (b"\x11\x11", b"\x22\x22")
    assert reader.name() == "a"
    assert reader.rest() == b"\xff"
    reader.end()


@pytest.mark.parametrize(
    "take",
    [
        lambda reader: reader.take(3),
        lambda reader: reader.number(3),
        lambda reader: reader.unpack(Struct(">BH")),
        lambda reader: reader.numbers(1),
        lambda reader: reader.chunks(2),
        lambda reader: reader.name(),
    ],
)
def test_whatever_is_longer_than_the_rest_is_refused(take: Callable[[Reader], object]) -> None:
    for data in (b"", b"\x01", b"\x02a"):
        _expect_bad_data(lambda data=data: take(Reader(data)))  # type: ignore[misc]


def test_a_count_that_promises_megabytes_takes_none() -> None:
    _expect_bad_data(lambda: Reader(b"\xff\xff" + bytes(100)).numbers(8))
    _expect_bad_data(lambda: Reader(b"\xff" + bytes(100)).chunks(32))


def test_what_is_left_over_is_refused() -> None:
    _expect_bad_data(Reader(b"\x00").end)
    reader = Reader(b"\x00")
    assert reader.number(1) == 0
    reader.end()


@moderate
@given(names)
def test_a_good_name_is_read(name: str) -> None:
    assert Reader(bytes([len(name)]) + name.encode()).name() == name


@pytest.mark.parametrize("name", ["", "A", "a b", "a/b", "+", "#", "a\n", "ä", "a" * 33, "a\x00", "a_b", "a.b"])
def test_a_name_that_breaks_the_rule_is_refused(name: str) -> None:
    text = name.encode()
    _expect_bad_data(Reader(bytes([len(text)]) + text).name)


@moderate
@given(st.binary(max_size=40))
def test_arbitrary_bytes_are_a_name_or_refused(data: bytes) -> None:
    with contextlib.suppress(RefusedError):
        name = Reader(data).name()
        assert is_name(name)
        assert data.startswith(bytes([len(name)]) + name.encode())
