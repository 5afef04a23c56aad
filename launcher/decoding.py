"""Frames taken apart for people: each field with its name, its value and what it means."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from common import agreement
from common.clients import ClientSet
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, NO_NETWORK, TunnelId
from common.parameters import Parameters
from common.payloads import (
    Assigned,
    Correction,
    Entered,
    ExitConfirmed,
    Holdings,
    Registration,
    Rejected,
    Resumed,
    RoundFinal,
    Superposition,
    TunnelMessage,
    TunnelOpen,
)
from common.suites import BASIC, SUITES
from common.superposition import signed

MASKED: Final = "masked: says nothing about the reading by itself"

_STEPS: Final = {
    agreement.HELLO: "ephemeral key",
    agreement.REPLY: "ephemeral key, transcript, sealed client identifier",
    agreement.CONFIRM: "transcript, sealed client identifier and day",
    agreement.STORED: "sealed: the seed is stored",
}

Value = int | str | bool | list[int] | list[str]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a frame. `unit` and `note` are empty when there is nothing to add."""

    name: str
    value: Value
    unit: str = ""
    note: str = ""


def header_fields(frame: Frame) -> list[Field]:
    """The fields before the data."""
    return [
        Field("network", frame.network, note="none yet" if frame.network == NO_NETWORK else ""),
        Field("client", frame.client, note="everyone, or none yet" if frame.client == EVERYONE else ""),
        Field("transmission_bit", frame.transmission_bit),
        Field("timestamp_ms", frame.timestamp_ms, "ms", _utc(frame.timestamp_ms)),
        Field("notification", int(frame.notification), note=frame.notification.name),
        Field("data_length", len(frame.data), "bytes"),
    ]


def data_fields(frame: Frame) -> list[Field]:
    """The fields of the data.

    Raises:
        RefusedError: BAD_DATA.
    """
    return _READERS[frame.notification](frame.data)


def _utc(timestamp_ms: int) -> str:
    """A time in UTC; frames may hold any number."""
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return "not a time"


def _registration(data: bytes) -> list[Field]:
    it = Registration.decode(data)
    return [Field("public_key", it.public_key.hex()), Field("region", it.region), Field("name", it.name)]


def _assigned(data: bytes) -> list[Field]:
    return [Field("public_key", Assigned.decode(data).public_key.hex(), note="to whom the client identifier belongs")]


def _tunnel_open(data: bytes) -> list[Field]:
    it = TunnelOpen.decode(data)
    return [_tunnel(it.tunnel), Field("role", it.role.name.lower()), Field("peer_key", it.peer_key.hex())]


def _tunnel_message(data: bytes) -> list[Field]:
    it = TunnelMessage.decode(data)
    step = Field("step", it.step, note=_STEPS.get(it.step, "no step of the handshake"))
    return [_tunnel(it.tunnel), step, Field("body", it.body.hex(), note=f"{len(it.body)} bytes")]


def _entered(data: bytes) -> list[Field]:
    it = Entered.decode(data)
    return [
        _tunnels("standing", it.standing, "a seed is stored at both ends"),
        _tunnels("failed", it.failed, "no seed was agreed"),
    ]


def _holdings(data: bytes) -> list[Field]:
    edges = [
        f"{edge.tunnel:016x} with client {edge.peer}, {'started' if edge.is_started else 'not started'}"
        for edge in Holdings.decode(data).edges
    ]
    return [Field("edges", edges, note=f"{len(edges)} seeds held")]


def _resumed(data: bytes) -> list[Field]:
    return [_tunnels("started", Resumed.decode(data).started, "as the provider has them")]


def _exit_confirmed(data: bytes) -> list[Field]:
    return [Field("leaver", ExitConfirmed.decode(data).leaver, note="client whose seed is erased")]


def _rejected(data: bytes) -> list[Field]:
    it = Rejected.decode(data)
    return [
        Field("refused", int(it.notification), note=it.notification.name),
        Field("reason", int(it.reason), note=f"{it.reason.name}: {it.reason.sentence}"),
    ]


