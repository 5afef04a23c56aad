"""The vector files follow from their own inputs, computed here without any line of the product."""

from hashlib import blake2b
from typing import Any

import pytest

from tests.vectors import load, straight_line
from tests.vectors.rfc import chacha20poly1305, ed25519_public, ed25519_sign, x25519

_GOOD = load("frames_good.json")


def _named(entry: dict[str, Any]) -> str:
    return str(entry["name"])


def test_rfc_8032_section_7_1_test_2_comes_out() -> None:
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    assert ed25519_public(seed) == public
    assert ed25519_sign(seed, public, b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


def test_rfc_7748_section_6_1_comes_out() -> None:
    alice = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    bob = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    shared = x25519(alice, bob)
    assert shared.hex() == "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"


def test_rfc_8439_section_2_8_2_comes_out() -> None:
    key, nonce = bytes(range(0x80, 0xA0)), bytes.fromhex("070000004041424344454647")
    message = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future,"
        b" sunscreen would be it."
    )
    sealed = chacha20poly1305(key, nonce, message, bytes.fromhex("50515253c0c1c2c3c4c5c6c7"))
    assert sealed[:16].hex() == "d31a8d34648e60db7b86afbc53ef7ec2"
    assert sealed[-16:].hex() == "1ae10b594f09e26a7e902ecbd0600691"


def test_public_keys_follow_from_their_seeds() -> None:
    for key in _GOOD["keys"].values():
        assert ed25519_public(bytes.fromhex(key["seed"])).hex() == key["public_key"]


@pytest.mark.parametrize("entry", _GOOD["frames"], ids=_named)
def test_good_frame_follows_from_its_fields(entry: dict[str, Any]) -> None:
    data = straight_line.DATA[entry["notification_name"]](entry["fields"])
    assert data.hex() == entry["data"]
    seed = bytes.fromhex(_GOOD["keys"][entry["signer"]]["seed"])
    assert straight_line.frame(entry, data, seed).hex() == entry["frame"]


def test_every_notification_has_a_good_frame() -> None:
    names = set(load("codes.json")["notifications"].values())
    assert {entry["notification_name"] for entry in _GOOD["frames"]} == names == set(straight_line.DATA)


def test_masks_follow_from_their_seeds() -> None:
    for entry in load("masks.json")["masks"]:
        seed = bytes.fromhex(entry["seed"])
        assert straight_line.mask(seed, entry["network"], entry["round"]) == entry["lanes"]


def test_the_lower_client_adds_and_the_higher_one_subtracts() -> None:
    for entry in load("masks.json")["signs"]:
        sign = 1 if entry["own"] < entry["peer"] else -1
        assert [sign * word % 2**64 for word in entry["mask"]] == entry["lanes"]


def test_later_seeds_follow_from_earlier_ones() -> None:
    for entry in load("ratchet.json")["ratchet"]:
        later = straight_line.ratchet(bytes.fromhex(entry["seed"]), entry["later_day"] - entry["day"])
        assert later.hex() == entry["later_seed"]


def test_sums_are_arithmetic_modulo_a_word() -> None:
    content = load("superposition.json")
    for entry in content["vectors"]:
        assert entry["lanes"] == [entry["import_dwh"] % 2**64, entry["export_dwh"] % 2**64, 1]
    for entry in content["sums"]:
        pairs = list(zip(entry["a"], entry["b"], strict=True))
        assert entry["sum"] == [(a + b) % 2**64 for a, b in pairs]
        assert entry["difference"] == [(a - b) % 2**64 for a, b in pairs]
        assert entry["sum_signed"] == [(word + 2**63) % 2**64 - 2**63 for word in entry["sum"]]


def _body(entry: dict[str, Any], neighbors: list[dict[str, Any]], attempt: int) -> str:
    reading = entry["reading"]
    lanes = [reading["import_dwh"] % 2**64, reading["export_dwh"] % 2**64, 1] if reading else [0, 0, 0]
    for neighbor in neighbors:
        mask = straight_line.mask(bytes.fromhex(neighbor["seed"]), entry["network"], entry["round"])
        sign = 1 if entry["own"] < neighbor["client"] else -1
        lanes = [(lane + sign * word) % 2**64 for lane, word in zip(lanes, mask, strict=True)]
    tunnels = [neighbor["tunnel"] for neighbor in neighbors]
    fields = {"lanes": lanes, "attempt": attempt, "masks": len(tunnels), "edges": straight_line.fingerprint(tunnels)}
    return straight_line.basic_body(fields).hex()


def test_bodies_of_suite_basic_follow_from_readings_and_seeds() -> None:
    for entry in load("suite_basic.json")["bodies"]:
        kept = [neighbor for neighbor in entry["neighbors"] if neighbor["client"] not in entry["missing"]]
        assert _body(entry, entry["neighbors"], 0) == entry["body"]
        assert _body(entry, kept, entry["attempt"]) == entry["corrected_body"]


def test_client_sets_follow_from_their_members() -> None:
    for entry in load("clients.json")["sets"]:
        assert straight_line.bitmap(entry["clients"])[2:].hex() == entry["octets"]


def test_fingerprints_follow_from_tunnels_in_any_order() -> None:
    for entry in load("fingerprints.json")["fingerprints"]:
        assert straight_line.fingerprint(entry["tunnels"]) == entry["fingerprint"]


def test_views_follow_from_final_frames() -> None:
    for entry in load("view.json")["views"]:
        assert straight_line.view(bytes.fromhex(entry["frame"])).hex() == entry["view"]


def test_times_follow_from_the_schedule() -> None:
    for entry in load("schedule.json")["rounds"]:
        round_ = entry["at_ms"] // entry["period_ms"]
        start = round_ * entry["period_ms"]
        first = start + entry["window_ms"] + entry["grace_ms"]
        offset = straight_line.offset_ms(bytes.fromhex(entry["public_key"]), entry["window_ms"])
        assert (entry["round"], entry["start_ms"], entry["day"]) == (round_, start, start // 86_400_000)
        assert entry["send_at_ms"] == start + offset
        assert entry["deadlines_ms"] == [first + i * entry["correction_ms"] for i in range(entry["attempts_max"] + 1)]
        assert entry["stale_ms"] == entry["period_ms"]
        assert entry["future_ms"] == sorted((1000, entry["period_ms"] // 100, 9000))[1]


def test_topics_follow_from_their_parts() -> None:
    for entry in load("topics.json")["good"]:
        network = "" if entry["channel"] == "register" else f"{entry['network']}/"
        assert entry["topic"] == f"dcnet/1/{network}{entry['channel']}/{entry['name']}"


def test_every_personalization_fits_and_differs() -> None:
    words = [
        "mask", "ratchet", "edges", "view", "offset", "handshake", "root", "seed", "tunnel i", "tunnel r",
        "leaf", "node", "roster", "draws", "draw", "drawn", "pad", "self",
    ]  # fmt: skip
    digests = {blake2b(b"", person=f"dcnet {word}".encode()).digest() for word in words}
    assert len(digests) == len(words)
