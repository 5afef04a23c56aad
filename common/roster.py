"""The roster: who is a member of a network, under one hash that the provider signs.

Leaves are only ever added, one for each client identifier, so the roster of every epoch begins with that of the one
before. A leaf does not change when its member leaves: what ends it is the member's own signed notification 3, or the
administrator's list of revoked certificates. Source: docs/protocol.md, "Roster".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from typing import Final, Self

from common.identifiers import ClientId, RoundNumber
from common.merkle import HASH_BYTES, Tree, is_consistent, is_in
from common.parameters import Parameters
from common.reader import Reader
from common.refusal import Refusal, RefusedError
from common.signing import PUBLIC_KEY_BYTES

MESH_MAX: Final = 25
"""Up to so many leaves, everybody is everybody's neighbor and nothing is drawn."""

LEAVES_PER_PART: Final = 128
"""Leaves in each part in which a larger roster is told, but for the last."""

NO_PREDECESSOR: Final = bytes(HASH_BYTES)
_LEAF: Final = Struct(f">I{PUBLIC_KEY_BYTES}s{HASH_BYTES}sI")
LEAF_BYTES: Final = _LEAF.size
_HEAD: Final = Struct(f">IQ{HASH_BYTES}sII{HASH_BYTES}s")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One member: its client identifier, Ed25519 key, commitment to draw values, and the epoch in which it joined."""

    client: ClientId
    public_key: bytes
    draw_root: bytes
    epoch: int

    @property
    def index(self) -> int:
        """Its place: client identifiers are given one after the other, from 1 on."""
        return self.client - 1

    def encode(self) -> bytes:
        """72 bytes: `client 4 | public key 32 | draw root 32 | epoch 4`."""
        return _LEAF.pack(self.client, self.public_key, self.draw_root, self.epoch)

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read a leaf.

        Raises:
            RefusedError: BAD_DATA, for another length and for client 0.
        """
        if len(octets) != LEAF_BYTES:
            raise RefusedError(Refusal.BAD_DATA)
        client, public_key, draw_root, epoch = _LEAF.unpack(octets)
        if not client:
            raise RefusedError(Refusal.BAD_DATA)
        return cls(ClientId(client), public_key, draw_root, epoch)


@dataclass(frozen=True, slots=True)
class LeafPart:
    """LEAVES: `part 4 | leaf 72, once or more`: leaves `part` x 128 and following, up to 128 of them.

    Leaves are only added, so a part only grows, and belongs to no epoch.
    """

    part: int
    leaves: tuple[Leaf, ...]

    def encode(self) -> bytes:
        """The data of a LEAVES frame."""
        return self.part.to_bytes(4) + b"".join(leaf.encode() for leaf in self.leaves)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the data of a LEAVES frame.

        Raises:
            RefusedError: BAD_DATA; also for leaves that are out of their places, or none or too many.
        """
        reader = Reader(data)
        part, octets = reader.number(4), reader.rest()
        leaves = tuple(Leaf.decode(octets[at : at + LEAF_BYTES]) for at in range(0, len(octets), LEAF_BYTES))
        places = enumerate(leaves, part * LEAVES_PER_PART)
        if not 0 < len(leaves) <= LEAVES_PER_PART or any(leaf.index != place for place, leaf in places):
            raise RefusedError(Refusal.BAD_DATA)
        return cls(part, leaves)


@dataclass(frozen=True, slots=True)
class RosterRoot:
    """What a draw depends on: the epoch, how many leaves there are and how many of them have not ended, the root."""

    epoch: int
    leaves: int
    live: int
    root: bytes

    @property
    def is_mesh(self) -> bool:
        """Whether everybody is everybody's neighbor."""
        return self.leaves <= MESH_MAX

    def slots(self, draws: int) -> int:
        """How many neighbors each gateway draws."""
        return min(draws, max(self.live - 1, 0))

    def require_leaf(self, leaf: Leaf, path: Sequence[bytes]) -> None:
        """See that a leaf is in this roster.

        Raises:
            RefusedError: BAD_DRAW.
        """
        if not is_in(leaf.encode(), leaf.index, self.leaves, path, self.root):
            raise RefusedError(Refusal.BAD_DRAW)


@dataclass(frozen=True, slots=True)
class Roster:
    """ROSTER: the head of one epoch, the network's rules, and up to 25 leaves.

    `predecessor` is the `name` of the epoch before, `growth` proves that its leaves come first in this one; it is empty
    in the first epoch, and when the leaves are `listed` or are the same.
    """

    at: RosterRoot
    first_round: RoundNumber
    predecessor: bytes
    parameters: Parameters
    growth: tuple[bytes, ...] = ()
    listed: tuple[Leaf, ...] = ()

    def encode(self) -> bytes:
        """The data of a ROSTER frame."""
        at = self.at
        head = _HEAD.pack(at.epoch, self.first_round, self.predecessor, at.leaves, at.live, at.root)
        growth = bytes([len(self.growth)]) + b"".join(self.growth)
        return head + self.parameters.encode() + growth + b"".join(leaf.encode() for leaf in self.listed)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the data of a ROSTER frame.

        Raises:
            RefusedError: BAD_DATA; also when the leaves that it lists are not those of its root.
        """
        reader = Reader(data)
        epoch, first_round, predecessor, leaves, live, root = _HEAD.unpack(reader.take(_HEAD.size))
        at = RosterRoot(epoch, leaves, live, root)
        parameters, growth = Parameters.read(reader), reader.chunks(HASH_BYTES)
        listed = tuple(Leaf.decode(reader.take(LEAF_BYTES)) for _ in range(leaves if at.is_mesh else 0))
        reader.end()
        is_in_order = all(leaf.index == index for index, leaf in enumerate(listed))
        if live > leaves or not is_in_order:
            raise RefusedError(Refusal.BAD_DATA)
        if at.is_mesh and Tree(leaf.encode() for leaf in listed).root() != root:
            raise RefusedError(Refusal.BAD_DATA)
        return cls(at, RoundNumber(first_round), predecessor, parameters, growth, listed)

    @property
    def name(self) -> bytes:
        """The hash of all that it says, 32 bytes."""
        return blake2b(self.encode(), digest_size=HASH_BYTES, person=b"dcnet roster").digest()

    def continues(self, before: RosterRoot) -> bool:
        """Tell whether this roster, of the next epoch, begins with all the leaves of the one before."""
        at = self.at
        if before.leaves == 0 or (before.leaves, before.root) == (at.leaves, at.root):
            return True
        if at.is_mesh:
            listed = [leaf.encode() for leaf in self.listed]
            return before.leaves <= at.leaves and Tree(listed[: before.leaves]).root() == before.root
        return is_consistent(before.leaves, before.root, at.leaves, at.root, self.growth)
