"""Frames taken apart for people: each field with its name, its value and what it means."""

from collections.abc import Callable, Collection
from typing import Final

from common.frames import Frame, Notification
from common.identifiers import EVERYONE, NO_NETWORK
from common.payloads import (
    Assigned,
    ClockAnswer,
    Correction,
    Entered,
    ExitConfirmed,
    Holdings,
    Registration,
    Rejected,
    Resumed,
    RoundFinal,
    require_empty,
)
from common.signing import Direction
from launcher.certificate_fields import certificate_fields, revocation_fields
from launcher.fields import Field, clients_field, moment, tunnels_field
from launcher.roster_fields import (
    departed_fields,
    drawn_fields,
    leaves_fields,
    roster_fields,
    tunnel_fields,
    tunnel_open_fields,
)
from launcher.suite_fields import hold_fields, order_fields, release_fields, superposition_fields


def header_fields(frame: Frame) -> list[Field]:
    """The fields before the data."""
    return [
        Field("network", frame.network, note="none yet" if frame.network == NO_NETWORK else ""),
        Field("client", frame.client, note="everyone, or none yet" if frame.client == EVERYONE else ""),
        Field("transmission_bit", frame.transmission_bit),
        moment("timestamp_ms", frame.timestamp_ms),
        Field("notification", int(frame.notification), note=frame.notification.name),
        Field("data_length", len(frame.data), "bytes"),
    ]


def data_fields(frame: Frame, directions: Collection[Direction] = tuple(Direction)) -> list[Field]:
    """The fields of the data.

    Args:
        frame: The frame.
        directions: Who may have signed it; only of CLOCK the data depends on that.

    Raises:
        RefusedError: BAD_DATA.
    """
    if frame.notification is Notification.CLOCK:
        return _clock(frame.data, directions)
    return _READERS[frame.notification](frame.data)


def _registration(data: bytes) -> list[Field]:
    it = Registration.decode(data)
    return [
        Field("draw_root", it.draw_root.hex(), note="commits to the draw values"),
        *certificate_fields(it.certificate),
    ]


def _assigned(data: bytes) -> list[Field]:
    return [Field("public_key", Assigned.decode(data).public_key.hex(), note="to whom the client identifier belongs")]


def _entered(data: bytes) -> list[Field]:
    it = Entered.decode(data)
    return [
        tunnels_field("standing", it.standing, "a seed is stored at both ends"),
        tunnels_field("failed", it.failed, "no seed was agreed"),
    ]


def _holdings(data: bytes) -> list[Field]:
    edges = [
        f"{edge.tunnel:016x} with client {edge.peer}, {'started' if edge.is_started else 'not started'}"
        for edge in Holdings.decode(data).edges
    ]
    return [Field("edges", edges, note=f"{len(edges)} seeds held")]


def _resumed(data: bytes) -> list[Field]:
    return [tunnels_field("started", Resumed.decode(data).started, "as the provider has them")]


def _exit_confirmed(data: bytes) -> list[Field]:
    return [Field("leaver", ExitConfirmed.decode(data).leaver, note="client whose seed is erased")]


def _rejected(data: bytes) -> list[Field]:
    it = Rejected.decode(data)
    return [
        Field("refused", int(it.notification), note=it.notification.name),
        Field("reason", int(it.reason), note=f"{it.reason.name}: {it.reason.sentence}"),
    ]


def _correction(data: bytes) -> list[Field]:
    it = Correction.decode(data)
    head = order_fields(it.suite, it.round, it.view)
    return [*head, Field("attempt", it.attempt), clients_field("missing", it.missing)]


def _final(data: bytes) -> list[Field]:
    it = RoundFinal.decode(data)
    is_span = it.void_from < it.round
    return [
        *order_fields(it.suite, it.round, it.view),
        Field("void_from", it.void_from, note="closes the rounds from here on too" if is_span else "its own round"),
        Field("epoch", it.epoch, note="of the roster in force in the next round"),
        Field("root", it.root.hex(), note="of that roster"),
        clients_field("included", it.included),
        clients_field("expected", it.expected),
        tunnels_field("started", it.started, "masks used from the next round on"),
    ]


def _clock(data: bytes, directions: Collection[Direction]) -> list[Field]:
    """A gateway's question is empty; the provider's answer repeats when it was asked."""
    if Direction.DOWN not in directions or (not data and Direction.UP in directions):
        return _nothing(data)
    return [moment("asked_ms", ClockAnswer.decode(data).asked_ms)]


def _nothing(data: bytes) -> list[Field]:
    require_empty(data)
    return []


_READERS: Final[dict[Notification, Callable[[bytes], list[Field]]]] = {
    Notification.REGISTER: _registration,
    Notification.ENTERED: _entered,
    Notification.EXIT: _nothing,
    Notification.CORRECTION: _correction,
    Notification.SUPERPOSITION: superposition_fields,
    Notification.ROSTER: roster_fields,
    Notification.FINAL: _final,
    Notification.RELEASE: release_fields,
    Notification.TUNNEL: tunnel_fields,
    Notification.EMERGENCY: _holdings,
    Notification.EXIT_CONFIRMED: _exit_confirmed,
    Notification.ASSIGNED: _assigned,
    Notification.TUNNEL_OPEN: tunnel_open_fields,
    Notification.RESUME: _holdings,
    Notification.RESUMED: _resumed,
    Notification.REFUSED: _rejected,
    Notification.REVOCATIONS: revocation_fields,
    Notification.LEAVES: leaves_fields,
    Notification.DRAWN: drawn_fields,
    Notification.DEPARTED: departed_fields,
    Notification.HOLD: hold_fields,
}
