"""The rule for names."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import is_name
from tests.common.strategies import moderate, names


@moderate
@given(names)
def test_a_name_is_a_name(text: str) -> None:
    assert is_name(text)


@moderate
@given(st.text(max_size=40))
def test_nothing_else_is_a_name(text: str) -> None:
    assert is_name(text) is (1 <= len(text) <= 32 and not re.search(r"[^a-z0-9-]", text))


@pytest.mark.parametrize(
    "text", ["", "a\n", "\na", "a" * 33, "A", "é", "٣", "a/b", "+", "#", "$sys", "a b", "a_b", "\x00"]
)
def test_nonsense_is_no_name(text: str) -> None:
    assert not is_name(text)
