"""The bad frames of the vector files: each fault alone, and pairs that show which of two is named."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from common.identifiers import ClientId
from common.merkle import Tree
from common.refusal import Refusal
from common.roster import LEAVES_PER_PART, Leaf, LeafPart, RosterRoot
from common.signing import Direction, Identity
from tests.vectors.good_frames import GOOD, Raw
from tests.vectors.members import FIRST, GATEWAY, GROWN, LEAVES, NEIGHBOR, NOW_MS, PROVIDER, ROUND, part_of
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


def _bad_data() -> Iterator[tuple[str, str, bytes]]:
    """Data fields that are refused, each in the place of a good case's; the frames around them are right and signed."""
    yield from _lengths()
    yield from _rosters()
    yield from _leaves()
    yield from _proofs()
    yield from _seals()
    data = {case.name: case.payload.encode() for case in GOOD}
    yield "exit_with_data", "exit", b"\x00"
    yield "tunnel_without_a_step", "tunnel", data["tunnel"][:8]
    yield "superposition_without_a_body", "superposition", data["superposition"][:17]
    yield "correction_with_attempt_0", "correction", _changed(data["correction"], 17, b"\x00")
    yield "correction_that_names_nobody", "correction", data["correction"][:18] + b"\x00\x00"
    yield "correction_of_a_bitmap_without_bits", "correction", data["correction"][:18] + b"\x00\x01\x00"
    yield "correction_of_a_bitmap_with_a_zero_at_its_end", "correction", data["correction"][:18] + b"\x00\x02\x02\x00"
    yield "correction_that_names_client_0", "correction", data["correction"][:18] + b"\x00\x01\x03"
    final = data["final_after_an_outage"]
    yield "final_with_void_from_above_its_round", "final_after_an_outage", _changed(final, 17, (ROUND + 1).to_bytes(8))
    yield "final_that_ends_before_its_root", "final_after_an_outage", final[:29]
    yield "resume_with_started_2", "resume", data["resume"][:-1] + b"\x02"
    yield "emergency_with_fewer_edges_than_counted", "emergency", _changed(data["emergency"], 0, b"\xff\xff")
    yield "entered_with_fewer_tunnels_than_counted", "entered", _changed(data["entered"], 0, b"\xff\xff")
    yield "resumed_with_more_tunnels_than_counted", "resumed", _changed(data["resumed"], 0, b"\x00\x01")
    yield "refused_with_an_unknown_notification", "refused", b"\x06\x08"
    yield "refused_with_an_unknown_reason", "refused", b"\x01\x00"
    yield "drawn_65_members", "drawn_64_members", b"\x00\x41" + data["drawn_64_members"][2:] + bytes(8)
    yield "drawn_with_fewer_members_than_counted", "drawn", _changed(data["drawn"], 0, b"\x00\x03")
    yield "clock_question_with_data", "clock_question", bytes(8)


_FIXED_LENGTHS: Final = (
    "entered", "correction", "superposition", "roster_of_a_first_epoch", "roster_that_grew_beyond_a_mesh",
    "final_after_an_outage", "emergency", "exit_confirmed_by_a_neighbor", "assigned", "tunnel_open_to_the_initiator",
    "resume", "resumed", "refused", "drawn", "clock_answer", "superposition_hardened", "release", "hold",
)  # fmt: skip
"""Cases whose data field has one right length."""


def _lengths() -> Iterator[tuple[str, str, bytes]]:
    for case in GOOD:
        if case.name in _FIXED_LENGTHS:
            data = case.payload.encode()
            yield f"{case.name}_without_data", case.name, b""
            yield f"{case.name}_cut_short", case.name, data[:-1]
            yield f"{case.name}_with_a_byte_too_many", case.name, data + b"\x00"
    yield "register_with_a_draw_root_cut_short", "register", bytes(31)


