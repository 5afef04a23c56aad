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
    Correction,
    Entered,
    ExitConfirmed,
    HeldEdge,
    Holdings,
    Registration,
    Rejected,
    Resumed,
    Role,
    RoundFinal,
    Superposition,
    TunnelMessage,
    TunnelOpen,
)
from common.refusal import Refusal
from common.schedule import Schedule
from common.secret import Secret
from common.signing import Direction, Identity
from common.suites import BASIC, fingerprint

GATEWAY: Final = Identity(Secret(bytes(range(32))))
NEIGHBOR: Final = Identity(Secret(bytes(range(32, 64))))
PROVIDER: Final = Identity(Secret(bytes(range(64, 96))))
_SIGNERS: Final = {"gateway": GATEWAY, "neighbor": NEIGHBOR, "provider": PROVIDER}

NETWORK: Final = NetworkId(7)
CLIENT: Final = ClientId(3)
NOW_MS: Final = 1_767_225_600_123
ROUND: Final = RoundNumber(1_963_584)
VIEW: Final = bytes.fromhex("0011223344556677")
DEMO: Final = Parameters(1, "north-1", Schedule(10_000, 2_000, 1_000, 1_500, 3))
LARGE: Final = Parameters(1, "a", Schedule(900_000, 60_000, 9_000, 30_000, 3), 50, 6, 8, 32)


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
class Roster:
    """The data of a ROSTER frame."""

    epoch: int
    parameters: Parameters

    def encode(self) -> bytes:
        """The data field."""
        return self.parameters.encode(self.epoch)

    def fields(self) -> dict[str, Any]:
        """Parameters and schedule in one flat object."""
        flat: dict[str, Any] = {"epoch": self.epoch} | asdict(self.parameters)
        schedule: dict[str, Any] = flat.pop("schedule")
        return flat | schedule


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


def _clients(*clients: int) -> ClientSet:
    return ClientSet.of(ClientId(client) for client in clients)


_EDGES: Final = (
    HeldEdge(TunnelId(2**64 - 1), ClientId(9), True),
    HeldEdge(TunnelId(1), ClientId(2**32 - 1), False),
)
_TUNNELS: Final = (TunnelId(0x0102030405060708), TunnelId(2**63))
_VOID: Final = RoundFinal(
    1, ROUND, VIEW, RoundNumber(ROUND - 4), _clients(1, 3, 8, 200), _clients(1, 2, 3, 8, 200), _TUNNELS
)
_FIRST: Final = RoundFinal(1, RoundNumber(0), NO_VIEW, RoundNumber(0), ClientSet(), _clients(1, 2, 3), ())

N: Final = Notification
GOOD: Final = (
    Case("register", "gateway", N.REGISTER,
         Registration(GATEWAY.public_key, "north-1", "gw-0001"), NO_NETWORK, EVERYONE),
    Case("register_names_of_one_and_32_characters", "gateway", N.REGISTER,
         Registration(GATEWAY.public_key, "a", "z" * 32), NO_NETWORK, EVERYONE),
    Case("entered", "gateway", N.ENTERED, Entered(_TUNNELS, (TunnelId(5),))),
    Case("entered_with_nothing", "gateway", N.ENTERED, Entered((), ())),
    Case("exit", "gateway", N.EXIT, Raw()),
    Case("correction", "provider", N.CORRECTION,
         Correction(1, ROUND, VIEW, 2, _clients(1, 7, 8, 300)), client=EVERYONE),
    Case("superposition", "gateway", N.SUPERPOSITION, _order(0x0123456789ABCDEF, 42, 0, [1, 2, 9])),
    Case("superposition_corrected_of_high_words", "neighbor", N.SUPERPOSITION, _order(-1, -(2**63), 1, [1, 2]),
         NetworkId(2**32 - 1), ClientId(2**32 - 1)),
    Case("roster", "provider", N.ROSTER, Roster(4, DEMO), client=EVERYONE),
    Case("final_of_a_first_round", "provider", N.FINAL, _FIRST, client=EVERYONE),
    Case("final_after_an_outage", "provider", N.FINAL, _VOID, client=EVERYONE),
    Case("release", "gateway", N.RELEASE, Raw()),
    Case("tunnel", "gateway", N.TUNNEL, TunnelMessage(TunnelId(2**63 + 1), 1, bytes(range(32)))),
    Case("tunnel_with_an_empty_body", "neighbor", N.TUNNEL, TunnelMessage(TunnelId(0), 255, b""), client=ClientId(9)),
    Case("emergency", "gateway", N.EMERGENCY, Holdings(_EDGES[:1])),
    Case("exit_confirmed_by_a_neighbor", "neighbor", N.EXIT_CONFIRMED, ExitConfirmed(ClientId(3)), client=ClientId(9)),
    Case("exit_confirmed_by_the_provider", "provider", N.EXIT_CONFIRMED, ExitConfirmed(ClientId(3))),
    Case("assigned", "provider", N.ASSIGNED, Assigned(GATEWAY.public_key)),
    Case("tunnel_open_to_the_initiator", "provider", N.TUNNEL_OPEN,
         TunnelOpen(TunnelId(2**63 + 1), Role.INITIATOR, NEIGHBOR.public_key)),
    Case("tunnel_open_to_the_responder", "provider", N.TUNNEL_OPEN,
         TunnelOpen(TunnelId(2**63 + 1), Role.RESPONDER, GATEWAY.public_key), client=ClientId(9)),
    Case("resume", "gateway", N.RESUME, Holdings(_EDGES)),
    Case("resume_with_nothing", "gateway", N.RESUME, Holdings(())),
    Case("resumed", "provider", N.RESUMED, Resumed(_TUNNELS)),
    Case("refused", "provider", N.REFUSED, Rejected(N.REGISTER, Refusal.NAME_TAKEN), NO_NETWORK, EVERYONE),
)  # fmt: skip


def plain(value: object) -> object:
    """A value of the protocol as JSON: bytes in hexadecimal, a set as its ascending members, a code as its number."""
    if isinstance(value, Superposition):
        body = BASIC.body.unpack(value.body)
        basic = {"lanes": list(body[:3]), "attempt": body[3], "masks": body[4], "edges": body[5]}
        return {"suite": value.suite, "round": value.round, "view": value.view.hex()} | basic
    if isinstance(value, Roster):
        return value.fields()
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
