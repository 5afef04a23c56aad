"""The product against the vector files: as another implementation would use them."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from common.frames import Notification, decode
from common.identifiers import ClientId, NetworkId
from common.payloads import (
    Assigned,
    ClockAnswer,
    Correction,
    Entered,
    ExitConfirmed,
    Hold,
    Holdings,
    Registration,
    Rejected,
    Release,
    Resumed,
    RoundFinal,
    Superposition,
    require_empty,
)
from common.refusal import Refusal, RefusedError
from common.roster import LeafPart, Roster
from common.signing import Direction
from common.suites import BASIC, HARDENED, SUITES, Suite
from common.topics import Channel, Topic, parse
from common.tunnels import Departure, Drawn, TunnelMessage, TunnelOpen
from tests.vectors import frame_octets, load, make
from tests.vectors.good_frames import Raw, RevocationData, plain

_GOOD = load("frames_good.json")
_BAD = load("frames_bad.json")["frames"]
_TOPICS = load("topics.json")


def _superposition(data: bytes) -> Superposition:
    payload = Superposition.decode(data)
    SUITES[payload.suite].read(payload.body)
    return payload


def _nothing(data: bytes) -> Raw:
    require_empty(data)
    return Raw()


_DECODERS: Mapping[Notification, Callable[[bytes], object]] = {
    Notification.REGISTER: Registration.decode,
    Notification.ENTERED: Entered.decode,
    Notification.EXIT: _nothing,
    Notification.CORRECTION: Correction.decode,
    Notification.SUPERPOSITION: _superposition,
    Notification.ROSTER: Roster.decode,
    Notification.FINAL: RoundFinal.decode,
    Notification.RELEASE: Release.decode,
    Notification.TUNNEL: TunnelMessage.decode,
    Notification.EMERGENCY: Holdings.decode,
    Notification.EXIT_CONFIRMED: ExitConfirmed.decode,
    Notification.ASSIGNED: Assigned.decode,
    Notification.TUNNEL_OPEN: TunnelOpen.decode,
    Notification.RESUME: Holdings.decode,
    Notification.RESUMED: Resumed.decode,
    Notification.REFUSED: Rejected.decode,
    Notification.REVOCATIONS: RevocationData,
    Notification.DRAWN: Drawn.decode,
    Notification.DEPARTED: Departure.decode,
    Notification.LEAVES: LeafPart.decode,
    Notification.HOLD: Hold.decode,
}


def _payload(notification: Notification, direction: Direction, data: bytes) -> object:
    if notification is Notification.CLOCK:
        return ClockAnswer.decode(data) if direction is Direction.DOWN else _nothing(data)
    return _DECODERS[notification](data)


def _named(entry: dict[str, Any]) -> str:
    return str(entry["name"])


def _steps(entry: dict[str, Any]) -> str:
    """The step that refuses a frame and its reason, such as `data BAD_DATA`."""
    step = "frame"
    try:
        signed = decode(frame_octets(entry))
        step, direction = "data", Direction[entry["direction"]]
        _payload(signed.frame.notification, direction, signed.frame.data)
        step = "signature"
        signed.require_signature(bytes.fromhex(entry["public_key"]), direction)
    except RefusedError as refused:
        return f"{step} {refused.reason.name}"
    return "accepted"


def test_files_say_what_the_product_computes() -> None:
    assert make.stale() == []


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--check", "--write"]])
def test_generator_says_how_to_run_it(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert make.main(arguments) == 2
    assert "--check" in capsys.readouterr().err


@pytest.mark.parametrize("entry", _GOOD["frames"], ids=_named)
def test_good_frame_is_read_to_its_fields(entry: dict[str, Any]) -> None:
    signed = decode(bytes.fromhex(entry["frame"]))
    frame = signed.frame
    header = {
        "network": frame.network,
        "client": frame.client,
        "transmission_bit": frame.transmission_bit,
        "timestamp_ms": frame.timestamp_ms,
        "notification": frame.notification,
        "notification_name": frame.notification.name,
        "data": frame.data.hex(),
    }
    assert header == {name: entry[name] for name in header}
    assert plain(_payload(frame.notification, Direction[entry["direction"]], frame.data)) == entry["fields"]


@pytest.mark.parametrize("entry", _GOOD["frames"], ids=_named)
def test_good_frame_holds_under_its_own_key_and_direction_only(entry: dict[str, Any]) -> None:
    signed = decode(bytes.fromhex(entry["frame"]))
    for name, key in _GOOD["keys"].items():
        for direction in Direction:
            is_right = (name, direction.name) == (entry["signer"], entry["direction"])
            assert signed.is_signed_by(bytes.fromhex(key["public_key"]), direction) is is_right


@pytest.mark.parametrize("entry", _BAD, ids=_named)
def test_bad_frame_is_refused_at_its_step_with_its_reason(entry: dict[str, Any]) -> None:
    assert _steps(entry) == f"{entry['step']} {entry['refusal']}"


def test_every_refusal_of_the_decoders_has_a_bad_frame() -> None:
    decoders = [*list(Refusal)[: list(Refusal).index(Refusal.BAD_DATA) + 1], Refusal.BAD_SIGNATURE]
    assert {entry["refusal"] for entry in _BAD} == {refusal.name for refusal in decoders}


def test_every_payload_that_can_be_wrong_has_a_bad_frame() -> None:
    read_elsewhere = Notification.REVOCATIONS
    named = {entry["notification_name"] for entry in _BAD if entry["step"] == "data"}
    assert named == {notification.name for notification in Notification if notification is not read_elsewhere}


def test_names_of_frames_are_unique() -> None:
    for entries in (_GOOD["frames"], _BAD):
        assert len({entry["name"] for entry in entries}) == len(entries)


@pytest.mark.parametrize("entry", _TOPICS["good"], ids=lambda entry: str(entry["topic"]))
def test_good_topic_is_read_to_its_parts(entry: dict[str, Any]) -> None:
    assert parse(entry["topic"]) == Topic(Channel(entry["channel"]), NetworkId(entry["network"]), entry["name"])


@pytest.mark.parametrize("text", _TOPICS["bad"], ids=repr)
def test_bad_topic_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as caught:
        parse(text)
    assert caught.value.reason is Refusal.WRONG_TOPIC


@pytest.mark.parametrize("suite", [BASIC, HARDENED], ids=["basic", "hardened"])
def test_body_vectors_are_read_and_hide_the_reading(suite: Suite) -> None:
    for entry in load(f"suite_{suite.name}.json")["bodies"]:
        read = suite.read(bytes.fromhex(entry["body"]))
        reading = entry["reading"] or {"import_dwh": 0, "export_dwh": 0}
        assert reading["import_dwh"] % 2**64 != read.lanes[0]
        assert reading["export_dwh"] % 2**64 != read.lanes[1]
        assert ClientId(entry["own"]) not in [neighbor["client"] for neighbor in entry["neighbors"]]
