"""The parties of the vector files: their keys, the administrator who certifies them, and a network that grows.

Epoch 1 has 9 members, epoch 2 has 25 and is the largest mesh, epoch 3 has 30, of which client 3 draws client 9, and
epoch 4 has the same 30 of whom some have left.
"""

from dataclasses import replace
from typing import Final

from broker.gwa.issuing import Issuer, Request, Term, issue_certificate, issue_revocations, make_authority
from common.certificates import Role, Subject
from common.draws import DrawValues
from common.identifiers import ClientId, NetworkId, RoundNumber
from common.merkle import Tree
from common.parameters import Parameters
from common.roster import LEAVES_PER_PART, MESH_MAX, NO_PREDECESSOR, Leaf, Roster, RosterRoot
from common.schedule import Schedule
from common.secret import Secret
from common.signing import Identity
from common.tunnels import MemberProof

DAY_MS: Final = 86_400_000
NOW_MS: Final = 1_767_225_600_123
ROUND: Final = RoundNumber(1_963_584)
NETWORK: Final = NetworkId(7)
REGION: Final = "north-1"
DEMO: Final = Parameters(1, REGION, Schedule(10_000, 2_000, 1_000, 1_500, 3))
LARGE: Final = Parameters(1, "a", Schedule(900_000, 60_000, 9_000, 30_000, 3), 50, 6, 8, 32)

GATEWAY: Final = Identity(Secret(bytes(range(32))))
NEIGHBOR: Final = Identity(Secret(bytes(range(32, 64))))
PROVIDER: Final = Identity(Secret(bytes(range(64, 96))))
ADMINISTRATOR: Final = Identity(Secret(bytes(range(96, 128))))
CLIENT: Final = ClientId(3)
NEIGHBOR_CLIENT: Final = ClientId(9)

TERM: Final = Term(NOW_MS - 30 * DAY_MS, NOW_MS + 700 * DAY_MS)
LIST_TERM: Final = Term(NOW_MS - DAY_MS, NOW_MS + 30 * DAY_MS)
REVOKED_SERIAL: Final = 2**158 + 5
VALID: Final = {REGION: 30, "a": 0}

ISSUER: Final = Issuer(
    ADMINISTRATOR, make_authority(ADMINISTRATOR, "dcnet gateway administrator", NOW_MS - 365 * DAY_MS, 10)
)


def certified(
    identity: Identity, subject: Subject, serial: int, term: Term = TERM, hosts: tuple[str, ...] = ()
) -> bytes:
    """A certificate of the administrator's (DER)."""
    return issue_certificate(ISSUER, Request(subject, identity.public_key, hosts), serial, term)


GATEWAY_SUBJECT: Final = Subject(Role.GATEWAY, "gw-0001", REGION)
NEIGHBOR_SUBJECT: Final = Subject(Role.GATEWAY, "gw-0009", REGION)
GATEWAY_CERTIFICATE: Final = certified(GATEWAY, GATEWAY_SUBJECT, 3)
NEIGHBOR_CERTIFICATE: Final = certified(NEIGHBOR, NEIGHBOR_SUBJECT, 9)
REVOKED_CERTIFICATE: Final = certified(NEIGHBOR, NEIGHBOR_SUBJECT, REVOKED_SERIAL)
REVOCATIONS: Final = issue_revocations(ISSUER, 12, LIST_TERM, {REVOKED_SERIAL: NOW_MS - 2 * DAY_MS, 4: NOW_MS}, VALID)

GATEWAY_DRAWS: Final = DrawValues(GATEWAY, REGION)
_DRAW_ROOTS: Final = {CLIENT: GATEWAY_DRAWS.root, NEIGHBOR_CLIENT: DrawValues(NEIGHBOR, REGION).root}
_IDENTITIES: Final = {CLIENT: GATEWAY, NEIGHBOR_CLIENT: NEIGHBOR}


def _leaf(number: int) -> Leaf:
    client = ClientId(number)
    identity = _IDENTITIES.get(client, Identity(Secret(bytes([number]) * 32)))
    draw_root = _DRAW_ROOTS.get(client, bytes([0xD0, number] * 16))
    epoch = 1 if number <= 9 else 2 if number <= MESH_MAX else 3
    return Leaf(client, identity.public_key, draw_root, epoch)


LEAVES: Final = tuple(_leaf(number) for number in range(1, 31))
TREE: Final = Tree(leaf.encode() for leaf in LEAVES)


def part_of(part: int, count: int) -> tuple[Leaf, ...]:
    """The first leaves of one part of a larger roster; no key of theirs is anybody's."""
    clients = range(part * LEAVES_PER_PART + 1, part * LEAVES_PER_PART + count + 1)
    return tuple(Leaf(ClientId(n), bytes([0xA0, n % 256] * 16), bytes([0xD0, n % 256] * 16), 5) for n in clients)


def roster_root(epoch: int, leaves: int, live: int) -> RosterRoot:
    """What a draw depends on, over the first `leaves` of all."""
    return RosterRoot(epoch, leaves, live, TREE.root(leaves))


def proof(leaf: Leaf, at: RosterRoot) -> MemberProof:
    """That a roster holds this leaf."""
    return MemberProof(at, leaf, TREE.path(leaf.index, at.leaves))


FIRST: Final = Roster(roster_root(1, 9, 9), ROUND, NO_PREDECESSOR, DEMO, (), LEAVES[:9])
MESH: Final = Roster(roster_root(2, 25, 24), RoundNumber(ROUND + 1), FIRST.name, DEMO, (), LEAVES[:25])
GROWN: Final = Roster(roster_root(3, 30, 29), RoundNumber(ROUND + 2), MESH.name, DEMO, TREE.consistency(25))
SAME: Final = Roster(roster_root(4, 30, 26), RoundNumber(ROUND + 9), GROWN.name, replace(DEMO, members_min=6))

GATEWAY_LEAF: Final = LEAVES[CLIENT - 1]
NEIGHBOR_LEAF: Final = LEAVES[NEIGHBOR_CLIENT - 1]


def _slot_that_draws(leaf: Leaf) -> int:
    """The first slot of the gateway that falls to a leaf of epoch 3 at its first counter."""
    at = GROWN.at
    return next(slot for slot in range(1024) if GATEWAY_DRAWS.drawn(slot, 0, at.root, at.leaves) == leaf.index)


OPENING: Final = GATEWAY_DRAWS.open(_slot_that_draws(NEIGHBOR_LEAF), 0)
"""What the gateway shows to the neighbor that it drew in epoch 3."""
