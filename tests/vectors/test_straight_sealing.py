"""The vectors of suite `hardened` follow from their own inputs, computed here without any line of the product."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pytest

from tests.vectors import load, straight_line
from tests.vectors import straight_sealing as sealing

_FILE = load("suite_hardened.json")
_WORD = 2**64


@dataclass(frozen=True, slots=True)
class Round:
    """What all frames of a round have in common."""

    network: int
    number: int
    view: bytes

    def pad(self, own: int, neighbor: dict[str, Any]) -> tuple[list[int], int, int]:
        """The signed mask of an edge, the share that the neighbor holds of `own`, and the one that `own` holds."""
        mask, low, high = sealing.pad(bytes.fromhex(neighbor["seed"]), self.network, self.number, self.view)
        if own < neighbor["client"]:
            return mask, low, high
        return [-word % _WORD for word in mask], high, low


def _round(entry: dict[str, Any]) -> Round:
    return Round(entry["network"], entry["round"], bytes.fromhex(entry["view"]))


def _reading(member: dict[str, Any]) -> list[int]:
    reading = member["reading"]
    return [reading["import_dwh"] % _WORD, reading["export_dwh"] % _WORD, 1] if reading else [0, 0, 0]


def _secret(at: Round, member: dict[str, Any]) -> tuple[int, list[int]]:
    """What seals the member's frame, and its corrections."""
    holders = [neighbor for neighbor in member["neighbors"] if neighbor["is_holder"]]
    shares = [at.pad(member["own"], holder)[1] for holder in holders]
    return sealing.deal([holder["client"] for holder in holders], shares, member["needed"])


def _sum(*vectors: list[int]) -> list[int]:
    return [sum(words) % _WORD for words in zip(*vectors, strict=True)]


def _body(at: Round, member: dict[str, Any], missing: Collection[int], attempt: int) -> bytes:
    neighbors, own = member["neighbors"], member["own"]
    kept = [neighbor for neighbor in neighbors if neighbor["client"] not in missing]
    secret, corrections = _secret(at, member)
    cover = sealing.self_mask(secret, at.network, own, at.number, at.view)
    tunnels = [neighbor["tunnel"] for neighbor in kept]
    fields = {
        "lanes": _sum(_reading(member), cover, *(at.pad(own, neighbor)[0] for neighbor in kept)),
        "attempt": attempt,
        "masks": len(kept),
        "edges": straight_line.fingerprint(tunnels),
        "needed": member["needed"],
        "holders": sealing.bits([neighbor["is_holder"] for neighbor in neighbors]),
        "corrections": corrections,
    }
    return straight_line.hardened_body(fields)


@pytest.mark.parametrize("entry", _FILE["pads"])
def test_pads_follow_from_their_seeds(entry: dict[str, Any]) -> None:
    drawn = sealing.pad(bytes.fromhex(entry["seed"]), entry["network"], entry["round"], bytes.fromhex(entry["view"]))
    assert drawn == (entry["mask"], entry["low"], entry["high"])


def test_shares_follow_from_sixteen_bytes() -> None:
    assert [sealing.share(bytes.fromhex(entry["octets"])) for entry in _FILE["octets"]] == [
        entry["share"] for entry in _FILE["octets"]
    ]


@pytest.mark.parametrize("entry", _FILE["polynomials"])
def test_secrets_and_corrections_follow_from_shares(entry: dict[str, Any]) -> None:
    points, shares, needed = entry["points"], entry["shares"], entry["needed"]
    assert sealing.deal(points, shares, needed) == (entry["secret"], entry["corrections"])
    by_point = dict(zip(points, shares, strict=True))
    for opening in entry["openings"]:
        given = {point: by_point[point] for point in opening["points"]}
        assert sealing.recover(points, entry["corrections"], given, needed) == opening["secret"]
        assert opening["secret"] == (entry["secret"] if len(given) >= needed else None)