def _rosters() -> Iterator[tuple[str, str, bytes]]:
    """ROSTERs with one fault. What is listed hangs together with the root, unless that is the fault."""
    name, right = "roster_of_a_first_epoch", FIRST.encode()
    yield "roster_whose_corrections_fill_the_period", name, _changed(right, 97, (7000).to_bytes(4))
    yield "roster_with_period_0", name, _changed(right, 85, bytes(4))
    yield "roster_with_window_0", name, _changed(right, 89, bytes(4))
    yield "roster_with_correction_0", name, _changed(right, 97, bytes(4))
    yield "roster_without_attempts", name, _changed(right, 101, b"\x00")
    yield "roster_with_members_min_not_above_masks_min", name, _changed(right, 102, b"\x00\x03\x03")
    yield "roster_with_masks_min_0", name, _changed(right, 104, b"\x00")
    yield "roster_with_masks_min_above_degree_max", name, _changed(right, 104, b"\x04\x01\x03")
    yield "roster_with_draws_0", name, _changed(right, 105, b"\x00")
    yield "roster_with_draws_above_degree_max", name, _changed(right, 105, b"\x18\x17")
    yield "roster_with_25_draws", name, _changed(right, 105, b"\x19")
    yield "roster_without_a_region", name, right[:107] + b"\x00" + right[115:]
    yield "roster_of_a_region_in_upper_case", name, right.replace(b"north-1", b"NORTH-1")
    yield "roster_of_a_region_with_a_level", name, right.replace(b"north-1", b"north/1")
    yield "roster_of_a_region_with_a_newline", name, right.replace(b"north-1", b"north1\n")
    yield "roster_of_a_region_not_in_ascii", name, right.replace(b"north-1", b"north-\xff")
    yield "roster_of_a_region_of_33_characters", name, right[:107] + b"\x21" + b"z" * 33 + right[115:]
    yield "roster_with_more_living_than_leaves", name, _changed(right, 48, (10).to_bytes(4))
    yield "roster_of_another_root", name, _changed(right, 52, bytes(32))
    yield "roster_with_a_leaf_of_another_key", name, _changed(right, len(right) - 50, b"\x00\x00")
    yield "roster_with_fewer_leaves_than_counted", name, right[:-72]
    yield "roster_with_more_leaves_than_counted", name, right + right[-72:]
    yield "roster_with_leaves_in_another_order", name, _listing(FIRST.listed[1], FIRST.listed[0], *FIRST.listed[2:])
    yield "roster_with_one_client_twice", name, _listing(FIRST.listed[0], FIRST.listed[0])
    yield "roster_with_client_0", name, _listing(replace(FIRST.listed[0], client=ClientId(0)), *FIRST.listed[1:])
    grown = GROWN.encode()
    yield "roster_that_lists_leaves_beyond_a_mesh", "roster_that_grew_beyond_a_mesh", grown + right[-72:]
    counted = _changed(grown, 115, bytes([len(GROWN.growth) + 1]))
    yield "roster_with_a_shorter_proof_than_counted", "roster_that_grew_beyond_a_mesh", counted


def _leaves() -> Iterator[tuple[str, str, bytes]]:
    """LEAVES with one fault."""
    name, right = "leaves_of_a_first_part", LeafPart(0, LEAVES)
    first, second, *others = LEAVES
    yield "leaves_without_data", name, b""
    yield "leaves_that_end_within_the_part", name, bytes(3)
    yield "leaves_without_a_leaf", name, bytes(4)
    yield "leaves_cut_short", name, right.encode()[:-1]
    yield "leaves_with_a_byte_too_many", name, right.encode() + b"\x00"
    yield "leaves_that_begin_with_the_second", name, LeafPart(0, LEAVES[1:]).encode()
    yield "leaves_in_another_order", name, LeafPart(0, (second, first, *others)).encode()
    yield "leaves_with_one_left_out", name, LeafPart(0, (first, *others)).encode()
    yield "leaves_with_one_twice", name, LeafPart(0, (first, first, *others)).encode()
    yield "leaves_of_client_0", name, LeafPart(0, (replace(first, client=ClientId(0)), second, *others)).encode()
    yield "leaves_of_another_part", name, LeafPart(1, LEAVES).encode()
    yield "leaves_of_the_last_part_that_can_be_named", name, LeafPart(2**32 - 1, LEAVES[:1]).encode()
    yield "leaves_of_129_members", "leaves_of_a_full_part", LeafPart(0, part_of(0, LEAVES_PER_PART + 1)).encode()


_TOLD: Final = 17 + 34
"""Where the data of a SUPERPOSITION of suite `hardened` tells of the self-mask."""


