"""Frames as JSON, for people with MQTT Explorer. Off by default: it doubles the number of messages.

Each frame that arrives or leaves appears under `dcnet/1/<network>/decoded/<channel>/<name>`. The JSON holds what the
frame holds and nothing else; the lanes in it are as concealed as in the frame. It is made and sent behind the
provider's back: no other part reads it.
Source: docs/protocol.md, "Topics".
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from json import dumps
from typing import Any, Final, final

from broker.events import BusEvent, Message
from common import topics
from common.clients import ClientSet
from common.frames import Frame, Notification, decode
from common.payloads import (
    Assigned,
    ClockAnswer,
    Correction,
    Entered,
    ExitConfirmed,
    Hold,
    Holdings,
    Registration,
    Rejected,
    Release,
    Resumed,
    RoundFinal,
    Superposition,
)
from common.refusal import RefusedError
from common.roster import LeafPart, Roster
from common.sealing import Bits
from common.suites import SUITES
from common.tunnels import Departure, Drawn, TunnelMessage, TunnelOpen
from provider.aggregator import Exchange

EXPIRES_S: Final = 10
_EXACT_MAX: Final = 2**53
"""Whole numbers that JavaScript, and so MQTT Explorer, would round are written in hexadecimal."""

_SHOWN: Final[Mapping[Notification, Callable[[bytes], Any]]] = {
    Notification.REGISTER: Registration.decode,
    Notification.ENTERED: Entered.decode,
    Notification.CORRECTION: Correction.decode,
    Notification.FINAL: RoundFinal.decode,
    Notification.RELEASE: Release.decode,
    Notification.TUNNEL: TunnelMessage.decode,
    Notification.EMERGENCY: Holdings.decode,
    Notification.EXIT_CONFIRMED: ExitConfirmed.decode,
    Notification.ASSIGNED: Assigned.decode,
    Notification.TUNNEL_OPEN: TunnelOpen.decode,
    Notification.RESUME: Holdings.decode,
    Notification.RESUMED: Resumed.decode,
    Notification.REFUSED: Rejected.decode,
    Notification.ROSTER: Roster.decode,
    Notification.LEAVES: LeafPart.decode,
    Notification.DRAWN: Drawn.decode,
    Notification.DEPARTED: Departure.decode,
    Notification.HOLD: Hold.decode,
    Notification.CLOCK: lambda data: ClockAnswer.decode(data) if data else "",
    Notification.SUPERPOSITION: lambda data: _superposition(Superposition.decode(data)),
}


@final
class Mirrored:
    """A bus that shows every frame it carries. It takes the bus's place toward the aggregator."""

    def __init__(self, bus: Exchange) -> None:
        self._bus = bus

    async def next_batch(self, limit: int, timeout_s: float) -> list[BusEvent]:
        """See `Exchange`."""
        batch = await self._bus.next_batch(limit, timeout_s)
        for event in batch:
            if isinstance(event, Message):
                self._show(event.topic, event.payload)
        return batch

    def publish_soon(
        self, topic: str, payload: bytes, *, retain: bool = False, expires_in_s: float | None = None
    ) -> bool:
        """See `Exchange`."""
        self._show(topic, payload)
        return self._bus.publish_soon(topic, payload, retain=retain, expires_in_s=expires_in_s)

    def _show(self, topic: str, payload: bytes) -> None:
        try:
            where = topics.parse(topic)
        except RefusedError:
            return
        shown = f"{topics.ROOT}/{where.network}/decoded/{where.channel.value}/{where.name}"
        self._bus.publish_soon(shown, dumps(as_fields(payload)).encode(), expires_in_s=EXPIRES_S)


def as_fields(payload: bytes) -> dict[str, Any]:
    """A frame's fields under their names; of bytes that are no frame, the reason and the beginning in hexadecimal."""
    try:
        signed = decode(payload)
    except RefusedError as error:
        return {"refused": error.reason.sentence, "bytes": len(payload), "begins": payload[:64].hex()}
    frame = signed.frame
    return {
        "network": frame.network,
        "client": frame.client,
        "transmission_bit": frame.transmission_bit,
        "timestamp_ms": frame.timestamp_ms,
        "notification": frame.notification.name,
        "data": _data(frame),
        "signature": signed.signature.hex(),
    }


def _data(frame: Frame) -> Any:  # noqa: ANN401 -- JSON has no type of its own
    read = _SHOWN.get(frame.notification)
    try:
        return _plain(read(frame.data)) if read else frame.data.hex()
    except RefusedError:
        return frame.data.hex()


def _superposition(data: Superposition) -> dict[str, Any]:
    suite = SUITES.get(data.suite)
    return {
        "suite": data.suite,
        "round": data.round,
        "view": data.view,
        "body": suite.read(data.body) if suite else data.body,
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 -- JSON has no type of its own
    """Dataclasses as objects, bytes and large numbers in hexadecimal, sets of clients and bits as lists."""
    match value:
        case Enum():
            return value.name
        case bytes():
            return value.hex()
        case int() if value > _EXACT_MAX:
            return f"0x{value:016x}"
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case Bits():
            return list(value.positions)
        case ClientSet() | tuple():
            return [_plain(each) for each in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value
