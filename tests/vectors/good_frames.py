"""The good frames of the vector files: every notification, from its fields to its signed bytes."""

from dataclasses import asdict, dataclass, fields, is_dataclass
from enum import IntEnum
from typing import Any, Final, Protocol

from common.clients import ClientSet
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, NO_NETWORK, ClientId, NetworkId, RoundNumber, TunnelId
from common.parameters import Parameters
from common.payloads import (
    NO_VIEW,
    Assigned,
    ClockAnswer,
    Correction,
    Entered,
    ExitConfirmed,
    HeldEdge,
    Hold,
    Holdings,
    Registration,
    Rejected,
    Release,
    Resumed,
    RoundFinal,
    Superposition,
)
from common.refusal import Refusal
from common.roster import LEAVES_PER_PART, NO_PREDECESSOR, LeafPart, Roster, RosterRoot
from common.sealing import Bits
from common.shares import PRIME
from common.signing import Direction
from common.suites import BASIC, HARDENED, SUITES, fingerprint
from common.tunnels import Departure, Drawn, DrawnMember, End, Kind, Role, TunnelMessage, TunnelOpen
from tests.vectors.hardened import SPARSE
from tests.vectors.members import (
    CLIENT,
    FIRST,
    GATEWAY,
    GATEWAY_CERTIFICATE,
    GATEWAY_DRAWS,
    GATEWAY_LEAF,
    GROWN,
    LARGE,
    LEAVES,
    MESH,
    NEIGHBOR,
    NEIGHBOR_CLIENT,
    NEIGHBOR_LEAF,
    NETWORK,
    NOW_MS,
    PROVIDER,
    REVOCATIONS,
    REVOKED_CERTIFICATE,
    ROUND,
    SAME,
    TREE,
    part_of,
    proof,
)

_SIGNERS: Final = {"gateway": GATEWAY, "neighbor": NEIGHBOR, "provider": PROVIDER}
VIEW: Final = bytes.fromhex("0011223344556677")


class Payload(Protocol):
    """A value that encodes itself into a data field."""

    def encode(self) -> bytes:
        """The data field."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Data without fields."""

    octets: bytes = b""

    def encode(self) -> bytes:
        """The data field."""
        return self.octets


@dataclass(frozen=True, slots=True)
class RevocationData:
    """The data of REVOCATIONS: the administrator's list as it is (DER)."""

    list: bytes

    def encode(self) -> bytes:
        """The data field."""
        return self.list


@dataclass(frozen=True, slots=True)
class Case:
    """A good frame before it is signed."""

    name: str
    signer: str
    notification: Notification
    payload: Payload
    network: NetworkId = NETWORK
    client: ClientId = CLIENT

    @property
    def direction(self) -> Direction:
        """UP for a gateway's frame, DOWN for the provider's."""
        return Direction.DOWN if self.signer == "provider" else Direction.UP

    def signed(self) -> bytes:
        """The whole frame."""
        transmits = self.notification is Notification.SUPERPOSITION
        frame = Frame(self.network, self.client, NOW_MS, self.notification, self.payload.encode(), transmits)
        return frame.signed(_SIGNERS[self.signer], self.direction)


def _order(import_: int, export: int, attempt: int, tunnels: list[int]) -> Superposition:
    edges = [TunnelId(tunnel) for tunnel in tunnels]
    lanes = (import_ % 2**64, export % 2**64, 2**64 - 1)
    body = BASIC.body.pack(*lanes, attempt, len(edges), fingerprint(edges))
    return Superposition(BASIC.code, ROUND, VIEW, body)


def _sealed(body: bytes) -> Superposition:
    return Superposition(HARDENED.code, ROUND, VIEW, body)


def _release(members: list[bool], *shares: int) -> Release:
    return Release(HARDENED.code, ROUND, VIEW, Bits.of(members), shares)


def _clients(*clients: int) -> ClientSet:
    return ClientSet.of(ClientId(client) for client in clients)


