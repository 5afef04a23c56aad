"""What the vector files say of suite `hardened`: pads, shares, self-masks, bodies, and a whole round that is opened."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from hashlib import blake2b
from typing import Any, Final

from common.clients import ClientSet
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Seed
from common.payloads import Release, Superposition
from common.sealing import Bits, Context, self_mask
from common.secret import Secret
from common.shares import PRIME, deal, recover, share_of
from common.suites import HARDENED, EdgePad
from common.superposition import ZERO, Lanes, add, signed, subtract, vector

NETWORK: Final = NetworkId(7)
ROUND: Final = RoundNumber(5)
VIEW: Final = bytes.fromhex("8899aabbccddeeff")
FINAL_VIEW: Final = bytes.fromhex("0102030405060708")


@dataclass(frozen=True, slots=True)
class Member:
    """One gateway of a vector: its reading (None when the meter gave none), its neighbors, and who of them holds."""

    client: ClientId
    reading: tuple[int, int] | None
    neighbors: tuple[ClientId, ...]
    holders: tuple[ClientId, ...]
    needed: int

    @property
    def context(self) -> Context:
        """Whose frame of which round."""
        return Context(NETWORK, self.client, ROUND, VIEW)

    @property
    def pads(self) -> dict[ClientId, EdgePad]:
        """What each edge gives to the frame."""
        return {peer: HARDENED.pad(seed_of(self.client, peer), self.context, peer) for peer in self.neighbors}

    @property
    def lent(self) -> dict[ClientId, int | None]:
        """The share that each neighbor holds; None of who is no holder."""
        return {peer: pad.lent if peer in self.holders else None for peer, pad in self.pads.items()}

    @property
    def vector(self) -> Lanes:
        """The lanes of the reading."""
        return vector(*self.reading) if self.reading else ZERO

    def body(self) -> bytes:
        """The body of the first sending."""
        masks = {tunnel_of(self.client, peer): pad.mask for peer, pad in self.pads.items()}
        return HARDENED.conceal(self.vector, masks, HARDENED.cover(self.context, self.lent, self.needed))

    def corrected(self, missing: Collection[ClientId], attempt: int = 1) -> bytes:
        """The body that answers a correction naming `missing`."""
        kept = [tunnel_of(self.client, peer) for peer in self.neighbors if peer not in missing]
        dropped = [pad.mask for peer, pad in self.pads.items() if peer in missing]
        return HARDENED.correct(self.body(), attempt, kept, dropped)

    def entry(self) -> dict[str, Any]:
        """Its inputs as a vector file has them."""
        reading = {"import_dwh": self.reading[0], "export_dwh": self.reading[1]} if self.reading else None
        neighbors = [
            {
                "client": peer,
                "tunnel": tunnel_of(self.client, peer),
                "seed": seed_of(self.client, peer).secret.reveal().hex(),
                "is_holder": peer in self.holders,
            }
            for peer in self.neighbors
        ]
        return {"own": self.client, "reading": reading, "needed": self.needed, "neighbors": neighbors}


def _place(own: ClientId, peer: ClientId) -> tuple[int, int]:
    return min(own, peer), max(own, peer)


def seed_of(own: ClientId, peer: ClientId) -> Seed:
    """The seed of an edge on the round's day."""
    low, high = _place(own, peer)
    return Seed(0, Secret((low.to_bytes(4) + high.to_bytes(4)) * 4))


def tunnel_of(own: ClientId, peer: ClientId) -> TunnelId:
    """The tunnel of an edge."""
    low, high = _place(own, peer)
    return TunnelId(low << 32 | high)


def _clients(*clients: int) -> tuple[ClientId, ...]:
    return tuple(map(ClientId, clients))


def mesh(needed: int, readings: Mapping[int, tuple[int, int] | None]) -> tuple[Member, ...]:
    """Members of whom each holds for each."""
    clients = _clients(*sorted(readings))
    neighbors = [tuple(peer for peer in clients if peer != own) for own in clients]
    return tuple(
        Member(own, readings[own], peers, peers, needed) for own, peers in zip(clients, neighbors, strict=True)
    )


SPARSE: Final = Member(ClientId(9), (2500, 17), _clients(1, 3, 12, 300, 2**32 - 1), _clients(1, 3, 300, 2**32 - 1), 3)
"""Four of five neighbors are holders, and the last one needs a correction."""


def pads() -> Iterator[dict[str, Any]]:
    """Masks and shares of edges."""
    for seed in (bytes(32), bytes(range(32)), bytes([0xFF]) * 32):
        for network, round_, view in ((1, 0, bytes(8)), (7, 1_963_584, VIEW), (2**32 - 1, 2**64 - 1, b"\xff" * 8)):
            pad = Seed(0, Secret(seed)).pad(NetworkId(network), RoundNumber(round_), view)
            head = {"seed": seed.hex(), "network": network, "round": round_, "view": view.hex()}
            yield head | {"mask": pad.mask, "low": pad.low, "high": pad.high}


def octets() -> Iterator[dict[str, Any]]:
    """Sixteen bytes as shares: the top bit does not count, and the prime itself is 0."""
    for text in ("00" * 16, "ff" * 16, "7f" + "ff" * 15, "7f" + "ff" * 14 + "fe", "80" + "00" * 14 + "05"):
        yield {"octets": text, "share": share_of(bytes.fromhex(text))}


