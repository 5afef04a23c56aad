"""Sets of members as bitmaps: bit i stands for client identifier i.

On the wire a set is a 2-byte length and that many bytes, the lowest identifiers first: client c is bit `c % 8` of
byte `c // 8`. Source: docs/protocol.md, "FINAL".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from common.identifiers import ClientId


@dataclass(frozen=True, slots=True)
class ClientSet:
    """A frozen set of client identifiers that costs a bit each and is compared, counted and sent as one number."""

    bits: int = 0

    @classmethod
    def of(cls, clients: Iterable[ClientId]) -> Self:
        """The set of the given identifiers."""
        members = list(clients)
        octets = bytearray(max(members, default=0) // 8 + 1)
        for client in members:
            octets[client >> 3] |= 1 << (client & 7)
        return cls(int.from_bytes(octets, "little"))

    @classmethod
    def from_octets(cls, octets: bytes) -> Self:
        """Read the bytes that `octets` wrote."""
        return cls(int.from_bytes(octets, "little"))

    def octets(self) -> bytes:
        """The bitmap, lowest identifiers first, without trailing zeros."""
        return self.bits.to_bytes((self.bits.bit_length() + 7) // 8, "little")

    def __contains__(self, client: ClientId) -> bool:
        return bool(self.bits >> client & 1)

    def __len__(self) -> int:
        return self.bits.bit_count()

    def __iter__(self) -> Iterator[ClientId]:
        for index, octet in enumerate(self.octets()):
            for bit in range(8):
                if octet >> bit & 1:
                    yield ClientId(index * 8 + bit)

    def __or__(self, other: Self) -> Self:
        return type(self)(self.bits | other.bits)

    def __and__(self, other: Self) -> Self:
        return type(self)(self.bits & other.bits)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.bits & ~other.bits)

    def __le__(self, other: Self) -> bool:
        return not self.bits & ~other.bits
