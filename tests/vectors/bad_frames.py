"""The bad frames of the vector files: each fault alone, and pairs that show which of two is named."""

from collections.abc import Iterator
from typing import Any, Final

from common.frames import Notification
from common.refusal import Refusal
from common.signing import Direction, Identity
from tests.vectors.good_frames import GATEWAY, GOOD, NEIGHBOR, NOW_MS, PROVIDER, ROUND, Case, N, Raw
from tests.vectors.rfc import ed25519_sign


def _changed(octets: bytes, at: int, new: bytes) -> bytes:
    return octets[:at] + new + octets[at + len(new) :]


def _unreadable() -> Iterator[tuple[str, Refusal, bytes]]:
    """Frames that are refused before their data is looked at."""
    signed = {case.name: case.signed() for case in GOOD}
    shortest, entered = signed["exit"], signed["entered"]
    yield "empty", Refusal.TOO_SHORT, b""
    yield "a_header_alone", Refusal.TOO_SHORT, shortest[:24]
    yield "one_byte_less_than_the_shortest_frame", Refusal.TOO_SHORT, shortest[:-1]
    yield "too_short_and_of_another_protocol", Refusal.TOO_SHORT, b"MQTT"
    yield "another_protocol", Refusal.WRONG_PROTOCOL, _changed(entered, 0, b"DCM")
    yield "lower_case_protocol", Refusal.WRONG_PROTOCOL, _changed(entered, 0, b"dcn")
    yield "another_protocol_and_version", Refusal.WRONG_PROTOCOL, _changed(entered, 0, b"XYZ\x09")
    yield "version_0", Refusal.WRONG_VERSION, _changed(entered, 3, b"\x00")
    yield "version_2_and_a_reserved_bit", Refusal.WRONG_VERSION, _changed(_changed(entered, 3, b"\x02"), 12, b"\x01")
    yield "lowest_reserved_bit", Refusal.RESERVED_BIT, _changed(entered, 12, b"\x01")
    yield "highest_reserved_bit", Refusal.RESERVED_BIT, _changed(entered, 12, b"\x40")
    yield "transmission_bit_and_all_reserved_bits", Refusal.RESERVED_BIT, _changed(entered, 12, b"\xff")
    yield "reserved_bit_and_wrong_length", Refusal.RESERVED_BIT, _changed(entered, 12, b"\x02") + b"\x00"
    yield "one_byte_appended", Refusal.WRONG_LENGTH, entered + b"\x00"
    yield "one_byte_cut_off", Refusal.WRONG_LENGTH, entered[:-1]
    yield "length_field_too_large", Refusal.WRONG_LENGTH, _changed(entered, 22, b"\xff\xff")
    yield "length_field_0", Refusal.WRONG_LENGTH, _changed(entered, 22, b"\x00\x00")
    yield "wrong_length_and_unknown_notification", Refusal.WRONG_LENGTH, _changed(entered, 21, b"\x00\xff")
    for code in (0, 6, 15, 255):
        yield f"notification_{code}", Refusal.UNKNOWN_NOTIFICATION, _changed(entered, 21, bytes([code]))


def _bad_data() -> Iterator[tuple[str, Notification, bytes]]:
    """Data fields that are refused; the frames around them are right and signed."""
    data = {case.name: case.payload.encode() for case in GOOD}
    ends_exactly = {
        N.REGISTER: "register",
        N.ENTERED: "entered",
        N.CORRECTION: "correction",
        N.SUPERPOSITION: "superposition",
        N.ROSTER: "roster",
        N.FINAL: "final_after_an_outage",
        N.EMERGENCY: "emergency",
        N.EXIT_CONFIRMED: "exit_confirmed_by_a_neighbor",
        N.ASSIGNED: "assigned",
        N.TUNNEL_OPEN: "tunnel_open_to_the_initiator",
        N.RESUME: "resume",
        N.RESUMED: "resumed",
        N.REFUSED: "refused",
    }
    for notification, name in ends_exactly.items():
        word = notification.name.lower()
        yield f"{word}_without_data", notification, b""
        yield f"{word}_cut_short", notification, data[name][:-1]
        yield f"{word}_with_a_byte_too_many", notification, data[name] + b"\x00"
    yield "tunnel_without_a_step", N.TUNNEL, data["tunnel"][:8]
    yield "superposition_without_a_body", N.SUPERPOSITION, data["superposition"][:17]
    yield "register_with_an_empty_name", N.REGISTER, data["register"][:40] + b"\x00"
    yield "register_with_an_upper_case_region", N.REGISTER, data["register"].replace(b"north-1", b"North-1")
    yield "register_with_a_level_in_its_name", N.REGISTER, data["register"].replace(b"gw-0001", b"gw/0001")
    yield "register_with_a_newline_after_its_name", N.REGISTER, data["register"].replace(b"gw-0001", b"gw-000\n")
    yield "register_with_a_name_not_in_ascii", N.REGISTER, data["register"].replace(b"gw-0001", b"gw-00\xc3\xbc")
    yield "register_with_33_characters", N.REGISTER, data["register"][:40] + b"\x21" + b"z" * 33
    yield "correction_with_attempt_0", N.CORRECTION, _changed(data["correction"], 17, b"\x00")
    yield "correction_that_names_nobody", N.CORRECTION, data["correction"][:18] + b"\x00\x00"
    yield "correction_of_a_bitmap_without_bits", N.CORRECTION, data["correction"][:18] + b"\x00\x01\x00"
    yield (
        "final_with_void_from_above_its_round",
        N.FINAL,
        _changed(data["final_after_an_outage"], 17, (ROUND + 1).to_bytes(8)),
    )
    yield "roster_whose_corrections_fill_the_period", N.ROSTER, _changed(data["roster"], 17, (7000).to_bytes(4))
    yield "roster_with_period_0", N.ROSTER, _changed(data["roster"], 5, bytes(4))
    yield "roster_with_window_0", N.ROSTER, _changed(data["roster"], 9, bytes(4))
    yield "roster_without_attempts", N.ROSTER, _changed(data["roster"], 21, b"\x00")
    yield "roster_with_members_min_not_above_masks_min", N.ROSTER, _changed(data["roster"], 22, b"\x00\x03\x03")
    yield "roster_with_masks_min_0", N.ROSTER, _changed(data["roster"], 24, b"\x00")
    yield "roster_with_draws_above_degree_max", N.ROSTER, _changed(data["roster"], 25, b"\x19\x18")
    yield "roster_without_a_region", N.ROSTER, data["roster"][:27] + b"\x00"
    yield "roster_of_a_region_in_upper_case", N.ROSTER, data["roster"].replace(b"north-1", b"NORTH-1")
    yield "roster_of_a_region_not_in_ascii", N.ROSTER, data["roster"].replace(b"north-1", b"north-\xff")
    yield "tunnel_open_with_role_2", N.TUNNEL_OPEN, _changed(data["tunnel_open_to_the_initiator"], 8, b"\x02")
    yield "resume_with_started_2", N.RESUME, data["resume"][:-1] + b"\x02"
    yield "emergency_with_fewer_edges_than_counted", N.EMERGENCY, _changed(data["emergency"], 0, b"\xff\xff")
    yield "entered_with_fewer_tunnels_than_counted", N.ENTERED, _changed(data["entered"], 0, b"\xff\xff")
    yield "resumed_with_more_tunnels_than_counted", N.RESUMED, _changed(data["resumed"], 0, b"\x00\x01")
    yield "refused_with_an_unknown_notification", N.REFUSED, b"\x06\x08"
    yield "refused_with_an_unknown_reason", N.REFUSED, b"\x01\x00"


