"""Suites: what stands in a SUPERPOSITION beyond round and view, how a correction changes it, and when a sum is open.

A suite is the one seam for stronger protection: gateway and provider call it and know nothing of its body.

Body of suite `basic` (the thesis' protocol): `lanes 3 x 8 | attempt 1 | masks 1 | edges 8`. `masks` is how many masks
cover the lanes, `edges` a fingerprint of the tunnels in which their seeds were agreed: the provider, who knows the key
graph, sees at once when a gateway uses other seeds than its neighbors, and takes it for missing instead of publishing a
wrong sum.
Source: thesis section 3.3.2; docs/protocol.md, "Suites".
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from hashlib import blake2b
from struct import Struct, pack
from struct import error as StructError
from typing import Final, Protocol, final

from common.identifiers import ClientId, TunnelId
from common.refusal import Refusal, RefusedError
from common.superposition import ZERO, Lanes, add, subtract

FINGERPRINT_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Contribution:
    """What the provider reads in a body: concealed lanes, the attempt, and the fingerprint of the edges."""

    lanes: Lanes
    attempt: int
    edges: int


class Suite(Protocol):
    """What a suite adds to the data field, what it answers to notification 4, what it needs before a sum is open."""

    @property
    def code(self) -> int:
        """The number in the frames."""

    @property
    def name(self) -> str:
        """The word in the settings."""

    @property
    def body(self) -> Struct:
        """The fixed layout of its body: three lanes, attempt, masks, fingerprint, and what the suite adds."""

    def conceal(self, reading: Lanes, masks: Mapping[TunnelId, Lanes]) -> bytes:
        """The body of a first sending: the reading under the mask of each edge, signs applied."""

    def correct(self, body: bytes, attempt: int, kept: Collection[TunnelId], dropped: Iterable[Lanes]) -> bytes:
        """The body that answers notification 4: the same reading without the dropped masks."""

    def read(self, body: bytes) -> Contribution:
        """Take a body apart.

        Raises:
            RefusedError: BAD_DATA.
        """

    def open(self, total: Lanes) -> Lanes | None:
        """The sum that the added concealed lanes of all included members hold; None while the suite waits for more."""


def fingerprint(edges: Iterable[TunnelId]) -> int:
    """A 64-bit fingerprint of a set of edges: BLAKE2b over their tunnels in ascending order, 8 bytes each."""
    tunnels = sorted(edges)
    octets = pack(f">{len(tunnels)}Q", *tunnels)
    return int.from_bytes(blake2b(octets, digest_size=FINGERPRINT_BYTES, person=b"dcnet edges").digest())


def toward(own: ClientId, peer: ClientId, mask: Lanes) -> Lanes:
    """The mask with its sign: the lower client identifier adds it, the higher one subtracts it."""
    return mask if own < peer else subtract(ZERO, mask)


@final
class Basic:
    """The thesis' protocol: masks of the neighbors alone. A curious provider with a late frame defeats it."""

    code: Final = 1
    name: Final = "basic"
    body: Final = Struct(">3QBBQ")

    def conceal(self, reading: Lanes, masks: Mapping[TunnelId, Lanes]) -> bytes:
        """See `Suite`."""
        lanes = reduce(add, masks.values(), reading)
        return self.body.pack(*lanes, 0, len(masks), fingerprint(masks))

    def correct(self, body: bytes, attempt: int, kept: Collection[TunnelId], dropped: Iterable[Lanes]) -> bytes:
        """See `Suite`."""
        lanes = reduce(subtract, dropped, self.read(body).lanes)
        return self.body.pack(*lanes, attempt, len(kept), fingerprint(kept))

    def read(self, body: bytes) -> Contribution:
        """See `Suite`."""
        try:
            a, b, c, attempt, _masks, edges = self.body.unpack(body)
        except StructError as error:
            raise RefusedError(Refusal.BAD_DATA) from error
        return Contribution((a, b, c), attempt, edges)

    def open(self, total: Lanes) -> Lanes | None:
        """See `Suite`: the masks have cancelled, nothing else covers the sum."""
        return total


BASIC: Final = Basic()
SUITES: Final[Mapping[int, Suite]] = {BASIC.code: BASIC}
