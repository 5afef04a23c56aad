"""ROSTER, LEAVES, TUNNEL_OPEN, DRAWN, DEPARTED and what passes through a tunnel, taken apart for people."""

from typing import Final

from common import agreement
from common.parameters import Parameters
from common.roster import LEAVES_PER_PART, NO_PREDECESSOR, Leaf, LeafPart, Roster, RosterRoot
from common.tunnels import Departure, Drawn, End, MemberProof, TunnelMessage, TunnelOpen
from launcher.certificate_fields import certificate_fields
from launcher.fields import Field, suite_field, tunnel_field

_STEPS: Final = {
    agreement.HELLO: "ephemeral key",
    agreement.REPLY: "ephemeral key, transcript, sealed certificate",
    agreement.CONFIRM: "transcript, sealed certificate, and the opening of the slot if it was drawn",
    agreement.STORED: "sealed: the seed is stored",
}


def roster_fields(data: bytes) -> list[Field]:
    """ROSTER: the head of an epoch, the network's rules, and up to 25 members."""
    it = Roster.decode(data)
    first = "the first epoch" if it.predecessor == NO_PREDECESSOR else "names the roster before"
    return [
        *_root_fields(it.at),
        Field("first_round", it.first_round, note="in which it is in force"),
        Field("predecessor", it.predecessor.hex(), note=first),
        Field("name", it.name.hex(), note="what the next roster calls this one"),
        *_rules_fields(it.parameters),
        Field("growth", [each.hex() for each in it.growth], note=f"{len(it.growth)} hashes that prove the growth"),
        Field("listed", [_member(leaf) for leaf in it.listed], note="members, when all are neighbors"),
    ]


def leaves_fields(data: bytes) -> list[Field]:
    """LEAVES: one part of the members of a larger network."""
    it = LeafPart.decode(data)
    first = it.part * LEAVES_PER_PART + 1
    return [
        Field("part", it.part, note=f"from client {first} on"),
        Field("listed", [_member(leaf) for leaf in it.leaves], note=f"{len(it.leaves)} members"),
    ]


def tunnel_open_fields(data: bytes) -> list[Field]:
    """TUNNEL_OPEN: who the other end is, and that the roster holds it."""
    it = TunnelOpen.decode(data)
    return [
        tunnel_field(it.tunnel),
        Field("role", it.role.name.lower()),
        Field("kind", it.kind.name.lower()),
        Field("own_epoch", it.own_epoch, note="in the addressee's leaf"),
        *_proof_fields(it.peer, "peer"),
    ]


def tunnel_fields(data: bytes) -> list[Field]:
    """TUNNEL: one message of a handshake."""
    it = TunnelMessage.decode(data)
    step = Field("step", it.step, note=_STEPS.get(it.step, "no step of the handshake"))
    return [tunnel_field(it.tunnel), step, Field("body", it.body.hex(), note=f"{len(it.body)} bytes")]


def drawn_fields(data: bytes) -> list[Field]:
    """DRAWN: whom the sender wants for a neighbor."""
    it = Drawn.decode(data)
    wanted = [f"client {member.client} in epoch {member.epoch}" for member in it.members]
    return [Field("members", wanted, note=f"{len(wanted)} without a seed")]


def departed_fields(data: bytes) -> list[Field]:
    """DEPARTED: who is gone, and what shows it."""
    it = Departure.decode(data)
    head = [*_proof_fields(it.member, "member"), Field("end", it.end.name.lower(), note="what ended the membership")]
    if it.end is End.CERTIFICATE:
        return [*head, *certificate_fields(it.evidence)]
    return [*head, Field("evidence", it.evidence.hex(), note="the member's own EXIT frame")]


def _root_fields(at: RosterRoot) -> list[Field]:
    return [
        Field("epoch", at.epoch),
        Field("leaves", at.leaves, note="members ever"),
        Field("live", at.live, note="of whom so many have not left"),
        Field("root", at.root.hex(), note="of the tree of all members"),
    ]


def _proof_fields(proof: MemberProof, who: str) -> list[Field]:
    leaf = proof.leaf
    return [
        *_root_fields(proof.at),
        Field(who, leaf.client, note="client identifier"),
        Field(f"{who}_key", leaf.public_key.hex(), note="Ed25519"),
        Field(f"{who}_draw_root", leaf.draw_root.hex(), note="commits to its draw values"),
        Field(f"{who}_epoch", leaf.epoch, note="in which it joined"),
        Field("path", [each.hex() for each in proof.path], note=f"{len(proof.path)} hashes from the leaf to the root"),
    ]


def _member(leaf: Leaf) -> str:
    return f"client {leaf.client}, key {leaf.public_key.hex()}, draws {leaf.draw_root.hex()}, since epoch {leaf.epoch}"


def _rules_fields(rules: Parameters) -> list[Field]:
    schedule = rules.schedule
    return [
        suite_field(rules.suite),
        Field("region", rules.region),
        Field("period_ms", schedule.period_ms, "ms"),
        Field("window_ms", schedule.window_ms, "ms", "frames leave within"),
        Field("grace_ms", schedule.grace_ms, "ms", "they are awaited longer"),
        Field("correction_ms", schedule.correction_ms, "ms", "limit of a correction"),
        Field("attempts_max", schedule.attempts_max, note="corrections in a round"),
        Field("members_min", rules.members_min, note="fewer, no round"),
        Field("masks_min", rules.masks_min, note="no reading leaves under fewer"),
        Field("draws", rules.draws, note="neighbors that each gateway draws, above 25 members"),
        Field("degree_max", rules.degree_max, note="neighbors that a gateway may have"),
    ]
