"""One field of a frame as people see it, and how numbers, times and sets are shown in one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from common.clients import ClientSet
from common.identifiers import TunnelId
from common.suites import SUITES

Value = int | str | bool | list[int] | list[str]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a frame. `unit` and `note` are empty when there is nothing to add."""

    name: str
    value: Value
    unit: str = ""
    note: str = ""


def utc(timestamp_ms: int) -> str:
    """A time in UTC; frames may hold any number."""
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return "not a time"


def moment(name: str, timestamp_ms: int) -> Field:
    """A time in Unix milliseconds, and in UTC beside it."""
    return Field(name, timestamp_ms, "ms", utc(timestamp_ms))


def suite_field(code: int) -> Field:
    """The number of a suite, and its name."""
    return Field("suite", code, note=SUITES[code].name if code in SUITES else "not known to this program")


def tunnel_field(tunnel: TunnelId) -> Field:
    """The name of a tunnel."""
    return Field("tunnel", f"{tunnel:016x}")


def tunnels_field(name: str, tunnels: Iterable[TunnelId], note: str) -> Field:
    """The names of several tunnels."""
    return Field(name, [f"{tunnel:016x}" for tunnel in tunnels], note=note)


def clients_field(name: str, clients: ClientSet) -> Field:
    """The numbers of several clients."""
    return Field(name, [int(client) for client in clients], note=f"{len(clients)} clients")