@pytest.mark.parametrize("entry", _FILE["self_masks"])
def test_self_masks_follow_from_their_secrets(entry: dict[str, Any]) -> None:
    at = _round(entry)
    assert sealing.self_mask(entry["secret"], at.network, entry["client"], at.number, at.view) == entry["mask"]


@pytest.mark.parametrize("entry", _FILE["bodies"])
def test_bodies_of_suite_hardened_follow_from_readings_and_seeds(entry: dict[str, Any]) -> None:
    at = _round(entry)
    assert _body(at, entry, (), 0).hex() == entry["body"]
    assert _body(at, entry, entry["missing"], entry["attempt"]).hex() == entry["corrected_body"]


@pytest.mark.parametrize("entry", _FILE["bodies"])
def test_any_quorum_of_holders_opens_the_self_mask(entry: dict[str, Any]) -> None:
    at, needed = _round(entry), entry["needed"]
    held = {each["holder"]: each["share"] for each in entry["shares"]}
    assert held == {n["client"]: at.pad(entry["own"], n)[1] for n in entry["neighbors"] if n["is_holder"]}
    corrections = _secret(at, entry)[1]
    for chosen in combinations(held, needed):
        secret = sealing.recover(sorted(held), corrections, {holder: held[holder] for holder in chosen}, needed)
        assert secret is not None
        assert sealing.self_mask(secret, at.network, entry["own"], at.number, at.view) == entry["self_mask"]


@pytest.mark.parametrize("entry", _FILE["rounds"])
def test_what_members_send_in_a_round_follows_from_readings_and_seeds(entry: dict[str, Any]) -> None:
    at = _round(entry)
    included = {member["own"] for member in entry["members"]}
    head = {"suite": 2, "round": at.number, "view": at.view.hex()}
    for member in entry["members"]:
        body = _body(at, member, entry["missing"], entry["attempt"])
        assert (straight_line.order(head) + body).hex() == member["superposition"]
        opened = [neighbor for neighbor in member["neighbors"] if neighbor["client"] in included]
        fields = {
            "members": sealing.bits([neighbor["client"] in included for neighbor in member["neighbors"]]),
            "shares": [at.pad(member["own"], neighbor)[2] for neighbor in opened],
        }
        release = straight_line.DATA["RELEASE"](head | fields | {"view": entry["final_view"]})
        assert release.hex() == member["release"]


def _released(member: dict[str, Any]) -> dict[int, int]:
    """By client, the shares in a RELEASE, taken apart byte by byte."""
    data = bytes.fromhex(member["release"])
    ends = 18 + data[17]
    chosen = [member["neighbors"][place]["client"] for place in sealing.places(data[18:ends].hex())]
    shares = [int.from_bytes(data[at : at + 16], "big") for at in range(ends, len(data), 16)]
    return dict(zip(chosen, shares, strict=True))


@pytest.mark.parametrize("entry", _FILE["rounds"])
def test_what_members_send_opens_the_sum_of_their_readings(entry: dict[str, Any]) -> None:
    at, members = _round(entry), entry["members"]
    released = {member["own"]: _released(member) for member in members}
    concealed = [bytes.fromhex(member["superposition"])[17:41] for member in members]
    total = _sum(*([int.from_bytes(lanes[i : i + 8], "big") for i in (0, 8, 16)] for lanes in concealed))
    assert total == entry["concealed_sum"]
    for member in members:
        own = member["own"]
        holders = [neighbor["client"] for neighbor in member["neighbors"]]
        given = {holder: released[holder][own] for holder in holders if holder in released}
        secret = sealing.recover(holders, _secret(at, member)[1], given, member["needed"])
        assert secret is not None
        mask = sealing.self_mask(secret, at.network, own, at.number, at.view)
        total = _sum(total, [-word % _WORD for word in mask])
    assert total == entry["sum"] == _sum(*map(_reading, members))
    assert [(word + 2**63) % _WORD - 2**63 for word in total] == entry["sum_signed"]
