"""The data field of every notification: one frozen dataclass each, with `encode` and `decode`.

Every `decode` takes the whole data field and raises RefusedError(BAD_DATA) when it does not fit exactly.
The data of ROSTER is in `common.roster`, that of what makes neighbors in `common.tunnels`; REVOCATIONS carries a list
as `common.certificates` reads it. Source: docs/protocol.md, "Notifications".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from struct import error as StructError
from typing import Final, Self

from common.clients import ClientSet
from common.frames import Notification
from common.identifiers import ClientId, RoundNumber, TunnelId
from common.merkle import HASH_BYTES
from common.reader import Reader
from common.refusal import Refusal, RefusedError
from common.sealing import Bits, encode_shares, read_shares
from common.signing import PUBLIC_KEY_BYTES, SIGNATURE_BYTES

VIEW_BYTES: Final = 8
TUNNEL_BYTES: Final = 8
CLIENT_BYTES: Final = 4
NO_VIEW: Final = bytes(VIEW_BYTES)
_COUNT: Final = Struct(">H")


def _numbers(numbers: Sequence[int], width: int) -> bytes:
    return _COUNT.pack(len(numbers)) + b"".join(number.to_bytes(width) for number in numbers)


def _set(clients: ClientSet) -> bytes:
    octets = clients.octets()
    return _COUNT.pack(len(octets)) + octets


def _take_set(reader: Reader) -> ClientSet:
    """A set has one encoding: no trailing zeros, and client 0 is nobody."""
    octets = reader.take(reader.number(2))
    if octets and (not octets[-1] or octets[0] & 1):
        raise RefusedError(Refusal.BAD_DATA)
    return ClientSet.from_octets(octets)


def require_empty(data: bytes) -> None:
    """EXIT, and CLOCK from a gateway: no data at all.

    Raises:
        RefusedError: BAD_DATA.
    """
    if data:
        raise RefusedError(Refusal.BAD_DATA)


@dataclass(frozen=True, slots=True)
class Registration:
    """REGISTER: `draw root 32 | certificate`, signed with the certificate's key.

    The certificate says who registers and for which region, `draw_root` commits to the draw values.
    """

    draw_root: bytes
    certificate: bytes

    def encode(self) -> bytes:
        """The data field."""
        return self.draw_root + self.certificate

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        reader = Reader(data)
        return cls(reader.take(HASH_BYTES), reader.rest())


@dataclass(frozen=True, slots=True)
class Assigned:
    """ASSIGNED: `public key 32` of the gateway that the header's client identifier now belongs to."""

    public_key: bytes

    def encode(self) -> bytes:
        """The data field."""
        return self.public_key

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        if len(data) != PUBLIC_KEY_BYTES:
            raise RefusedError(Refusal.BAD_DATA)
        return cls(data)


@dataclass(frozen=True, slots=True)
class ClockAnswer:
    """CLOCK from the provider: `asked 8`, the timestamp of the question; the frame's own is the provider's time."""

    asked_ms: int

    def encode(self) -> bytes:
        """The data field."""
        return self.asked_ms.to_bytes(8)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        if len(data) != 8:
            raise RefusedError(Refusal.BAD_DATA)
        return cls(int.from_bytes(data))


@dataclass(frozen=True, slots=True)
class Entered:
    """ENTERED: tunnels in which a seed stands at both ends, and those that failed; `count 2 | tunnel 8 ...` each."""

    standing: tuple[TunnelId, ...]
    failed: tuple[TunnelId, ...]

    def encode(self) -> bytes:
        """The data field."""
        return _numbers(self.standing, TUNNEL_BYTES) + _numbers(self.failed, TUNNEL_BYTES)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        reader = Reader(data)
        standing = tuple(TunnelId(tunnel) for tunnel in reader.numbers(TUNNEL_BYTES))
        failed = tuple(TunnelId(tunnel) for tunnel in reader.numbers(TUNNEL_BYTES))
        reader.end()
        return cls(standing, failed)


@dataclass(frozen=True, slots=True)
class HeldEdge:
    """One edge as its gateway holds it: `tunnel 8 | peer 4 | started 1`."""

    tunnel: TunnelId
    peer: ClientId
    is_started: bool


