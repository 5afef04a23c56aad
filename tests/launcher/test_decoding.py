"""Every notification of the vectors, taken apart."""

from typing import Any

import pytest

from common.frames import Notification, decode
from common.refusal import RefusedError
from common.signing import Direction
from launcher.decoding import data_fields, header_fields
from launcher.fields import Field
from launcher.suite_fields import MASKED
from tests.vectors import frame_octets, load

GOOD = load("frames_good.json")["frames"]
BAD = [entry for entry in load("frames_bad.json")["frames"] if entry["step"] in ("frame", "data")]


def fields_of(entry: dict[str, Any]) -> dict[str, Field]:
    frame = decode(frame_octets(entry)).frame
    directions = [Direction[entry["direction"]]]
    return {field.name: field for field in [*header_fields(frame), *data_fields(frame, directions)]}


@pytest.mark.parametrize("entry", GOOD, ids=[entry["name"] for entry in GOOD])
def test_every_frame_of_the_vectors_is_taken_apart(entry: dict[str, Any]) -> None:
    fields = fields_of(entry)
    for name in ("network", "client", "transmission_bit", "timestamp_ms", "notification"):
        assert fields[name].value == entry[name]
    assert fields["notification"].note == entry["notification_name"]


def test_the_vectors_hold_every_notification_that_has_fields() -> None:
    assert {entry["notification"] for entry in GOOD} >= set(Notification)


def test_the_lanes_are_signed_and_said_to_be_masked() -> None:
    entry = next(entry for entry in GOOD if entry["notification"] == Notification.SUPERPOSITION)
    fields = fields_of(entry)
    lanes = [fields[name] for name in ("import_lane", "export_lane", "contributors_lane")]
    assert [lane.note for lane in lanes] == [MASKED] * 3
    assert all(isinstance(lane.value, int) and -(2**63) <= lane.value < 2**63 for lane in lanes)
    assert [lane.unit for lane in lanes] == ["0.1 Wh", "0.1 Wh", ""]


@pytest.mark.parametrize("entry", BAD, ids=[entry["name"] for entry in BAD])
def test_every_bad_frame_is_refused_with_its_reason(entry: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as caught:
        data_fields(decode(frame_octets(entry)).frame, [Direction[entry["direction"]]] if "direction" in entry else [])
    assert caught.value.reason.name == entry["refusal"]
