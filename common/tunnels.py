"""What makes two members neighbors: who was drawn, who the two ends of a tunnel are, and what passes through it.

One frozen dataclass for the data field of each notification; every `decode` takes the whole field and raises
RefusedError(BAD_DATA) when it does not fit exactly. Source: docs/protocol.md, "Draw", "Key agreement".
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final, Self

from common.identifiers import ClientId, TunnelId
from common.merkle import HASH_BYTES
from common.reader import Reader
from common.refusal import Refusal, RefusedError
from common.roster import LEAF_BYTES, Leaf, RosterRoot

DRAWN_MAX: Final = 64
"""How many members one DRAWN may name."""

_COUNT: Final = Struct(">H")


class Role(IntEnum):
    """Which end of a tunnel a gateway is: the one that drew, or the one that was drawn."""

    INITIATOR = 0
    RESPONDER = 1


class Kind(IntEnum):
    """Why a tunnel is opened: all are neighbors, the initiator drew the responder, or a seed is to be renewed."""

    MESH = 0
    DRAW = 1
    RENEWAL = 2


_ROOT: Final = Struct(f">III{HASH_BYTES}s")


def _take_root(reader: Reader) -> RosterRoot:
    epoch, leaves, live, root = _ROOT.unpack(reader.take(_ROOT.size))
    if live > leaves:
        raise RefusedError(Refusal.BAD_DATA)
    return RosterRoot(epoch, leaves, live, root)


def _root(at: RosterRoot) -> bytes:
    return _ROOT.pack(at.epoch, at.leaves, at.live, at.root)


@dataclass(frozen=True, slots=True)
class MemberProof:
    """`epoch 4 | leaves 4 | live 4 | root 32 | leaf 72 | path, count 1 x 32`: a member, and that a roster holds it."""

    at: RosterRoot
    leaf: Leaf
    path: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The bytes."""
        return _root(self.at) + self.leaf.encode() + bytes([len(self.path)]) + b"".join(self.path)

    @classmethod
    def take(cls, reader: Reader) -> Self:
        """Read one."""
        return cls(_take_root(reader), Leaf.decode(reader.take(LEAF_BYTES)), reader.chunks(HASH_BYTES))

    def require(self) -> None:
        """See that the path leads from the leaf to the root.

        Raises:
            RefusedError: BAD_DRAW.
        """
        self.at.require_leaf(self.leaf, self.path)


@dataclass(frozen=True, slots=True)
class TunnelOpen:
    """TUNNEL_OPEN: `tunnel 8 | role 1 | kind 1 | own epoch 4 | member proof`.

    The proof is of the other end, in the roster of the draw; `own_epoch` is the epoch in the addressee's own leaf, the
    rest of which it knows by itself.
    """

    tunnel: TunnelId
    role: Role
    kind: Kind
    own_epoch: int
    peer: MemberProof

    def encode(self) -> bytes:
        """The data field."""
        head = self.tunnel.to_bytes(8) + bytes([self.role, self.kind]) + self.own_epoch.to_bytes(4)
        return head + self.peer.encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        reader = Reader(data)
        tunnel, role, kind = TunnelId(reader.number(8)), reader.number(1), reader.number(1)
        own_epoch, peer = reader.number(4), MemberProof.take(reader)
        reader.end()
        if role not in set(Role) or kind not in set(Kind):
            raise RefusedError(Refusal.BAD_DATA)
        return cls(tunnel, Role(role), Kind(kind), own_epoch, peer)


@dataclass(frozen=True, slots=True)
class DrawnMember:
    """One member that a gateway wants for a neighbor, and the epoch of the roster in which it stands: `4 | 4`."""

    epoch: int
    client: ClientId


@dataclass(frozen=True, slots=True)
class Drawn:
    """DRAWN: `count 2 | (epoch 4 | client 4), count times`: with whom the sender still lacks a seed, 64 at most."""

    members: tuple[DrawnMember, ...]

    def encode(self) -> bytes:
        """The data field."""
        return _COUNT.pack(len(self.members)) + b"".join(
            member.epoch.to_bytes(4) + member.client.to_bytes(4) for member in self.members
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        reader = Reader(data)
        numbers = reader.numbers(8)
        reader.end()
        if len(numbers) > DRAWN_MAX:
            raise RefusedError(Refusal.BAD_DATA)
        return cls(tuple(DrawnMember(number >> 32, ClientId(number & 0xFFFFFFFF)) for number in numbers))


class End(IntEnum):
    """What ended a membership: the member's own notification 3, or the revocation or expiry of its certificate."""

    EXIT = 0
    CERTIFICATE = 1


@dataclass(frozen=True, slots=True)
class Departure:
    """DEPARTED: `member proof | end 1 | evidence`: a drawn member is gone, and what shows it.

    The evidence is the member's whole EXIT frame, or its certificate, which is revoked or has expired.
    """

    member: MemberProof
    end: End
    evidence: bytes

    def encode(self) -> bytes:
        """The data field."""
        return self.member.encode() + bytes([self.end]) + self.evidence

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        reader = Reader(data)
        member, end = MemberProof.take(reader), reader.number(1)
        if end not in set(End):
            raise RefusedError(Refusal.BAD_DATA)
        return cls(member, End(end), reader.rest())


@dataclass(frozen=True, slots=True)
class TunnelMessage:
    """TUNNEL: `tunnel 8 | step 1 | body`, forwarded as it is to the other end. Steps are those of the handshake."""

    tunnel: TunnelId
    step: int
    body: bytes

    def encode(self) -> bytes:
        """The data field."""
        return self.tunnel.to_bytes(8) + bytes([self.step]) + self.body

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        reader = Reader(data)
        return cls(TunnelId(reader.number(8)), reader.number(1), reader.rest())