_EDGES: Final = (
    HeldEdge(TunnelId(2**64 - 1), ClientId(9), True),
    HeldEdge(TunnelId(1), ClientId(2**32 - 1), False),
)
_TUNNELS: Final = (TunnelId(0x0102030405060708), TunnelId(2**63))
_VOID: Final = RoundFinal(
    1,
    ROUND,
    VIEW,
    RoundNumber(ROUND - 4),
    2**32 - 1,
    bytes(range(0xE0, 0x100)),
    _clients(1, 3, 8, 200),
    _clients(1, 2, 3, 8, 200),
    _TUNNELS,
)
_FOUNDING: Final = RoundFinal(
    1, RoundNumber(0), NO_VIEW, RoundNumber(0), 1, FIRST.at.root, ClientSet(), _clients(1, 2, 3), ()
)
_EMPTY: Final = Roster(RosterRoot(0, 0, 0, TREE.root(0)), RoundNumber(2**64 - 1), NO_PREDECESSOR, LARGE)
_TUNNEL: Final = TunnelId(2**63 + 1)
_DRAWN_NEIGHBOR: Final = proof(NEIGHBOR_LEAF, GROWN.at)
_DRAWING_GATEWAY: Final = proof(GATEWAY_LEAF, GROWN.at)
_EXIT: Final = Frame(NETWORK, NEIGHBOR_CLIENT, NOW_MS, Notification.EXIT).signed(NEIGHBOR, Direction.UP)

N: Final = Notification
GOOD: Final = (
    Case("register", "gateway", N.REGISTER,
         Registration(GATEWAY_DRAWS.root, GATEWAY_CERTIFICATE), NO_NETWORK, EVERYONE),
    Case("register_without_a_certificate", "gateway", N.REGISTER, Registration(bytes(32), b""), NO_NETWORK, EVERYONE),
    Case("entered", "gateway", N.ENTERED, Entered(_TUNNELS, (TunnelId(5),))),
    Case("entered_with_nothing", "gateway", N.ENTERED, Entered((), ())),
    Case("exit", "gateway", N.EXIT, Raw()),
    Case("correction", "provider", N.CORRECTION,
         Correction(1, ROUND, VIEW, 2, _clients(1, 7, 8, 300)), client=EVERYONE),
    Case("superposition", "gateway", N.SUPERPOSITION, _order(0x0123456789ABCDEF, 42, 0, [1, 2, 9])),
    Case("superposition_corrected_of_high_words", "neighbor", N.SUPERPOSITION, _order(-1, -(2**63), 1, [1, 2]),
         NetworkId(2**32 - 1), ClientId(2**32 - 1)),
    Case("superposition_hardened", "gateway", N.SUPERPOSITION, _sealed(SPARSE.body())),
    Case("superposition_hardened_corrected", "gateway", N.SUPERPOSITION, _sealed(SPARSE.corrected([ClientId(12)]))),
    Case("roster_of_a_first_epoch", "provider", N.ROSTER, FIRST, client=EVERYONE),
    Case("roster_of_the_largest_mesh", "provider", N.ROSTER, MESH, client=EVERYONE),
    Case("roster_that_grew_beyond_a_mesh", "provider", N.ROSTER, GROWN, client=EVERYONE),
    Case("roster_of_the_same_leaves", "provider", N.ROSTER, SAME, client=EVERYONE),
    Case("roster_without_leaves", "provider", N.ROSTER, _EMPTY, client=EVERYONE),
    Case("final_of_a_first_round", "provider", N.FINAL, _FOUNDING, client=EVERYONE),
    Case("final_after_an_outage", "provider", N.FINAL, _VOID, client=EVERYONE),
    Case("release", "gateway", N.RELEASE, _release([False, True] + [False] * 6 + [True, True], 0, PRIME - 1, 2**100)),
    Case("release_of_nothing", "neighbor", N.RELEASE, _release([]), client=NEIGHBOR_CLIENT),
    Case("tunnel", "gateway", N.TUNNEL, TunnelMessage(_TUNNEL, 1, bytes(range(32)))),
    Case("tunnel_with_an_empty_body", "neighbor", N.TUNNEL, TunnelMessage(TunnelId(0), 255, b""),
         client=NEIGHBOR_CLIENT),
    Case("emergency", "gateway", N.EMERGENCY, Holdings(_EDGES[:1])),
    Case("exit_confirmed_by_a_neighbor", "neighbor", N.EXIT_CONFIRMED, ExitConfirmed(CLIENT), client=NEIGHBOR_CLIENT),
    Case("exit_confirmed_by_the_provider", "provider", N.EXIT_CONFIRMED, ExitConfirmed(CLIENT)),
    Case("assigned", "provider", N.ASSIGNED, Assigned(GATEWAY.public_key)),
    Case("tunnel_open_to_the_initiator", "provider", N.TUNNEL_OPEN,
         TunnelOpen(_TUNNEL, Role.INITIATOR, Kind.DRAW, GATEWAY_LEAF.epoch, _DRAWN_NEIGHBOR)),
    Case("tunnel_open_to_the_responder", "provider", N.TUNNEL_OPEN,
         TunnelOpen(_TUNNEL, Role.RESPONDER, Kind.DRAW, NEIGHBOR_LEAF.epoch, _DRAWING_GATEWAY),
         client=NEIGHBOR_CLIENT),
    Case("tunnel_open_in_a_mesh", "provider", N.TUNNEL_OPEN,
         TunnelOpen(TunnelId(1), Role.RESPONDER, Kind.MESH, 2**32 - 1, proof(NEIGHBOR_LEAF, MESH.at))),
    Case("tunnel_open_to_renew_a_seed", "provider", N.TUNNEL_OPEN,
         TunnelOpen(TunnelId(2**64 - 1), Role.INITIATOR, Kind.RENEWAL, 0, proof(NEIGHBOR_LEAF, SAME.at))),
    Case("resume", "gateway", N.RESUME, Holdings(_EDGES)),
    Case("resume_with_nothing", "gateway", N.RESUME, Holdings(())),
    Case("resumed", "provider", N.RESUMED, Resumed(_TUNNELS)),
    Case("refused", "provider", N.REFUSED, Rejected(N.REGISTER, Refusal.NAME_TAKEN), NO_NETWORK, EVERYONE),
    Case("revocations", "provider", N.REVOCATIONS, RevocationData(REVOCATIONS), client=EVERYONE),
    Case("drawn", "gateway", N.DRAWN,
         Drawn((DrawnMember(3, NEIGHBOR_CLIENT), DrawnMember(2**32 - 1, ClientId(2**32 - 1))))),
    Case("drawn_64_members", "gateway", N.DRAWN,
         Drawn(tuple(DrawnMember(4, ClientId(client)) for client in range(64)))),
    Case("drawn_nobody", "gateway", N.DRAWN, Drawn(())),
    Case("departed_by_its_own_exit", "provider", N.DEPARTED, Departure(_DRAWN_NEIGHBOR, End.EXIT, _EXIT)),
    Case("departed_with_its_certificate", "provider", N.DEPARTED,
         Departure(proof(NEIGHBOR_LEAF, MESH.at), End.CERTIFICATE, REVOKED_CERTIFICATE)),
    Case("leaves_of_a_first_part", "provider", N.LEAVES, LeafPart(0, LEAVES), client=EVERYONE),
    Case("leaves_of_a_full_part", "provider", N.LEAVES, LeafPart(0, part_of(0, LEAVES_PER_PART)), client=EVERYONE),
    Case("leaves_of_a_later_part", "provider", N.LEAVES, LeafPart(2, part_of(2, 1)), client=EVERYONE),
    Case("clock_question", "gateway", N.CLOCK, Raw()),
    Case("clock_answer", "provider", N.CLOCK, ClockAnswer(NOW_MS - 40)),
    Case("hold", "provider", N.HOLD, Hold((ClientId(1), ClientId(9), ClientId(2**32 - 1)))),
    Case("hold_for_nobody", "provider", N.HOLD, Hold(())),
)  # fmt: skip