def _seals() -> Iterator[tuple[str, str, bytes]]:
    """What seals a frame and what opens it, with one fault; 3 of 4 holders are needed, so there is one correction."""
    data = {case.name: case.payload.encode() for case in GOOD}
    name = "superposition_hardened"
    right = data[name]
    head, correction = right[:_TOLD], right[-16:]
    prime = (2**127 - 1).to_bytes(16)
    yield "superposition_hardened_that_tells_nothing", name, head
    yield "superposition_hardened_without_holders", name, head + b"\x03"
    yield "superposition_hardened_that_needs_no_share", name, _changed(right, _TOLD, b"\x00") + correction * 3
    yield "superposition_hardened_that_needs_more_than_its_holders", name, _changed(right, _TOLD, b"\x05")[:-16]
    yield "superposition_hardened_with_a_zero_after_its_holders", name, head + b"\x03\x02\x1b\x00" + correction
    yield "superposition_hardened_with_fewer_holders_than_counted", name, head + b"\x03\xff\x1b" + correction
    yield "superposition_hardened_without_its_correction", name, right[:-16]
    yield "superposition_hardened_with_two_corrections", name, right + correction
    yield "superposition_hardened_with_the_prime_as_a_correction", name, right[:-16] + prime
    yield "superposition_with_the_body_of_hardened", "superposition", _changed(right, 0, b"\x01")
    name, right = "release", data["release"]
    yield "release_with_a_zero_after_its_members", name, right[:17] + b"\x03" + right[18:20] + b"\x00" + right[20:]
    yield "release_with_a_share_too_few", name, right[:-16]
    yield "release_with_a_share_too_many", name, right + bytes(16)
    yield "release_with_the_prime_as_a_share", name, right[:-16] + prime
    yield "release_with_a_share_above_the_prime", name, right[:-16] + b"\xff" * 16
    yield "hold_with_fewer_clients_than_counted", "hold", _changed(data["hold"], 0, b"\x00\x04")


def _listing(*leaves: Leaf) -> bytes:
    root = Tree(leaf.encode() for leaf in leaves).root()
    return replace(FIRST, at=RosterRoot(1, len(leaves), len(leaves), root), listed=leaves).encode()


def _proofs() -> Iterator[tuple[str, str, bytes]]:
    """Orders and evidence around the proof of a member."""
    data = {case.name: case.payload.encode() for case in GOOD}
    name = "tunnel_open_to_the_initiator"
    right = data[name]
    hashes = right[130]
    yield "tunnel_open_with_role_2", name, _changed(right, 8, b"\x02")
    yield "tunnel_open_with_kind_3", name, _changed(right, 9, b"\x03")
    yield "tunnel_open_with_more_living_than_leaves", name, _changed(right, 22, (31).to_bytes(4))
    yield "tunnel_open_to_client_0", name, _changed(right, 58, bytes(4))
    yield "tunnel_open_with_a_shorter_path_than_counted", name, _changed(right, 130, bytes([hashes + 1]))
    yield "tunnel_open_with_a_longer_path_than_counted", name, _changed(right, 130, bytes([hashes - 1]))
    name = "departed_by_its_own_exit"
    right = data[name]
    end = 117 + 32 * right[116]
    yield "departed_without_data", name, b""
    yield "departed_without_an_end", name, right[:end]
    yield "departed_with_end_2", name, _changed(right, end, b"\x02")
    yield "departed_client_0", name, _changed(right, 44, bytes(4))


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
    yield "another_notification", _changed(up, 21, b"\x13"), GATEWAY, Direction.UP


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
    cases = {case.name: case for case in GOOD}
    for name, good, data in _bad_data():
        case = replace(cases[good], name=name, payload=Raw(data))
        entry = {"name": name, "step": "data", "refusal": "BAD_DATA", "frame": case.signed().hex()}
        entries.append(entry | {"notification_name": case.notification.name, "direction": case.direction.name})
    identity_point = (1).to_bytes(32, "little")
    weak = GOOD[0].signed()[:-64] + identity_point + bytes(32)
    signatures = [(name, raw, key.public_key, direction) for name, raw, key, direction in _unsigned()]
    for name, raw, key, direction in [*signatures, ("key_of_low_order", weak, identity_point, Direction.UP)]:
        entry = {"name": name, "step": "signature", "refusal": "BAD_SIGNATURE", "frame": raw.hex()}
        entries.append(entry | {"direction": direction.name, "public_key": key.hex()})
    return {"frames": entries}
