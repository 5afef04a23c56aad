"""Self-masks made again: what a frame of suite `hardened` must be covered with, from the seeds that its gateway holds.

Nothing here goes by the gateway's own arithmetic: points, polynomial and thresholds are worked out a second time.
Source: docs/protocol.md, "Thresholds", "Self-mask".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, final

from common.identifiers import ClientId, TunnelId
from common.masks import Pad
from common.sealing import Context, Sealing, self_mask
from common.shares import PRIME
from common.superposition import Lanes
from common.thresholds import needed
from launcher.simulation.algebra import Mask
from launcher.simulation.disclosure import SelfMask, Share
from launcher.simulation.trace import ViolationError
from smgw.core.events import Sent

Draw = tuple[frozenset[ClientId], int]
"""Whom a gateway drew, and how many of them there are or may come back."""


@dataclass(frozen=True, slots=True)
class EdgeEnd:
    """One edge under a frame, in its round and view: what its seed gives, and the name of its mask."""

    tunnel: TunnelId
    peer: ClientId
    pad: Pad
    name: Mask

    def lent(self, owner: ClientId) -> int:
        """The share that the neighbor has of the `owner`'s self-mask, who is at this end."""
        return self.pad.low if owner < self.peer else self.pad.high

    def held(self, owner: ClientId) -> int:
        """The share that the `owner` of this end has of the neighbor's."""
        return self.pad.high if owner < self.peer else self.pad.low


@dataclass(frozen=True, slots=True)
class Cover:
    """What covers all frames of one gateway in one round."""

    sealing: Sealing
    holders: frozenset[ClientId]
    lanes: Lanes
    self_mask: SelfMask


@final
class Covers:
    """The self-masks of all gateways of a run."""

    def __init__(self) -> None:
        self._first: Final[dict[Context, Cover]] = {}

    def check(
        self,
        sent: Sent,
        context: Context,
        sealing: Sealing,
        ends: Mapping[ClientId, EdgeEnd],
        draws: Sequence[Draw],
    ) -> Cover:
        """What covers this frame, of a gateway that goes by one of these draws.

        Raises:
            ViolationError: the frame tells anything else, or too few can open it or stay under it.
        """
        where = _where(context)
        if not sent.attempt:
            cover = _cover(sent, context, sealing, ends, draws)
            if self._first.setdefault(context, cover) != cover:
                raise ViolationError(f"{where} makes two self-masks")
        cover = self._first[context]
        if sealing != cover.sealing:
            raise ViolationError(f"{where} tells of another self-mask in its correction")
        if len(cover.holders & ends.keys()) < cover.sealing.needed:
            raise ViolationError(f"{where} keeps {len(cover.holders & ends.keys())} holders, not {sealing.needed}")
        return cover


def _where(context: Context) -> str:
    return f"client {context.client} in round {context.round}"


def _cover(
    sent: Sent,
    context: Context,
    sealing: Sealing,
    ends: Mapping[ClientId, EdgeEnd],
    draws: Sequence[Draw],
) -> Cover:
    where = _where(context)
    if sent.neighbors != tuple(sorted(ends)):
        raise ViolationError(f"{where} counts other neighbors than it masks toward")
    holders = sealing.holders.among(sent.neighbors)
    counts = [max(count, len(holders)) for drawn, count in draws if drawn.issuperset(holders)]
    allowed = [count for count in counts if sealing.needed >= needed(count)]
    if not allowed:
        raise ViolationError(f"{where} lets {sealing.needed} of {counts} drawn open its self-mask")
    lent = {holder: ends[holder].lent(context.client) for holder in holders}
    secret, corrections = _polynomial(holders, sealing.needed, lent)
    if corrections != sealing.corrections:
        raise ViolationError(f"{where} tells other corrections than its shares give")
    lanes = self_mask(secret, context)
    name = ("self", context.client, blake2b(repr(lanes).encode(), digest_size=16).digest())
    shares = frozenset(Share(ends[holder].name, context.client) for holder in holders)
    own = SelfMask(name, context.client, shares, sealing.needed, max(allowed))
    return Cover(sealing, frozenset(holders), lanes, own)


def _polynomial(holders: Sequence[ClientId], count: int, lent: Mapping[ClientId, int]) -> tuple[int, tuple[int, ...]]:
    """The secret of these shares, and what those beyond the first `count` holders miss: by Newton's differences."""
    points = holders[:count]
    slopes = [lent[point] for point in points]
    for step in range(1, count):
        for at in range(count - 1, step - 1, -1):
            run = pow(points[at] - points[at - step], -1, PRIME)
            slopes[at] = (slopes[at] - slopes[at - 1]) * run % PRIME

    def value(at: int) -> int:
        total = 0
        for slope, point in zip(reversed(slopes), reversed(points), strict=True):
            total = (total * (at - point) + slope) % PRIME
        return total

    return value(0), tuple((value(holder) - lent[holder]) % PRIME for holder in holders[count:])