def _some_share(point: int) -> int:
    return share_of(blake2b(point.to_bytes(4), digest_size=16).digest())


def polynomials() -> Iterator[dict[str, Any]]:
    """Shares, what they are the shares of, and what some of them open."""
    edges = {1: 0, 2: PRIME - 1, 3: 1}
    for needed, shares in (
        (1, {5: 77}),
        (2, {1: 10, 2: 20, 3: 30}),
        (2, edges),
        (3, {point: _some_share(point) for point in (2, 3, 9, 300, 2**32 - 1)}),
        (17, {point: _some_share(point) for point in range(1, 25)}),
    ):
        points = tuple(sorted(shares))
        secret, corrections = deal(shares, needed)
        entry: dict[str, Any] = {"needed": needed, "points": points, "shares": [shares[point] for point in points]}
        openings = []
        for given in (points[:needed], points[-needed:], points[1:], points[: needed - 1]):
            opened = recover(points, needed, corrections, {point: shares[point] for point in given})
            openings.append({"points": given, "secret": opened})
        yield entry | {"secret": secret, "corrections": corrections, "openings": openings}


def self_masks() -> Iterator[dict[str, Any]]:
    """Masks from secrets of the field."""
    for secret in (0, 1, PRIME - 1, 2**126 + 5):
        for client in (3, 2**32 - 1):
            context = Context(NETWORK, ClientId(client), ROUND, VIEW)
            head = {"secret": secret, "network": NETWORK, "round": ROUND, "view": VIEW.hex(), "client": client}
            yield head | {"mask": self_mask(secret, context)}


def bodies() -> Iterator[dict[str, Any]]:
    """First sendings, the corrections that follow from them, and the self-mask that their holders' shares open."""
    few = Member(ClientId(1), (-340, 0), _clients(2, 4), _clients(2, 4), 2)
    mute = Member(ClientId(30), None, _clients(1, 2, 3, 4, 31), _clients(1, 2, 31), 2)
    for member, missing in ((SPARSE, (12, 300)), (few, ()), (mute, (1, 4))):
        read = HARDENED.read(member.body()).sealing
        assert read is not None
        shares = {peer: share for peer, share in member.lent.items() if share is not None}
        mask = read.open(member.holders, shares, member.context)
        yield {
            "network": NETWORK,
            "round": ROUND,
            "view": VIEW.hex(),
            **member.entry(),
            "body": member.body().hex(),
            "missing": missing,
            "attempt": 1,
            "corrected_body": member.corrected(_clients(*missing)).hex(),
            "shares": [{"holder": peer, "share": share} for peer, share in shares.items()],
            "self_mask": mask,
        }


WHOLE: Final = mesh(3, {2: (1200, 0), 3: (3400, 12), 5: None, 8: (-750, 4), 300: (9100, 0)})
"""Five gateways: the smallest network that stands one silent member and one that colludes with the provider."""
ABSENT: Final = ClientId(8)


def release_of(member: Member, included: Collection[ClientId]) -> Release:
    """The shares that a member holds for the others that are in the sum."""
    chosen = [peer for peer in member.neighbors if peer in included]
    bits = Bits.of(peer in chosen for peer in member.neighbors)
    shares = tuple(member.pads[peer].held for peer in chosen)
    return Release(HARDENED.code, ROUND, FINAL_VIEW, bits, shares)


def _present(attempt: int, member: Member) -> dict[str, Any]:
    body = member.corrected([ABSENT], attempt)
    order = Superposition(HARDENED.code, ROUND, VIEW, body)
    included = [other.client for other in WHOLE if other.client != ABSENT]
    data = {"superposition": order.encode().hex(), "release": release_of(member, included).encode().hex()}
    return member.entry() | data


def whole() -> dict[str, Any]:
    """A round of a small mesh from which one is missing: what all send, and the sum."""
    present = [member for member in WHOLE if member.client != ABSENT]
    concealed = [HARDENED.read(member.corrected([ABSENT])).lanes for member in present]
    masks = []
    for member in present:
        read = HARDENED.read(member.body()).sealing
        holders = [other for other in present if other.client != member.client]
        shares = {other.client: other.pads[member.client].held for other in holders}
        mask = None if read is None else read.open(member.holders, shares, member.context)
        assert mask is not None, "three of three holders open a self-mask"
        masks.append(mask)
    total = reduce(subtract, masks, reduce(add, concealed, ZERO))
    return {
        "network": NETWORK,
        "round": ROUND,
        "view": VIEW.hex(),
        "final_view": FINAL_VIEW.hex(),
        "missing": sorted(ClientSet.of([ABSENT])),
        "attempt": 1,
        "members": [_present(1, member) for member in present],
        "concealed_sum": reduce(add, concealed, ZERO),
        "sum": total,
        "sum_signed": signed(total),
    }


def suite_hardened() -> dict[str, Any]:
    """The content of `suite_hardened.json`."""
    return {
        "pads": list(pads()),
        "octets": list(octets()),
        "polynomials": list(polynomials()),
        "self_masks": list(self_masks()),
        "bodies": list(bodies()),
        "rounds": [whole()],
    }
