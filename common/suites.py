"""Suites: what stands in a SUPERPOSITION beyond round and view, how a correction changes it, and what opens a sum.

A suite is the one seam between protection levels: gateway and provider call it and know nothing of its body.

Every body begins `lanes 3 x 8 | attempt 1 | masks 1 | edges 8`. `masks` is how many masks cover the lanes, `edges` a
fingerprint of the tunnels in which their seeds were agreed: the provider, who knows the key graph, sees at once when a
gateway uses other seeds than its neighbors, and takes it for missing instead of publishing a wrong sum. That is all in
suite `basic` (the thesis' protocol); suite `hardened` adds a self-mask, and after it what its holders need to open it.
Source: thesis section 3.3.2; docs/protocol.md, "Suites".
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from hashlib import blake2b
from struct import Struct, pack
from struct import error as StructError
from typing import Final, NamedTuple, final

from common import thresholds
from common.identifiers import ClientId, TunnelId
from common.masks import Seed, pads
from common.refusal import Refusal, RefusedError
from common.sealing import Context, Sealing, seal
from common.superposition import ZERO, Lanes, subtract, total

FINGERPRINT_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Contribution:
    """What the provider reads in a body: concealed lanes, attempt, fingerprint of the edges, and what seals it."""

    lanes: Lanes
    attempt: int
    edges: int
    sealing: Sealing | None = None


class EdgePad(NamedTuple):
    """What one edge gives to one round, seen from one end: the signed mask, and the shares that the ends hold.

    `lent` is the share that the neighbor holds of this end's self-mask, `held` the one that this end holds of the
    neighbor's; both 0 in suite `basic`.
    """

    mask: Lanes
    lent: int = 0
    held: int = 0

    def __repr__(self) -> str:
        return "EdgePad(secret)"


@dataclass(frozen=True, slots=True)
class Cover:
    """What covers a frame beside the masks of its edges, and what the frame tells of it."""

    mask: Lanes = field(default=ZERO, repr=False)
    told: bytes = b""


BARE: Final = Cover()


def fingerprint(edges: Iterable[TunnelId]) -> int:
    """A 64-bit fingerprint of a set of edges: BLAKE2b over their tunnels in ascending order, 8 bytes each."""
    tunnels = sorted(edges)
    octets = pack(f">{len(tunnels)}Q", *tunnels)
    return int.from_bytes(blake2b(octets, digest_size=FINGERPRINT_BYTES, person=b"dcnet edges").digest())


def toward(own: ClientId, peer: ClientId, mask: Lanes) -> Lanes:
    """The mask with its sign: the lower client identifier adds it, the higher one subtracts it."""
    return mask if own < peer else subtract(ZERO, mask)


class Suite(ABC):
    """What a suite adds to the data field, what covers a frame in it, and what it needs before a sum is open."""

    code: int
    """The number in the frames."""
    name: str
    """The word in the settings."""
    has_release: bool
    """Whether a sum is open only when the holders have released their shares."""
    draws: int
    """How many neighbors each gateway draws by default."""
    body: Final = Struct(">3QBBQ")
    """How every body begins: three lanes, attempt, masks, fingerprint."""

    @abstractmethod
    def needed(self, drawn: int) -> int:
        """How many of the drawn neighbors must be under a frame."""

    @abstractmethod
    def pad(self, seed: Seed, context: Context, peer: ClientId) -> EdgePad:
        """What the seed of an edge, of the round's day, gives to the frame of `context.client` in its round."""

    @abstractmethod
    def pads(self, seeds: Mapping[ClientId, Seed], context: Context) -> Iterable[EdgePad]:
        """What `pad` gives, for the seeds of many neighbors at once, in their order."""

    @abstractmethod
    def cover(self, context: Context, lent: Mapping[ClientId, int | None], needed: int) -> Cover:
        """What else covers a frame; `lent` is the share of each neighbor under it, None of who is no holder."""

    def conceal(self, reading: Lanes, masks: Mapping[TunnelId, Lanes], cover: Cover = BARE) -> bytes:
        """The body of a first sending: the reading under the mask of each edge, signs applied, and the cover."""
        lanes = total((reading, cover.mask, *masks.values()))
        return self.body.pack(*lanes, 0, len(masks), fingerprint(masks)) + cover.told

    def correct(self, body: bytes, attempt: int, kept: Collection[TunnelId], dropped: Iterable[Lanes]) -> bytes:
        """The body that answers notification 4: the same reading and cover without the dropped masks."""
        lanes = reduce(subtract, dropped, self.read(body).lanes)
        return self.body.pack(*lanes, attempt, len(kept), fingerprint(kept)) + body[self.body.size :]

    def read(self, body: bytes) -> Contribution:
        """Take a body apart.

        Raises:
            RefusedError: BAD_DATA.
        """
        try:
            a, b, c, attempt, _masks, edges = self.body.unpack_from(body)
        except StructError as error:
            raise RefusedError(Refusal.BAD_DATA) from error
        return Contribution((a, b, c), attempt, edges, self.read_told(body[self.body.size :]))

    @abstractmethod
    def read_told(self, told: bytes) -> Sealing | None:
        """What a body tells after its fixed beginning.

        Raises:
            RefusedError: BAD_DATA.
        """


