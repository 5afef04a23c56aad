"""Seeds, their daily ratchet, and the masks drawn from them.

A seed is the secret of one edge. The mask of a round is PRF(seed of its day, network, round): keyed BLAKE2b, 24 bytes,
three words modulo 2**64; suite `hardened` draws two shares with it. The seed of the next day is a one-way function of
today's, so that a gateway seized tomorrow does not open today's readings. Source: docs/protocol.md, "Masks"; RFC 7693.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from typing import Final, NamedTuple

from common.identifiers import NetworkId, RoundNumber
from common.secret import Secret
from common.shares import SHARE_BYTES, share_of
from common.superposition import LANES_LAYOUT, Lanes

SEED_BYTES: Final = 32
_CONTEXT: Final = Struct(">IQ")
_MASK_BYTES: Final = LANES_LAYOUT.size
_MASK_PERSON: Final = b"dcnet mask"
_RATCHET_PERSON: Final = b"dcnet ratchet"
_PAD_PERSON: Final = b"dcnet pad"
_PAD_CONTEXT: Final = Struct(">IQ8s")
_PAD: Final = Struct(f">3Q{SHARE_BYTES}s{SHARE_BYTES}s")


class Pad(NamedTuple):
    """What both ends of an edge draw from its seed in one round of suite `hardened`.

    `low` is the share that the higher client holds of the lower one's self-mask, `high` the other way round.
    """

    mask: Lanes
    low: int
    high: int

    def __repr__(self) -> str:
        return "Pad(secret)"


@dataclass(frozen=True, slots=True)
class Seed:
    """The secret of one edge on one day (32 bytes; `day` counts from 1970-01-01 in UTC)."""

    day: int
    secret: Secret

    def on(self, day: int) -> "Seed":
        """The seed of `day`, ratcheted forward from this one.

        Raises:
            ValueError: `day` lies before this seed's day: that seed was erased.
        """
        if day == self.day:
            return self
        if day < self.day:
            raise ValueError(f"the seed of day {day} was erased; the oldest kept is of day {self.day}")
        value = self.secret.reveal()
        for _ in range(day - self.day):
            value = blake2b(key=value, digest_size=SEED_BYTES, person=_RATCHET_PERSON).digest()
        return Seed(day, Secret(value))

    def mask(self, network: NetworkId, round_: RoundNumber) -> Lanes:
        """The mask of one round of this seed's day: three words modulo 2**64."""
        stream = blake2b(
            _CONTEXT.pack(network, round_),
            key=self.secret.reveal(),
            digest_size=_MASK_BYTES,
            person=_MASK_PERSON,
        )
        return LANES_LAYOUT.unpack(stream.digest())

    def pad(self, network: NetworkId, round_: RoundNumber, view: bytes) -> Pad:
        """Mask and shares of one round of this seed's day, in the chain of FINALs that `view` (8 bytes) names."""
        return Pad(*next(pads((self,), network, round_, view)))


def pads(
    seeds: Iterable[Seed], network: NetworkId, round_: RoundNumber, view: bytes
) -> Iterator[tuple[Lanes, int, int]]:
    """What `Seed.pad` gives, for many seeds of one round: a gateway has some fifty. These are the fields of a `Pad`."""
    context = _PAD_CONTEXT.pack(network, round_, view)
    for seed in seeds:
        octets = blake2b(context, key=seed.secret.reveal(), digest_size=_PAD.size, person=_PAD_PERSON).digest()
        imports, exports, contributors, low, high = _PAD.unpack(octets)
        yield (imports, exports, contributors), share_of(low), share_of(high)
