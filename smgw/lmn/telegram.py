"""Makes SML telegrams as a household meter sends them, for the demo's meter emulator and the tests.

Source: BSI TR-03109-1, Feinspezifikation Drahtgebundene LMN-Schnittstelle Teil B (SML,
transport version 1); checksum CRC-16/X-25, low byte first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from smgw.lmn.source import RegisterSample

IMPORT_TOTAL: Final = bytes((1, 0, 1, 8, 0, 255))
IMPORT_TARIFF_1: Final = bytes((1, 0, 1, 8, 1, 255))
IMPORT_TARIFF_2: Final = bytes((1, 0, 1, 8, 2, 255))
EXPORT_TOTAL: Final = bytes((1, 0, 2, 8, 0, 255))
POWER: Final = bytes((1, 0, 16, 7, 0, 255))
DEVICE_ID: Final = bytes((1, 0, 96, 1, 0, 255))
UNIT_W: Final = 27
UNIT_WH: Final = 30

_ESCAPE: Final = b"\x1b" * 4
_START: Final = _ESCAPE + b"\x01" * 4
_OMITTED: Final = b"\x01"
_FILE_ID: Final = b"\x00\x00\x00\x01"
_OPEN_RESPONSE, _GET_LIST_RESPONSE, _CLOSE_RESPONSE = 0x0101, 0x0701, 0x0201


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of the list: `value` times 10**`scaler`, in `unit` (DLMS number; None to leave unit and scaler out)."""

    obis: bytes
    value: int | bytes
    unit: int | None = None
    scaler: int = 0


def entries_of(sample: RegisterSample) -> list[Entry]:
    """The entries a meter with 0.1 Wh resolution would send for these registers."""
    entries = [Entry(IMPORT_TOTAL, sample.import_dwh, UNIT_WH, -1)]
    if sample.export_dwh is not None:
        entries.append(Entry(EXPORT_TOTAL, sample.export_dwh, UNIT_WH, -1))
    if sample.power_w is not None:
        entries.append(Entry(POWER, sample.power_w, UNIT_W))
    return entries


def encode_telegram(entries: Sequence[Entry], device_id: bytes, uptime_s: int) -> bytes:
    """A whole telegram: escape sequences, open, list and close messages, padding, checksum."""
    open_body = _list(_OMITTED, _OMITTED, _octets(_FILE_ID), _octets(device_id), _OMITTED, _OMITTED)
    list_body = _list(
        _OMITTED,
        _octets(device_id),
        _OMITTED,
        _list(_unsigned(1, 1), _unsigned(uptime_s & 0xFFFFFFFF, 4)),
        _list(*(_entry(entry) for entry in entries)),
        _OMITTED,
        _OMITTED,
    )
    messages = (
        _message(1, _OPEN_RESPONSE, open_body),
        _message(2, _GET_LIST_RESPONSE, list_body),
        _message(3, _CLOSE_RESPONSE, _list(_OMITTED)),
    )
    return frame(b"".join(messages))


def frame(messages: bytes) -> bytes:
    """Messages in the transport frame of version 1."""
    padding = -len(messages) % 4
    body = (messages + bytes(padding)).replace(_ESCAPE, _ESCAPE * 2)
    checked = _START + body + _ESCAPE + b"\x1a" + bytes((padding,))
    return checked + crc16_x25(checked)


def crc16_x25(octets: bytes) -> bytes:
    """CRC-16/X-25 of the octets, low byte first."""
    crc = 0xFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = (crc >> 1) ^ (0x8408 if crc & 1 else 0)
    return (crc ^ 0xFFFF).to_bytes(2, "little")


def _message(number: int, kind: int, body: bytes) -> bytes:
    choice = _list(_unsigned(kind, 2), body)
    head = b"\x76" + _octets(bytes((number,))) + _unsigned(0, 1) + _unsigned(0, 1) + choice
    return head + b"\x63" + crc16_x25(head) + b"\x00"


def _entry(entry: Entry) -> bytes:
    unit = _OMITTED if entry.unit is None else _unsigned(entry.unit, 1)
    scaler = _OMITTED if entry.unit is None else b"\x52" + entry.scaler.to_bytes(1, "big", signed=True)
    return _list(_octets(entry.obis), _OMITTED, _OMITTED, unit, scaler, _value(entry.value), _OMITTED)


def _value(value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return _octets(value)
    if value < 0:
        return b"\x59" + value.to_bytes(8, "big", signed=True)
    return _unsigned(value, 8)


def _unsigned(value: int, size: int) -> bytes:
    return bytes((0x60 + size + 1,)) + value.to_bytes(size, "big")


def _octets(octets: bytes) -> bytes:
    return _type_length(0x00, len(octets), counts_itself=True) + octets


def _list(*fields: bytes) -> bytes:
    return _type_length(0x70, len(fields), counts_itself=False) + b"".join(fields)


def _type_length(kind: int, length: int, *, counts_itself: bool) -> bytes:
    """The type-length field; a second byte carries the low four bits when one byte is too short."""
    if length + counts_itself < 16:
        return bytes((kind + length + counts_itself,))
    total = length + 2 * counts_itself
    return bytes((0x80 + kind + (total >> 4), total & 0x0F))
