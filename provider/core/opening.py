"""A closed round whose self-masks are not open yet: collects shares until any quorum of holders has released each.

Pure bookkeeping of frames that were already decoded and whose signatures hold. It is kept with the FINAL, so that a
provider that stops meanwhile loses nothing. Source: Bonawitz et al. 2017; docs/protocol.md, "Release".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from struct import Struct, pack
from typing import Final, Self, final

from common.clients import ClientSet
from common.frames import decode
from common.identifiers import ClientId, NetworkId, RoundNumber
from common.payloads import Release, RoundFinal, view_of
from common.reader import Reader
from common.refusal import Refusal, RefusedError
from common.sealing import Context, Sealing
from common.superposition import LANES_LAYOUT, Lanes, subtract

PENDING_ROUNDS: Final = 8
"""So many rounds a sum waits for its shares; gateways give none for older ones."""

_HEAD: Final = Struct(">4I")
_COUNT: Final = Struct(">IHH")


@dataclass(frozen=True, slots=True)
class Sealed:
    """One included frame: its sender's neighbors under its first one, ascending, and what it told of its self-mask.

    `holders` are those of the neighbors that have a share of the self-mask.
    """

    neighbors: tuple[ClientId, ...]
    sealing: Sealing
    holders: tuple[ClientId, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Find the holders.

        Raises:
            RefusedError: BAD_DATA, when one is meant that is no neighbor.
        """
        object.__setattr__(self, "holders", self.sealing.holders.among(self.neighbors))


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands about a round before its sum does: how many were expected, not expected and missing, and attempts."""

    members: int
    away: int
    attempts: int
    missing: int


@final
@dataclass(slots=True)
class Opening:
    """A round that waits for shares. `frame` is its FINAL, `total` the sum of the included frames."""

    network: NetworkId
    frame: bytes
    draft: Draft
    total: Lanes
    sealed: Mapping[ClientId, Sealed]
    is_open: bool = False
    is_said: bool = False
    """Whether people were told that it is pending."""
    _order: RoundFinal = field(init=False)
    _view: bytes = field(init=False)
    _masks: dict[ClientId, Lanes] = field(default_factory=dict)
    _shares: dict[ClientId, dict[ClientId, int]] = field(default_factory=dict)
    _ready: set[ClientId] = field(default_factory=set)
    """Those whose shares are enough, and whose self-masks are not open yet."""
    _wanted: dict[ClientId, set[ClientId]] = field(default_factory=dict)
    _told: set[ClientId] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._order = RoundFinal.decode(decode(self.frame).frame.data)
        self._view = view_of(self.frame)
        for client, sealed in self.sealed.items():
            self._shares[client] = {}
            for holder in sealed.holders:
                if holder in self.sealed:
                    self._wanted.setdefault(holder, set()).add(client)

    @property
    def number(self) -> RoundNumber:
        """Which round."""
        return self._order.round

    @property
    def included(self) -> ClientSet:
        """Whose readings are in the sum."""
        return self._order.included

    def lacking(self) -> list[ClientId]:
        """The holders whose shares are still wanted, and have not come."""
        closed = self.sealed.keys() - self._masks.keys()
        return sorted({h for client in closed for h in self.sealed[client].holders if h not in self._shares[client]})

    @property
    def covered(self) -> int:
        """How many self-masks are not open."""
        return len(self.sealed) - len(self._masks)

    def accept(self, sender: ClientId, release: Release) -> tuple[ClientId, ...]:
        """Take the shares of a member that is in the sum.

        Returns:
            Those who count on the sender, and for whom it gave no share; once for each sender.

        Raises:
            RefusedError: NOT_INCLUDED, WRONG_VIEW, BAD_DATA.
        """
        if sender not in self.sealed:
            raise RefusedError(Refusal.NOT_INCLUDED)
        if release.view != self._view:
            raise RefusedError(Refusal.WRONG_VIEW)
        members = release.members.among(self.sealed[sender].neighbors)
        wanted = self._wanted.get(sender, set[ClientId]())
        for client, share in zip(members, release.shares, strict=True):
            if client in wanted:
                self._keep(client, sender, share)
        untold = wanted.difference(members)
        if not untold or sender in self._told:
            return ()
        self._told.add(sender)
        return tuple(sorted(untold))

    def _keep(self, client: ClientId, holder: ClientId, share: int) -> None:
        shares = self._shares[client]
        shares.setdefault(holder, share)
        if len(shares) >= self.sealed[client].sealing.needed and client not in self._masks:
            self._ready.add(client)

    def open(self) -> Lanes | None:
        """The sum, once every self-mask is open; None while shares lack."""
        for client in self._ready:
            sealed, context = self.sealed[client], Context(self.network, client, self._order.round, self._order.view)
            mask = sealed.sealing.open(sealed.holders, self._shares[client], context)
            assert mask is not None, "whoever is ready has enough shares"
            self._masks[client] = mask
        self._ready.clear()
        if self.covered:
            return None
        self.is_open = True
        return reduce(subtract, self._masks.values(), self.total)

    # As the store keeps it

    def encode(self) -> bytes:
        """All of it but the FINAL and the shares."""
        draft = self.draft
        head = _HEAD.pack(draft.members, draft.away, draft.attempts, draft.missing)
        return head + LANES_LAYOUT.pack(*self.total) + b"".join(map(_encode, self.sealed.items()))

    @classmethod
    def decode(cls, network: NetworkId, frame: bytes, data: bytes) -> Self:
        """What `encode` wrote, with the FINAL of the round."""
        reader = Reader(data)
        draft = Draft(*reader.unpack(_HEAD))
        total = LANES_LAYOUT.unpack(reader.take(LANES_LAYOUT.size))
        order = RoundFinal.decode(decode(frame).frame.data)
        sealed = dict(_read(reader) for _ in range(len(order.included)))
        reader.end()
        return cls(network, frame, draft, total, sealed)


def _encode(item: tuple[ClientId, Sealed]) -> bytes:
    client, sealed = item
    told, neighbors = sealed.sealing.encode(), sealed.neighbors
    return _COUNT.pack(client, len(neighbors), len(told)) + pack(f">{len(neighbors)}I", *neighbors) + told


def _read(reader: Reader) -> tuple[ClientId, Sealed]:
    client, count, length = reader.unpack(_COUNT)
    neighbors = reader.unpack(Struct(f">{count}I"))
    return ClientId(client), Sealed(tuple(map(ClientId, neighbors)), Sealing.decode(reader.take(length)))
