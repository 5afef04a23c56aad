"""The rules of a network: in the program and on the wire."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.parameters import Parameters
from common.refusal import Refusal, RefusedError
from tests.common.strategies import moderate, parameters
from tests.vectors.good_frames import DEMO


def _expect_bad_data(data: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        Parameters.decode(data)
    assert caught.value.reason is Refusal.BAD_DATA


@moderate
@given(parameters(), st.integers(0, 2**32 - 1))
def test_decode_inverts_encode(rules: Parameters, epoch: int) -> None:
    assert Parameters.decode(rules.encode(epoch)) == (epoch, rules)


@moderate
@given(parameters(), st.binary(min_size=1, max_size=5))
def test_every_truncation_and_extension_is_refused(rules: Parameters, more: bytes) -> None:
    data = rules.encode(1)
    for length in range(len(data)):
        _expect_bad_data(data[:length])
    _expect_bad_data(data + more)


@moderate
@given(st.binary(max_size=70))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(RefusedError):
        epoch, rules = Parameters.decode(data)
        assert rules.encode(epoch) == data


@moderate
@given(parameters(), st.integers(0, 10**4), st.integers(1, 255))
def test_a_changed_byte_gives_other_rules_or_is_refused(rules: Parameters, at: int, octet: int) -> None:
    data = bytearray(rules.encode(1))
    data[at % len(data)] ^= octet
    with contextlib.suppress(RefusedError):
        assert Parameters.decode(bytes(data)) != (1, rules)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"region": ""}, "region"),
        ({"region": "North"}, "region"),
        ({"masks_min": 0}, "masks_min"),
        ({"masks_min": 25, "members_min": 30}, "masks_min"),
        ({"members_min": 3}, "members_min"),
        ({"draws": 0}, "draws"),
        ({"draws": 25}, "draws"),
    ],
)
def test_rules_that_cannot_hold_name_what_is_wrong(changes: dict[str, int], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        replace(DEMO, **changes)  # type: ignore[arg-type]


def test_defaults_are_those_of_the_documentation() -> None:
    assert (DEMO.members_min, DEMO.masks_min, DEMO.draws, DEMO.degree_max) == (5, 3, 6, 24)