def plain(value: object) -> object:
    """A value of the protocol as JSON: bytes in hexadecimal, a set as its ascending members, a code as its number."""
    if isinstance(value, Superposition):
        suite = SUITES[value.suite]
        body = suite.body.unpack_from(value.body)
        head = {"lanes": list(body[:3]), "attempt": body[3], "masks": body[4], "edges": body[5]}
        sealing = suite.read(value.body).sealing
        told = {field.name: plain(getattr(sealing, field.name)) for field in fields(sealing)} if sealing else {}
        return {"suite": value.suite, "round": value.round, "view": value.view.hex()} | head | told
    if isinstance(value, Bits):
        return value.octets.hex()
    if isinstance(value, Parameters):
        rules: dict[str, Any] = asdict(value)
        return rules | rules.pop("schedule")
    if isinstance(value, Raw):
        return {}
    if isinstance(value, ClientSet | tuple):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, bytes):
        return value.hex()
    return int(value) if isinstance(value, IntEnum) else value


def good_entry(case: Case) -> dict[str, Any]:
    """A good frame as `frames_good.json` has it."""
    data = case.payload.encode()
    return {
        "name": case.name,
        "signer": case.signer,
        "direction": case.direction.name,
        "network": case.network,
        "client": case.client,
        "transmission_bit": case.notification is Notification.SUPERPOSITION,
        "timestamp_ms": NOW_MS,
        "notification": int(case.notification),
        "notification_name": case.notification.name,
        "fields": plain(case.payload),
        "data": data.hex(),
        "frame": case.signed().hex(),
    }


def good_file() -> dict[str, Any]:
    """The content of `frames_good.json`."""
    keys = {
        name: {"seed": key.seed.reveal().hex(), "public_key": key.public_key.hex()} for name, key in _SIGNERS.items()
    }
    return {"keys": keys, "frames": [good_entry(case) for case in GOOD]}