def _superposition(data: bytes) -> list[Field]:
    it = Superposition.decode(data)
    head = [_suite(it.suite), Field("round", it.round), Field("view", it.view.hex(), note="names the FINAL before")]
    if it.suite != BASIC.code:
        return [*head, Field("body", it.body.hex(), note="of a suite that this program does not know")]
    contribution = BASIC.read(it.body)
    masks = BASIC.body.unpack(it.body)[4]
    import_lane, export_lane, count_lane = signed(contribution.lanes)
    return [
        *head,
        Field("import_lane", import_lane, "0.1 Wh", MASKED),
        Field("export_lane", export_lane, "0.1 Wh", MASKED),
        Field("contributors_lane", count_lane, note=MASKED),
        Field("attempt", contribution.attempt, note="corrections answered"),
        Field("masks", masks, note="that cover the lanes"),
        Field("edges", f"{contribution.edges:016x}", note="fingerprint of their tunnels"),
    ]


def _correction(data: bytes) -> list[Field]:
    it = Correction.decode(data)
    head = [_suite(it.suite), Field("round", it.round), Field("view", it.view.hex(), note="names the FINAL before")]
    return [*head, Field("attempt", it.attempt), _clients("missing", it.missing)]


def _final(data: bytes) -> list[Field]:
    it = RoundFinal.decode(data)
    is_span = it.void_from < it.round
    return [
        _suite(it.suite),
        Field("round", it.round),
        Field("view", it.view.hex(), note="names the FINAL before"),
        Field("void_from", it.void_from, note="closes the rounds from here on too" if is_span else "its own round"),
        _clients("included", it.included),
        _clients("expected", it.expected),
        _tunnels("started", it.started, "masks used from the next round on"),
    ]


def _roster(data: bytes) -> list[Field]:
    epoch, it = Parameters.decode(data)
    return [
        _suite(it.suite),
        Field("epoch", epoch),
        Field("region", it.region),
        Field("period_ms", it.schedule.period_ms, "ms"),
        Field("window_ms", it.schedule.window_ms, "ms", "frames leave within"),
        Field("grace_ms", it.schedule.grace_ms, "ms", "they are awaited longer"),
        Field("correction_ms", it.schedule.correction_ms, "ms", "limit of a correction"),
        Field("attempts_max", it.schedule.attempts_max, note="corrections in a round"),
        Field("members_min", it.members_min, note="fewer, no round"),
        Field("masks_min", it.masks_min, note="no reading leaves under fewer"),
        Field("draws", it.draws, note="neighbors that each gateway draws"),
        Field("degree_max", it.degree_max, note="neighbors that a gateway may have"),
    ]


def _raw(data: bytes) -> list[Field]:
    return [Field("data", data.hex(), note="without fields")] if data else []


def _suite(code: int) -> Field:
    return Field("suite", code, note=SUITES[code].name if code in SUITES else "not known to this program")


def _tunnel(tunnel: TunnelId) -> Field:
    return Field("tunnel", f"{tunnel:016x}")


def _tunnels(name: str, tunnels: Iterable[TunnelId], note: str) -> Field:
    return Field(name, [f"{tunnel:016x}" for tunnel in tunnels], note=note)


def _clients(name: str, clients: ClientSet) -> Field:
    return Field(name, [int(client) for client in clients], note=f"{len(clients)} clients")


_READERS: Final[dict[Notification, Callable[[bytes], list[Field]]]] = {
    Notification.REGISTER: _registration,
    Notification.ENTERED: _entered,
    Notification.EXIT: _raw,
    Notification.CORRECTION: _correction,
    Notification.SUPERPOSITION: _superposition,
    Notification.ROSTER: _roster,
    Notification.FINAL: _final,
    Notification.RELEASE: _raw,
    Notification.TUNNEL: _tunnel_message,
    Notification.EMERGENCY: _holdings,
    Notification.EXIT_CONFIRMED: _exit_confirmed,
    Notification.ASSIGNED: _assigned,
    Notification.TUNNEL_OPEN: _tunnel_open,
    Notification.RESUME: _holdings,
    Notification.RESUMED: _resumed,
    Notification.REFUSED: _rejected,
}
