"""Refusals: a closed set, a sentence each, codes that stay."""

import pytest

from common.frames import Notification
from common.refusal import Refusal, RefusedError
from common.signing import Direction
from tests.vectors import load

_CODES = load("codes.json")


@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_has_a_sentence_of_its_own(refusal: Refusal) -> None:
    sentence = refusal.sentence
    assert len(sentence.split()) >= 4
    assert sentence == sentence.strip()
    assert not sentence.endswith(".")
    assert [other for other in Refusal if other.sentence == sentence] == [refusal]


def test_codes_of_refusals_stay() -> None:
    assert {str(int(refusal)): refusal.name for refusal in Refusal} == _CODES["refusals"]


def test_codes_of_notifications_stay() -> None:
    assert {str(int(notification)): notification.name for notification in Notification} == _CODES["notifications"]


def test_labels_of_directions_stay() -> None:
    assert {direction.name: direction.value.decode() for direction in Direction} == _CODES["directions"]


def test_codes_fit_the_byte_they_travel_in_and_none_is_zero() -> None:
    assert all(0 < code < 256 for code in [*Refusal, *Notification])


@pytest.mark.parametrize("refusal", list(Refusal))
def test_the_exception_says_the_sentence_and_holds_the_reason(refusal: Refusal) -> None:
    error = RefusedError(refusal)
    assert str(error) == refusal.sentence
    assert error.reason is refusal