_ED25519_ORDER: Final = 2**252 + 27742317777372353535851937790883648493


def _unsigned() -> Iterator[tuple[str, bytes, Identity, Direction]]:
    """Frames that decode and whose signature does not hold under the key and direction they are checked with."""
    by_name = {case.name: case for case in GOOD}
    up, down = by_name["superposition"].signed(), by_name["correction"].signed()
    frame, signature = up[:-64], up[-64:]
    shifted = (int.from_bytes(signature[32:], "little") + _ED25519_ORDER).to_bytes(32, "little")
    yield "right_key_but_signed_upward", up, GATEWAY, Direction.DOWN
    yield "right_key_but_signed_downward", down, PROVIDER, Direction.UP
    bare = ed25519_sign(GATEWAY.seed.reveal(), GATEWAY.public_key, frame)
    yield "signed_without_a_label", frame + bare, GATEWAY, Direction.UP
    yield "key_of_another_gateway", up, NEIGHBOR, Direction.UP
    yield "signature_of_zeros", frame + bytes(64), GATEWAY, Direction.UP
    yield "signature_with_a_flipped_bit", up[:-1] + bytes([up[-1] ^ 1]), GATEWAY, Direction.UP
    yield "signature_shifted_by_the_group_order", frame + signature[:32] + shifted, GATEWAY, Direction.UP
    yield "data_with_a_flipped_bit", _changed(up, 41, bytes([up[41] ^ 1])), GATEWAY, Direction.UP
    yield "another_network", _changed(up, 4, (8).to_bytes(4)), GATEWAY, Direction.UP
    yield "another_client", _changed(up, 8, (4).to_bytes(4)), GATEWAY, Direction.UP
    yield "transmission_bit_removed", _changed(up, 12, b"\x00"), GATEWAY, Direction.UP
    yield "later_timestamp", _changed(up, 13, (NOW_MS + 1).to_bytes(8)), GATEWAY, Direction.UP
    yield "another_notification", _changed(up, 21, b"\x12"), GATEWAY, Direction.UP


def bad_file() -> dict[str, Any]:
    """The content of `frames_bad.json`."""
    entries: list[dict[str, Any]] = [
        {"name": name, "step": "frame", "refusal": refusal.name, "frame": octets.hex()}
        for name, refusal, octets in _unreadable()
    ]
    longest = bytes.fromhex("44434e01000000070000000300000000000000000003ffff")
    too_long = (("one_byte_more_than_the_longest_frame", longest), ("too_long_and_of_another_protocol", bytes(24)))
    for name, start in too_long:
        repeat = [{"octets": start.hex(), "times": 1}, {"octets": "00", "times": 65_536 + 64}]
        entries.append({"name": name, "step": "frame", "refusal": "TOO_LONG", "repeat": repeat})
    for name, notification, data in _bad_data():
        case = next(case for case in GOOD if case.notification is notification)
        changed = Case(name, case.signer, notification, Raw(data), case.network, case.client)
        entry = {"name": name, "step": "data", "refusal": "BAD_DATA", "frame": changed.signed().hex()}
        entries.append(entry | {"notification_name": notification.name})
    identity_point = (1).to_bytes(32, "little")
    weak = GOOD[0].signed()[:-64] + identity_point + bytes(32)
    signatures = [(name, raw, key.public_key, direction) for name, raw, key, direction in _unsigned()]
    for name, raw, key, direction in [*signatures, ("key_of_low_order", weak, identity_point, Direction.UP)]:
        entry = {"name": name, "step": "signature", "refusal": "BAD_SIGNATURE", "frame": raw.hex()}
        entries.append(entry | {"direction": direction.name, "public_key": key.hex()})
    return {"frames": entries}
