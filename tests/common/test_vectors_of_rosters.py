"""The product against the vector files of trees, draws, rosters, certificates and handshakes."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from common.agreement import Ends, Initiator, Introduction, Responder
from common.certificates import Authority, Certificate, RevocationList, Role, Subject, require_good
from common.draws import DrawValues, Opening, counter_limit, drawn_leaf, require_drawn
from common.identifiers import ClientId, NetworkId, TunnelId
from common.merkle import Tree, is_consistent, is_in
from common.refusal import Refusal, RefusedError
from common.roster import Leaf, Roster, RosterRoot
from common.secret import Secret
from common.signing import Identity
from common.tunnels import Kind
from tests.vectors import load
from tests.vectors.good_frames import plain

_MERKLE: Final = load("merkle.json")
_DRAWS: Final = load("draws.json")
_ROSTER: Final = load("roster.json")
_CERTIFICATES: Final = load("certificates.json")
_HANDSHAKES: Final = load("handshake.json")["handshakes"]
_LEAVES: Final = [bytes.fromhex(leaf) for leaf in _MERKLE["leaves"]]
_TREE: Final = Tree(_LEAVES)
_AUTHORITY: Final = Authority(bytes.fromhex(_CERTIFICATES["authority"]["certificate"]))


def _named(entry: dict[str, Any]) -> str:
    return str(entry["name"])


def _hashes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def _refusal(act: Callable[[], object]) -> str | None:
    try:
        act()
    except RefusedError as refused:
        return refused.reason.name
    return None


def test_roots_paths_and_proofs_of_growth_are_those_of_the_file() -> None:
    for entry in _MERKLE["roots"]:
        assert _TREE.root(entry["size"]).hex() == entry["root"]
    for entry in _MERKLE["paths"]:
        index, size, path = entry["index"], entry["size"], _hashes(entry["path"])
        assert list(_TREE.path(index, size)) == path
        assert is_in(_LEAVES[index], index, size, path, _TREE.root(size))
    for entry in _MERKLE["consistency"]:
        old, size, proof = entry["old"], entry["size"], _hashes(entry["proof"])
        assert list(_TREE.consistency(old, size)) == proof
        assert is_consistent(old, _TREE.root(old), size, _TREE.root(size), proof)


@pytest.mark.parametrize("entry", _MERKLE["bad_paths"], ids=_named)
def test_bad_path_proves_nothing(entry: dict[str, Any]) -> None:
    leaf, root = _LEAVES[entry["leaf"]], _TREE.root(entry["root_of"])
    assert not is_in(leaf, entry["index"], entry["size"], _hashes(entry["path"]), root)


@pytest.mark.parametrize("entry", _MERKLE["bad_consistency"], ids=_named)
def test_bad_proof_of_growth_proves_nothing(entry: dict[str, Any]) -> None:
    old_root, root = _TREE.root(entry["old_root_of"]), _TREE.root(entry["root_of"])
    assert not is_consistent(entry["old"], old_root, entry["size"], root, _hashes(entry["proof"]))


def test_draw_values_and_draws_are_those_of_the_file() -> None:
    for entry in _DRAWS["gateways"]:
        values = DrawValues(Identity(Secret(bytes.fromhex(entry["seed"]))), entry["region"])
        assert values.root.hex() == entry["draw_root"]
        for each in entry["values"]:
            assert values.open(each["slot"], 0).value.hex() == each["value"]
    for entry in _DRAWS["drawn"]:
        value, root = bytes.fromhex(entry["value"]), bytes.fromhex(entry["root"])
        assert drawn_leaf(value, entry["counter"], root, entry["leaves"]) == entry["index"]
    for entry in _DRAWS["limits"]:
        assert counter_limit(entry["leaves"], entry["live"], entry["slots"]) == entry["limit"]


@pytest.mark.parametrize("entry", _DRAWS["openings"], ids=_named)
def test_opening_proves_its_draw_or_is_refused(entry: dict[str, Any]) -> None:
    opening = Opening.decode(bytes.fromhex(entry["opening"]))
    draw_root, root = bytes.fromhex(entry["draw_root"]), bytes.fromhex(entry["root"])
    index, leaves, limit = entry["index"], entry["leaves"], entry["limit"]
    refusal = _refusal(lambda: require_drawn(opening, draw_root, index, root, leaves, limit))
    assert refusal == entry["refusal"]


def test_leaves_and_rosters_are_read_to_their_fields() -> None:
    for entry in _ROSTER["leaves"]:
        assert plain(Leaf.decode(bytes.fromhex(entry["leaf"]))) == entry["fields"]
    for entry in _ROSTER["rosters"]:
        roster = Roster.decode(bytes.fromhex(entry["data"]))
        assert plain(roster) == entry["fields"]
        assert roster.name.hex() == entry["roster_name"]


@pytest.mark.parametrize("entry", _ROSTER["growth"], ids=_named)
def test_roster_continues_the_one_before_or_does_not(entry: dict[str, Any]) -> None:
    roster = Roster.decode(bytes.fromhex(entry["data"]))
    assert roster.continues(_root(entry["before"])) is entry["continues"]


def _root(fields: dict[str, Any]) -> RosterRoot:
    return RosterRoot(fields["epoch"], fields["leaves"], fields["live"], bytes.fromhex(fields["root"]))


@pytest.mark.parametrize("entry", _CERTIFICATES["certificates"], ids=_named)
def test_certificate_is_read_to_its_fields(entry: dict[str, Any]) -> None:
    octets = bytes.fromhex(entry["certificate"])
    subject = Subject(Role(entry["role"]), entry["subject_name"], entry["region"])
    assert subject.uri == entry["uri"]
    assert _AUTHORITY.certificate(octets) == Certificate(
        subject,
        bytes.fromhex(entry["public_key"]),
        entry["serial"],
        entry["not_before_ms"],
        entry["not_after_ms"],
        octets,
    )


@pytest.mark.parametrize("entry", _CERTIFICATES["lists"], ids=_named)
def test_list_is_read_to_its_fields(entry: dict[str, Any]) -> None:
    octets, serials = bytes.fromhex(entry["list"]), frozenset(entry["serials"])
    times = entry["this_update_ms"], entry["next_update_ms"]
    assert _AUTHORITY.revocations(octets) == RevocationList(entry["number"], *times, serials, entry["valid"], octets)


def _octets(table: str, name: str, field: str) -> bytes:
    return next(bytes.fromhex(entry[field]) for entry in _CERTIFICATES[table] if entry["name"] == name)


@pytest.mark.parametrize("entry", _CERTIFICATES["checks"])
def test_certificate_is_good_or_not_as_the_time_says(entry: dict[str, Any]) -> None:
    certificate = _AUTHORITY.certificate(_octets("certificates", entry["certificate"], "certificate"))
    revocations = _AUTHORITY.revocations(_octets("lists", entry["list"], "list"))
    assert _refusal(lambda: require_good(certificate, revocations, entry["now_ms"])) == entry["refusal"]


def test_every_refusal_of_a_certificate_has_a_check() -> None:
    checked = {entry["refusal"] for entry in _CERTIFICATES["checks"]}
    late = {Refusal.CERTIFICATE_EXPIRED, Refusal.CERTIFICATE_REVOKED, Refusal.REVOCATIONS_EXPIRED}
    assert checked == {None} | {refusal.name for refusal in late}


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.parametrize("entry", _CERTIFICATES["bad_certificates"], ids=_named)
def test_bad_certificate_is_refused(entry: dict[str, Any]) -> None:
    assert _refusal(lambda: _AUTHORITY.certificate(bytes.fromhex(entry["certificate"]))) == entry["refusal"]


@pytest.mark.parametrize("entry", _CERTIFICATES["bad_lists"], ids=_named)
def test_bad_list_is_refused(entry: dict[str, Any]) -> None:
    assert _refusal(lambda: _AUTHORITY.revocations(bytes.fromhex(entry["list"]))) == entry["refusal"]


def _leaf(fields: dict[str, Any]) -> Leaf:
    keys = bytes.fromhex(fields["public_key"]), bytes.fromhex(fields["draw_root"])
    return Leaf(ClientId(fields["client"]), *keys, fields["epoch"])


@pytest.mark.parametrize("entry", _HANDSHAKES, ids=["draw", "mesh", "renewal"])
def test_handshake_is_that_of_the_file(entry: dict[str, Any]) -> None:
    f = entry["ends"]
    named = NetworkId(f["network"]), TunnelId(f["tunnel"]), Kind(f["kind"])
    ends = Ends(*named, _root(f["at"]), _leaf(f["initiator"]), _leaf(f["responder"]))
    one, other, opening = (
        bytes.fromhex(entry[name]) for name in ("initiator_certificate", "responder_certificate", "opening")
    )
    offer = Introduction(one, TunnelId(entry["initiator_held"]), entry["day"], opening)
    answer = Introduction(other, TunnelId(entry["responder_held"]))
    initiator = Initiator(ends, Secret(bytes.fromhex(entry["initiator_ephemeral"])))
    responder = Responder(ends, Secret(bytes.fromhex(entry["responder_ephemeral"])))
    reply = responder.reply(initiator.hello, answer)
    assert initiator.meet(reply) == answer
    confirm = initiator.confirm(offer)
    met, seed, stored = responder.meet(confirm)
    assert met == offer
    assert initiator.finish(stored) == seed
    said = {"hello": initiator.hello, "reply": reply, "confirm": confirm, "stored": stored}
    assert {name: octets.hex() for name, octets in said.items()} == {name: entry[name] for name in said}
    assert (seed.day, seed.secret.reveal().hex()) == (entry["day"], entry["seed"])