@final
class Basic(Suite):
    """The thesis' protocol: masks of the neighbors alone. A curious provider with a late frame defeats it."""

    code = 1
    name = "basic"
    has_release = False
    draws = 6

    def needed(self, drawn: int) -> int:
        """Half of them."""
        return thresholds.half(drawn)

    def pad(self, seed: Seed, context: Context, peer: ClientId) -> EdgePad:
        """See `Suite`."""
        return EdgePad(toward(context.client, peer, seed.mask(context.network, context.round)))

    def pads(self, seeds: Mapping[ClientId, Seed], context: Context) -> Iterable[EdgePad]:
        """See `Suite`."""
        return [self.pad(seed, context, peer) for peer, seed in seeds.items()]

    def cover(self, context: Context, lent: Mapping[ClientId, int | None], needed: int) -> Cover:
        """Nothing."""
        return BARE

    def read_told(self, told: bytes) -> None:
        """Nothing may be there."""
        if told:
            raise RefusedError(Refusal.BAD_DATA)


@final
class Hardened(Suite):
    """Masks of the neighbors and a self-mask that only a quorum of those whom the gateway drew can remove."""

    code = 2
    name = "hardened"
    has_release = True
    draws = 24

    def needed(self, drawn: int) -> int:
        """All but those who may be silent."""
        return thresholds.needed(drawn)

    def pad(self, seed: Seed, context: Context, peer: ClientId) -> EdgePad:
        """See `Suite`."""
        (pad,) = self.pads({peer: seed}, context)
        return pad

    def pads(self, seeds: Mapping[ClientId, Seed], context: Context) -> Iterable[EdgePad]:
        """See `Suite`."""
        own, drawn = context.client, pads(seeds.values(), context.network, context.round, context.view)
        return [
            EdgePad(mask, low, high) if own < peer else EdgePad(subtract(ZERO, mask), high, low)
            for peer, (mask, low, high) in zip(seeds, drawn, strict=True)
        ]

    def cover(self, context: Context, lent: Mapping[ClientId, int | None], needed: int) -> Cover:
        """The self-mask, and what opens it.

        Raises:
            ValueError: fewer holders than needed.
        """
        mask, sealing = seal(context, lent, needed)
        return Cover(mask, sealing.encode())

    def read_told(self, told: bytes) -> Sealing:
        """See `Suite`."""
        return Sealing.decode(told)


BASIC: Final = Basic()
HARDENED: Final = Hardened()
SUITES: Final[Mapping[int, Suite]] = {suite.code: suite for suite in (BASIC, HARDENED)}
BASIC_WARNING: Final = (
    "suite basic: with one false list of the missing, a lying provider reads any household exactly; suite hardened"
    " stops that"
)
"""For whoever chooses it."""
NAMED: Final[Mapping[str, Suite]] = {suite.name: suite for suite in SUITES.values()}
