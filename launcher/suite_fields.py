"""SUPERPOSITION, RELEASE and HOLD taken apart for people: what the suite puts under a reading, and what opens it.

Source: docs/protocol.md, "Suites", "Self-mask", "Release".
"""

from collections.abc import Iterable
from typing import Final

from common.identifiers import RoundNumber
from common.payloads import Hold, Release, Superposition
from common.sealing import Bits, Sealing
from common.suites import SUITES
from common.superposition import signed
from launcher.fields import Field, suite_field

MASKED: Final = "masked: says nothing about the reading by itself"
_COVERS: Final = {False: "that cover the lanes", True: "that cover the lanes, beside the self-mask"}
_SHARE_DIGITS: Final = 32


def order_fields(suite: int, number: RoundNumber, view: bytes, note: str = "names the FINAL before") -> list[Field]:
    """How everything begins that belongs to a round."""
    return [suite_field(suite), Field("round", number), Field("view", view.hex(), note=note)]


def superposition_fields(data: bytes) -> list[Field]:
    """SUPERPOSITION: the concealed lanes, and in suite `hardened` who can open the self-mask."""
    it = Superposition.decode(data)
    head, suite = order_fields(it.suite, it.round, it.view), SUITES.get(it.suite)
    if suite is None:
        return [*head, Field("body", it.body.hex(), note="of a suite that this program does not know")]
    contribution = suite.read(it.body)
    masks = suite.body.unpack_from(it.body)[4]
    import_lane, export_lane, count_lane = signed(contribution.lanes)
    return [
        *head,
        Field("import_lane", import_lane, "0.1 Wh", MASKED),
        Field("export_lane", export_lane, "0.1 Wh", MASKED),
        Field("contributors_lane", count_lane, note=MASKED),
        Field("attempt", contribution.attempt, note="corrections answered"),
        Field("masks", masks, note=_COVERS[suite.has_release]),
        Field("edges", f"{contribution.edges:016x}", note="fingerprint of their tunnels"),
        *(_sealing_fields(contribution.sealing) if contribution.sealing else []),
    ]


def release_fields(data: bytes) -> list[Field]:
    """RELEASE: shares of the self-masks of others, which a FINAL has included."""
    it = Release.decode(data)
    return [
        *order_fields(it.suite, it.round, it.view, "names the FINAL of this round"),
        _bits_field("members", it.members, "of the sender's neighbors under its first frame, whose shares these are"),
        _shares_field("shares", it.shares, "one for each of them; enough of a member's shares open its self-mask"),
    ]


def hold_fields(data: bytes) -> list[Field]:
    """HOLD: who counts on the addressee."""
    clients = [int(client) for client in Hold.decode(data).clients]
    return [Field("clients", clients, note="count on the addressee for a share of their self-masks")]


def _sealing_fields(sealing: Sealing) -> list[Field]:
    return [
        Field("needed", sealing.needed, note=f"shares of its {sealing.holders.count} holders open the self-mask"),
        _bits_field("holders", sealing.holders, "of the sender's neighbors under its first frame"),
        _shares_field("corrections", sealing.corrections, "public, one for each holder after the first of them"),
    ]


def _bits_field(name: str, bits: Bits, note: str) -> Field:
    return Field(name, list(bits.positions), note=f"places, counted from 0 in ascending order, {note}")


def _shares_field(name: str, shares: Iterable[int], note: str) -> Field:
    return Field(name, [f"{share:0{_SHARE_DIGITS}x}" for share in shares], note=note)
