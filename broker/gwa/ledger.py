"""The administrator's books: every certificate that was issued, for which meter, and when and why it was revoked.

One JSON file, replaced as a whole (fsync, rename) for each command: a few hundred entries that a person writes a few
times a year, and may want to read without this program in ten years. Meters stand here and nowhere else: what is
issued, and everybody sees, only has the pseudonym.
"""

import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, ConfigDict, PlainSerializer, TypeAdapter, ValidationError

from broker.home import HomeError, explained, require_private, write_file
from common.certificates import Role, Subject

LEDGER_FILE: Final = "ledger.json"


def _octets(value: object) -> object:
    return binascii.unhexlify(value) if isinstance(value, str) else value


def _number(value: object) -> object:
    return int(value, 16) if isinstance(value, str) else value


_Hex = Annotated[bytes, BeforeValidator(_octets), PlainSerializer(bytes.hex, str)]
_Serial = Annotated[int, BeforeValidator(_number), PlainSerializer(lambda serial: f"{serial:x}", str)]


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate. Times are Unix milliseconds.

    Attributes:
        serial: Its serial number.
        role: Whom it is for.
        name: The pseudonym.
        region: A gateway's region, else empty.
        hosts: A broker's names and addresses.
        public_key: Its key, 32 bytes (Ed25519); a broker's 65 (P-256).
        meter: The gateway's meter by its identification; None for everybody else.
        issued_ms: When it was issued.
        expires_ms: When it ends.
        certificate: The certificate itself (DER).
        revoked_ms: When it was revoked.
        reason: Why.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    serial: _Serial
    role: Role
    name: str
    region: str
    hosts: tuple[str, ...]
    public_key: _Hex
    meter: str | None
    issued_ms: int
    expires_ms: int
    certificate: _Hex
    revoked_ms: int | None = None
    reason: str = ""

    @property
    def subject(self) -> Subject:
        """Whom it names."""
        return Subject(self.role, self.name, self.region)

    def is_valid(self, now_ms: int) -> bool:
        """Tell whether it is neither revoked nor expired."""
        return self.revoked_ms is None and now_ms <= self.expires_ms


@dataclass(frozen=True, slots=True)
class Ledger:
    """The books: all entries in the order in which they were issued, and the number of the last revocation list."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    entries: tuple[Entry, ...] = ()
    list_number: int = 0
    written_ms: int = 0
    version: Literal[1] = 1

    def valid(self, now_ms: int) -> list[Entry]:
        """The last valid certificate of each party."""
        last = {entry.name: entry for entry in self.entries if entry.is_valid(now_ms)}
        return list(last.values())

    def counts(self, now_ms: int) -> Mapping[str, int]:
        """How many gateways of each region have a valid certificate."""
        regions = [entry.region for entry in self.valid(now_ms) if entry.role is Role.GATEWAY]
        return {region: regions.count(region) for region in sorted(set(regions))}

    def revoked(self) -> Mapping[int, int]:
        """Serial of each revoked certificate, and since when it is."""
        return {entry.serial: entry.revoked_ms for entry in self.entries if entry.revoked_ms is not None}

    def of(self, name: str) -> Sequence[Entry]:
        """All certificates of this name."""
        return [entry for entry in self.entries if entry.name == name]


_LEDGER: Final = TypeAdapter(Ledger)


def load_ledger(directory: Path) -> Ledger:
    """Read the books.

    Raises:
        HomeError: They cannot be read, are damaged, or others may read them.
    """
    path = directory / LEDGER_FILE
    require_private(path)
    with explained(path):
        octets = path.read_bytes()
    try:
        return _LEDGER.validate_json(octets)
    except (ValidationError, binascii.Error) as error:
        raise HomeError(
            f"The administrator's books {path} are damaged, or of another release. Restore them from a backup."
        ) from error


def save_ledger(directory: Path, ledger: Ledger) -> None:
    """Write the books; they are on the disk, whole, when this returns.

    Raises:
        HomeError: They cannot be written.
    """
    write_file(directory / LEDGER_FILE, _LEDGER.dump_json(ledger, indent=1) + b"\n")
