"""The self-mask of suite `hardened`: a second mask of each frame, which only a quorum of drawn neighbors can remove.

Each of them, a holder, has a share by the seed of its edge with the sender; the frame tells how many shares are needed
and what the others need beside theirs. Source: Bonawitz et al. 2017; Bell et al. 2020; docs/protocol.md, "Self-mask".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import compress, count, repeat
from operator import lshift
from struct import Struct
from typing import Final, Self

from common.identifiers import ClientId, NetworkId, RoundNumber
from common.reader import Reader
from common.refusal import Refusal, RefusedError
from common.shares import PRIME, SHARE_BYTES, deal, recover
from common.superposition import LANES_LAYOUT, Lanes

_CONTEXT: Final = Struct(">IQ8sI")


@dataclass(frozen=True, slots=True)
class Context:
    """Whose frame of which round, in the chain of FINALs that `view` (8 bytes) names."""

    network: NetworkId
    client: ClientId
    round: RoundNumber
    view: bytes


def self_mask(secret: int, context: Context) -> Lanes:
    """The mask that a secret of the field gives in this context: BLAKE2b, three words modulo 2**64."""
    octets = _CONTEXT.pack(context.network, context.round, context.view, context.client)
    key = secret.to_bytes(SHARE_BYTES)
    return LANES_LAYOUT.unpack(blake2b(octets, key=key, digest_size=LANES_LAYOUT.size, person=b"dcnet self").digest())


@dataclass(frozen=True, slots=True)
class Bits:
    """Some of an ordered list, as bits: bit i mod 8 of byte i div 8 stands for the i-th. Encoded `length 1 | bytes`."""

    octets: bytes

    @classmethod
    def of(cls, chosen: Iterable[bool]) -> Self:
        """Those for which `chosen` is true, in the order of the list."""
        number = sum(compress(map(lshift, repeat(1), count()), chosen))
        return cls(number.to_bytes((number.bit_length() + 7) // 8, "little"))

    def among(self, clients: Sequence[ClientId]) -> tuple[ClientId, ...]:
        """Those of the ordered `clients` that are meant.

        Raises:
            RefusedError: BAD_DATA, when a bit stands for nobody.
        """
        number = int.from_bytes(self.octets, "little")
        if number >> len(clients):
            raise RefusedError(Refusal.BAD_DATA)
        return tuple(compress(clients, map("1".__eq__, reversed(f"{number:b}"))))

    @property
    def count(self) -> int:
        """How many are meant."""
        return int.from_bytes(self.octets, "little").bit_count()

    @property
    def positions(self) -> tuple[int, ...]:
        """Which places of the list are meant, counted from 0."""
        number = int.from_bytes(self.octets, "little")
        return tuple(index for index in range(number.bit_length()) if number >> index & 1)

    def encode(self) -> bytes:
        """Its part of a data field."""
        return bytes([len(self.octets)]) + self.octets

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Take them off the front of a data field; there is one encoding, without trailing zeros.

        Raises:
            RefusedError: BAD_DATA.
        """
        octets = reader.take(reader.number(1))
        if octets and not octets[-1]:
            raise RefusedError(Refusal.BAD_DATA)
        return cls(octets)


def encode_shares(shares: Iterable[int]) -> bytes:
    """Shares or corrections, 16 bytes each."""
    return b"".join(share.to_bytes(SHARE_BYTES) for share in shares)


def read_shares(reader: Reader, count: int) -> tuple[int, ...]:
    """Take so many off the front of a data field.

    Raises:
        RefusedError: BAD_DATA, also when one is not below the prime.
    """
    octets = reader.take(count * SHARE_BYTES)
    shares = tuple(int.from_bytes(octets[at : at + SHARE_BYTES]) for at in range(0, len(octets), SHARE_BYTES))
    if any(share >= PRIME for share in shares):
        raise RefusedError(Refusal.BAD_DATA)
    return shares


@dataclass(frozen=True, slots=True)
class Sealing:
    """What a frame tells of its self-mask: `needed 1 | holders bits | correction 16 ...`.

    `holders` are bits over the sender's neighbors under its first frame, in ascending order; any `needed` of them open
    the mask.
    """

    needed: int
    holders: Bits
    corrections: tuple[int, ...]

    def encode(self) -> bytes:
        """The end of a body."""
        return bytes([self.needed]) + self.holders.encode() + encode_shares(self.corrections)

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read the end of a body.

        Raises:
            RefusedError: BAD_DATA.
        """
        reader = Reader(octets)
        needed, holders = reader.number(1), Bits.read(reader)
        if not 1 <= needed <= holders.count:
            raise RefusedError(Refusal.BAD_DATA)
        corrections = read_shares(reader, holders.count - needed)
        reader.end()
        return cls(needed, holders, corrections)

    def open(self, holders: Sequence[ClientId], shares: Mapping[ClientId, int], context: Context) -> Lanes | None:
        """The self-mask, from the shares of any `needed` of these `holders`, ascending; None with fewer."""
        by_point: Mapping[int, int] = {int(client): share for client, share in shares.items()}
        secret = recover(tuple(holders), self.needed, self.corrections, by_point)
        return None if secret is None else self_mask(secret, context)


def seal(context: Context, shares: Mapping[ClientId, int | None], needed: int) -> tuple[Lanes, Sealing]:
    """A self-mask, and what the frame tells of it.

    Args:
        context: whose frame, and of which round.
        shares: for each neighbor under the first frame its share of the sender's mask; None for who is no holder.
        needed: how many shares shall open it.

    Raises:
        ValueError: fewer holders than that.
    """
    neighbors = sorted(shares)
    held = {int(client): share for client in neighbors if (share := shares[client]) is not None}
    secret, corrections = deal(held, needed)
    bits = Bits.of(shares[client] is not None for client in neighbors)
    return self_mask(secret, context), Sealing(needed, bits, corrections)
