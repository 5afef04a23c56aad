"""The rules of a network: in the program and on the wire."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.parameters import Parameters
from common.reader import Reader
from common.refusal import Refusal, RefusedError
from tests.common.strategies import moderate, parameters
from tests.vectors.members import DEMO


def _expect_bad_data(data: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        Parameters.read(Reader(data))
    assert caught.value.reason is Refusal.BAD_DATA


@moderate
@given(parameters(), st.binary(max_size=5))
def test_reading_inverts_encoding_and_leaves_what_follows(rules: Parameters, more: bytes) -> None:
    reader = Reader(rules.encode() + more)
    assert Parameters.read(reader) == rules
    assert reader.rest() == more


@moderate
@given(parameters())
def test_every_truncation_is_refused(rules: Parameters) -> None:
    data = rules.encode()
    for length in range(len(data)):
        _expect_bad_data(data[:length])


@moderate
@given(st.binary(max_size=70))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(RefusedError):
        reader = Reader(data)
        assert data == Parameters.read(reader).encode() + reader.rest()


@moderate
@given(parameters(), st.integers(0, 10**4), st.integers(1, 255))
def test_a_changed_byte_gives_other_rules_or_is_refused(rules: Parameters, at: int, octet: int) -> None:
    data = bytearray(rules.encode())
    data[at % len(data)] ^= octet
    with contextlib.suppress(RefusedError):
        assert Parameters.read(Reader(bytes(data))) != rules


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"region": ""}, "region"),
        ({"region": "North"}, "region"),
        ({"masks_min": 0}, "masks_min"),
        ({"masks_min": 256, "members_min": 300}, "masks_min"),
        ({"members_min": 3}, "members_min"),
        ({"draws": 0}, "draws"),
        ({"draws": 25}, "between 1 and 24"),
        ({"draws": 7, "degree_max": 6}, "degree_max"),
    ],
)
def test_rules_that_cannot_hold_name_what_is_wrong(changes: dict[str, int], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        replace(DEMO, **changes)  # type: ignore[arg-type]


def test_defaults_are_those_of_the_documentation() -> None:
    assert (DEMO.members_min, DEMO.masks_min, DEMO.draws, DEMO.degree_max) == (5, 3, 6, 255)