@dataclass(frozen=True, slots=True)
class Holdings:
    """RESUME and EMERGENCY: `count 2 | held edge 13 ...`, all edges that the gateway holds a seed for."""

    edges: tuple[HeldEdge, ...]

    def encode(self) -> bytes:
        """The data field."""
        return _COUNT.pack(len(self.edges)) + b"".join(
            edge.tunnel.to_bytes(8) + edge.peer.to_bytes(4) + bytes([edge.is_started]) for edge in self.edges
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        reader = Reader(data)
        edges = []
        for _ in range(reader.number(2)):
            tunnel, peer, started = TunnelId(reader.number(8)), ClientId(reader.number(4)), reader.number(1)
            if started > 1:
                raise RefusedError(Refusal.BAD_DATA)
            edges.append(HeldEdge(tunnel, peer, bool(started)))
        reader.end()
        return cls(tuple(edges))


@dataclass(frozen=True, slots=True)
class Resumed:
    """RESUMED: `count 2 | tunnel 8 ...`, the started edges of the gateway as the provider has them."""

    started: tuple[TunnelId, ...]

    def encode(self) -> bytes:
        """The data field."""
        return _numbers(self.started, TUNNEL_BYTES)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        reader = Reader(data)
        started = tuple(TunnelId(tunnel) for tunnel in reader.numbers(TUNNEL_BYTES))
        reader.end()
        return cls(started)


@dataclass(frozen=True, slots=True)
class ExitConfirmed:
    """EXIT_CONFIRMED: `client 4`, the leaver whose seed the sender erased; from the provider, the leaver itself."""

    leaver: ClientId

    def encode(self) -> bytes:
        """The data field."""
        return self.leaver.to_bytes(4)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        if len(data) != 4:
            raise RefusedError(Refusal.BAD_DATA)
        return cls(ClientId(int.from_bytes(data)))


@dataclass(frozen=True, slots=True)
class Rejected:
    """REFUSED: `notification 1 | reason 1`: which request of the gateway was refused, and why."""

    notification: Notification
    reason: Refusal

    def encode(self) -> bytes:
        """The data field."""
        return bytes([self.notification, self.reason])

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        try:
            notification, reason = data
            return cls(Notification(notification), Refusal(reason))
        except ValueError as error:
            raise RefusedError(Refusal.BAD_DATA) from error


_ORDER: Final = Struct(">BQ8s")


@dataclass(frozen=True, slots=True)
class Superposition:
    """SUPERPOSITION: `suite 1 | round 8 | view 8 | body`; what the body holds is the suite's."""

    suite: int
    round: RoundNumber
    view: bytes
    body: bytes

    def encode(self) -> bytes:
        """The data field."""
        return _ORDER.pack(self.suite, self.round, self.view) + self.body

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        try:
            suite, number, view = _ORDER.unpack_from(data)
        except StructError as error:
            raise RefusedError(Refusal.BAD_DATA) from error
        return cls(suite, RoundNumber(number), view, data[_ORDER.size :])


@dataclass(frozen=True, slots=True)
class Correction:
    """CORRECTION: `suite 1 | round 8 | view 8 | attempt 1 | missing`, a client set of all that are missing so far."""

    suite: int
    round: RoundNumber
    view: bytes
    attempt: int
    missing: ClientSet

    def encode(self) -> bytes:
        """The data field."""
        return _ORDER.pack(self.suite, self.round, self.view) + bytes([self.attempt]) + _set(self.missing)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        reader = Reader(data)
        suite, number, view = _ORDER.unpack(reader.take(_ORDER.size))
        correction = cls(suite, RoundNumber(number), view, reader.number(1), _take_set(reader))
        reader.end()
        if correction.attempt < 1 or not correction.missing:
            raise RefusedError(Refusal.BAD_DATA)
        return correction


@dataclass(frozen=True, slots=True)
class RoundFinal:
    """FINAL: `suite 1 | round 8 | view 8 | void from 8 | epoch 4 | root 32 | included | expected | started tunnels`.

    It closes `round`, and with it every round from `void_from` on that no other FINAL closed (`void_from` = `round`
    when there is none). `view` names the FINAL before. `epoch` and `root` are of the roster in force in the next round.
    `included` are those in the sum of `round`, `expected` those who shall send in the next one, and `started` the edges
    whose masks are used from the next round on.
    """

    suite: int
    round: RoundNumber
    view: bytes
    void_from: RoundNumber
    epoch: int
    root: bytes
    included: ClientSet
    expected: ClientSet
    started: tuple[TunnelId, ...]

    def encode(self) -> bytes:
        """The data field."""
        head = _ORDER.pack(self.suite, self.round, self.view) + self.void_from.to_bytes(8)
        head += self.epoch.to_bytes(4) + self.root
        return head + _set(self.included) + _set(self.expected) + _numbers(self.started, TUNNEL_BYTES)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        reader = Reader(data)
        suite, number, view = _ORDER.unpack(reader.take(_ORDER.size))
        final = cls(
            suite,
            RoundNumber(number),
            view,
            RoundNumber(reader.number(8)),
            reader.number(4),
            reader.take(HASH_BYTES),
            _take_set(reader),
            _take_set(reader),
            tuple(TunnelId(tunnel) for tunnel in reader.numbers(TUNNEL_BYTES)),
        )
        reader.end()
        if final.void_from > final.round:
            raise RefusedError(Refusal.BAD_DATA)
        return final


@dataclass(frozen=True, slots=True)
class Release:
    """RELEASE: `suite 1 | round 8 | view 8 | members bits | share 16 ...`.

    `view` names the FINAL of `round`; `members` are bits over the sender's neighbors under its first frame of the
    round, ascending: those whose share it gives.
    """

    suite: int
    round: RoundNumber
    view: bytes
    members: Bits
    shares: tuple[int, ...]

    def encode(self) -> bytes:
        """The data field."""
        return _ORDER.pack(self.suite, self.round, self.view) + self.members.encode() + encode_shares(self.shares)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        reader = Reader(data)
        suite, number, view = _ORDER.unpack(reader.take(_ORDER.size))
        members = Bits.read(reader)
        release = cls(suite, RoundNumber(number), view, members, read_shares(reader, members.count))
        reader.end()
        return release


@dataclass(frozen=True, slots=True)
class Hold:
    """HOLD: `count 2 | client 4 ...`, the neighbors that count on the addressee to open their self-masks."""

    clients: tuple[ClientId, ...]

    def encode(self) -> bytes:
        """The data field."""
        return _numbers(self.clients, CLIENT_BYTES)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a data field."""
        reader = Reader(data)
        clients = tuple(ClientId(client) for client in reader.numbers(CLIENT_BYTES))
        reader.end()
        return cls(clients)


def view_of(final: bytes) -> bytes:
    """The name of a FINAL frame, 8 bytes: BLAKE2b of header and data without the signature."""
    return blake2b(final[:-SIGNATURE_BYTES], digest_size=VIEW_BYTES, person=b"dcnet view").digest()
