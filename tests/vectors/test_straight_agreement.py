"""Trees, draws, rosters, certificates and handshakes of the vector files, computed without any line of the product."""

from typing import Any

import pytest

from tests.vectors import der, load, straight_agreement, straight_line
from tests.vectors.rfc import ed25519_public, ed25519_sign, x25519

_MERKLE = load("merkle.json")
_DRAWS = load("draws.json")
_ROSTER = load("roster.json")
_CERTIFICATES = load("certificates.json")
_HANDSHAKES = load("handshake.json")["handshakes"]
_ENTRIES = [bytes.fromhex(entry) for entry in _MERKLE["leaves"]]


def _named(entry: dict[str, Any]) -> str:
    return str(entry["name"])


def test_roots_follow_from_their_leaves() -> None:
    for entry in _MERKLE["roots"]:
        assert straight_agreement.merkle_root(_ENTRIES[: entry["size"]]).hex() == entry["root"]


def test_paths_follow_from_their_leaves_and_lead_back_to_the_root() -> None:
    for entry in _MERKLE["paths"]:
        index, entries = entry["index"], _ENTRIES[: entry["size"]]
        path = straight_agreement.inclusion(index, entries)
        assert [each.hex() for each in path] == entry["path"]
        root = straight_agreement.root_from_path(entries[index], index, len(entries), path)
        assert root == straight_agreement.merkle_root(entries)


def test_proofs_of_growth_follow_from_their_leaves() -> None:
    for entry in _MERKLE["consistency"]:
        proof = straight_agreement.consistency(entry["old"], _ENTRIES[: entry["size"]])
        assert [each.hex() for each in proof] == entry["proof"]


def test_commitments_follow_from_identity_and_region() -> None:
    for entry in _DRAWS["gateways"]:
        values = straight_agreement.draw_values(bytes.fromhex(entry["seed"]), entry["region"])
        assert [values[each["slot"]].hex() for each in entry["values"]] == [each["value"] for each in entry["values"]]
        assert straight_agreement.merkle_root(values).hex() == entry["draw_root"]


def test_draws_follow_from_value_root_and_counter() -> None:
    for entry in _DRAWS["drawn"]:
        value, root = bytes.fromhex(entry["value"]), bytes.fromhex(entry["root"])
        assert straight_agreement.drawn_index(value, root, entry["counter"], entry["leaves"]) == entry["index"]
    for entry in _DRAWS["limits"]:
        limit = straight_agreement.counter_limit(entry["leaves"], entry["live"], entry["slots"])
        assert limit == entry["limit"]


@pytest.mark.parametrize("entry", _DRAWS["openings"], ids=_named)
def test_an_opening_proves_its_draw_or_is_refused(entry: dict[str, Any]) -> None:
    assert straight_agreement.is_drawn(entry) is (entry["refusal"] is None)


def test_leaves_and_rosters_follow_from_their_fields() -> None:
    for entry in _ROSTER["leaves"]:
        assert straight_line.leaf(entry["fields"]).hex() == entry["leaf"]
    for entry in _ROSTER["rosters"]:
        data = straight_line.roster(entry["fields"])
        assert data.hex() == entry["data"]
        assert straight_agreement.roster_name(data).hex() == entry["roster_name"]


def test_every_epoch_names_the_one_before() -> None:
    names = [entry["roster_name"] for entry in _ROSTER["rosters"]]
    predecessors = [entry["fields"]["predecessor"] for entry in _ROSTER["rosters"]]
    assert predecessors == ["00" * 32, *names[:-1]]
    assert [entry["fields"]["at"]["epoch"] for entry in _ROSTER["rosters"]] == [1, 2, 3, 4]


def test_listed_leaves_are_those_of_the_root() -> None:
    listed = [entry["fields"] for entry in _ROSTER["rosters"] if entry["fields"]["listed"]]
    assert [len(fields["listed"]) for fields in listed] == [9, 25]
    for fields in listed:
        leaves = [straight_line.leaf(leaf) for leaf in fields["listed"]]
        assert straight_agreement.merkle_root(leaves).hex() == fields["at"]["root"]


def test_certificates_and_lists_are_signed_by_the_authority() -> None:
    seed = bytes.fromhex(_CERTIFICATES["authority"]["seed"])
    signed = [_CERTIFICATES["authority"]["certificate"]]
    signed += [entry["certificate"] for entry in _CERTIFICATES["certificates"]]
    signed += [entry["list"] for entry in _CERTIFICATES["lists"]]
    for octets in map(bytes.fromhex, signed):
        assert ed25519_sign(seed, ed25519_public(seed), der.signed_part(octets)) == der.signature(octets)


def test_certificates_hold_what_is_said_of_them() -> None:
    for entry in _CERTIFICATES["certificates"]:
        octets = bytes.fromhex(entry["certificate"])
        region = f"{entry['region']}/" if entry["role"] == "gateway" else ""
        assert entry["uri"] == f"dcnet:{entry['role']}/{region}{entry['subject_name']}"
        common_name = bytes.fromhex("0603550403") + der.tlv(0x0C, entry["subject_name"].encode())
        for part in (der.tlv(0x86, entry["uri"].encode()), common_name, bytes.fromhex(entry["public_key"])):
            assert octets.count(part) == 1


@pytest.mark.parametrize("entry", _HANDSHAKES, ids=["draw", "mesh", "renewal"])
def test_handshake_follows_from_its_ephemeral_secrets(entry: dict[str, Any]) -> None:
    computed = straight_agreement.handshake(entry)
    names = ("hello", "reply", "confirm", "stored", "seed")
    assert {name: computed[name].hex() for name in names} == {name: entry[name] for name in names}


@pytest.mark.parametrize("entry", _HANDSHAKES, ids=["draw", "mesh", "renewal"])
def test_both_ends_of_a_handshake_compute_the_same_shared_value(entry: dict[str, Any]) -> None:
    computed = straight_agreement.handshake(entry)
    assert x25519(bytes.fromhex(entry["responder_ephemeral"]), computed["hello"]) == computed["shared"]
