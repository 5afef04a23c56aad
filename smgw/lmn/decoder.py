"""From the bytes of the infrared head to registers: finds telegrams, skips broken ones, reads the OBIS values.

The pysml library decodes; its own transport is not used (it starts tasks that nobody owns).
"""

import logging
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sml import SmlBase, SmlGetListResponse, SmlParserError

# At DEBUG the library prints whole telegrams, and with them the device id, which must not reach any log.
logging.getLogger("sml").setLevel(logging.WARNING)

_BUFFER_MAX: Final = 16 * 1024
_TELEGRAM_START: Final = b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01"
_TELEGRAM_END: Final = b"\x1b\x1b\x1b\x1b\x1a"
_KWH_IN_DWH: Final = 10_000
_REGISTER_MAX_DWH: Final = 10**15
"""The library hands out floats, which hold decimals of 15 digits exactly and no longer ones. It is 100 TWh."""

# What the library raises for telegrams with a right checksum and wrong contents; it checks no structure itself.
_UNREADABLE: Final = (
    SmlParserError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class MeterValues:
    """The values of one telegram; registers in 0.1 Wh, floored."""

    import_dwh: int
    export_dwh: int | None
    power_w: int | None

    @property
    def is_locked(self) -> bool:
        """Whether the meter hides its precise values: whole kWh, and no power."""
        return self.power_w is None and self.import_dwh % _KWH_IN_DWH == 0


class TelegramDecoder:
    """Takes bytes as they come and gives values as telegrams are complete.

    Attributes:
        refused: how many telegrams were broken.
        without_import: how many whole ones had no import register, as those of generation meters.
    """

    def __init__(self) -> None:
        self.refused = 0
        self.without_import = 0
        self._buffer = b""

    def feed(self, data: bytes) -> list[MeterValues]:
        """Values of the telegrams that these bytes complete, oldest first."""
        self._buffer += data
        result: list[MeterValues] = []
        while self._buffer:
            try:
                end, messages = SmlBase.find_frame(self._buffer)
            except _UNREADABLE:
                self.refused += 1
                self._buffer = self._buffer[self._buffer.rfind(_TELEGRAM_END) + len(_TELEGRAM_END) :]
                break
            consumed, self._buffer = self._buffer[:end], self._buffer[end:]
            self.refused += consumed.count(_TELEGRAM_END) - (messages is not None)
            if messages is None:
                break
            values = [_values(body) for message in messages if (body := _list_of(message)) is not None]
            result += [value for value in values if value is not None]
            self.without_import += values.count(None)
        self._trim()
        return result

    def restart(self) -> None:
        """Forget a half-read telegram: the next bytes come from a port opened anew."""
        self._buffer = b""

    def _trim(self) -> None:
        """Bound the buffer against garbage without an end; keep what may be the start of a telegram."""
        if len(self._buffer) > _BUFFER_MAX:
            start = self._buffer.rfind(_TELEGRAM_START)
            self._buffer = self._buffer[max(start, len(self._buffer) - _BUFFER_MAX // 2) :]


def _list_of(message: dict[str, Any]) -> dict[str, Any] | None:
    body = message.get("messageBody")
    return body if isinstance(body, SmlGetListResponse) else None


def _values(body: dict[str, Any]) -> MeterValues | None:
    """The values of a list; None without an import register."""
    entries = {entry.get("objName"): entry for entry in body.get("valList", [])}
    import_dwh = _register_dwh(entries, 1)
    if import_dwh is None:
        return None
    power = _number(entries, "1-0:16.7.0*255", "W")
    return MeterValues(import_dwh, _register_dwh(entries, 2), None if power is None else int(power))


def _register_dwh(entries: dict[Any, dict[str, Any]], direction: int) -> int | None:
    """Total register of a direction (1 import, 2 export), or its tariff registers added up when it is missing."""
    total = _number(entries, f"1-0:{direction}.8.0*255", "Wh")
    if total is None:
        numbers = [_number(entries, f"1-0:{direction}.8.{tariff}*255", "Wh") for tariff in (1, 2)]
        tariffs = [number for number in numbers if number is not None]
        total = sum(tariffs, Decimal(0)) if tariffs else None
    if total is None or not 0 <= total * 10 < _REGISTER_MAX_DWH:
        return None
    return int(total * 10)


def _number(entries: dict[Any, dict[str, Any]], obis: str, unit: str) -> Decimal | None:
    """A value as the exact decimal number the meter sent.

    The library hands out scaled floats; the shortest text of such a float is the decimal it was made from.
    """
    entry = entries.get(obis, {})
    value = entry.get("value")
    if entry.get("unit") != unit or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Decimal(repr(value))
