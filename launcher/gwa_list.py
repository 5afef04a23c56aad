"""`dcnet gwa list`: the administrator's books as a table or as JSON. It needs no passphrase and no lock."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from broker.gwa.founding import require_office
from broker.gwa.ledger import Entry, Ledger, load_ledger
from launcher.gwa import Tell, for_a_person, now_ms

_HEADS: Final = ("name", "role", "region", "meter", "state", "until", "serial")


def show(directory: Path, as_json: bool, tell: Tell) -> None:
    """Say what was issued.

    Raises:
        LauncherError: The books cannot be read.
    """
    with for_a_person():
        require_office(directory)
        ledger = load_ledger(directory)
    moment_ms = now_ms()
    rows = [_row(entry, ledger, moment_ms) for entry in ledger.entries]
    if as_json:
        tell(json.dumps({"list_number": ledger.list_number, "certificates": rows}, indent=2))
        return
    for line in _table([[row[head] or "-" for head in _HEADS] for row in rows]):
        tell(line)
    counts = ledger.counts(moment_ms)
    regions = ", ".join(f"{region} {count}" for region, count in counts.items())
    tell(f"Revocation list no. {ledger.list_number}. Gateways with a valid certificate: {regions or 'none'}")


def _row(entry: Entry, ledger: Ledger, moment_ms: int) -> dict[str, str | None]:
    return {
        "name": entry.name,
        "role": entry.role.value,
        "region": entry.region or None,
        "meter": entry.meter,
        "state": _state(entry, ledger, moment_ms),
        "until": _date(entry.expires_ms),
        "serial": f"{entry.serial:x}",
        "issued": _date(entry.issued_ms),
        "key": entry.public_key.hex(),
        "revoked": None if entry.revoked_ms is None else _date(entry.revoked_ms),
        "reason": entry.reason or None,
    }


def _state(entry: Entry, ledger: Ledger, moment_ms: int) -> str:
    if entry.revoked_ms is not None:
        return f"revoked: {entry.reason}"
    if not entry.is_valid(moment_ms):
        return "expired"
    return "valid" if entry in ledger.valid(moment_ms) else "renewed"


def _date(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ")


def _table(rows: list[list[str]]) -> list[str]:
    """Columns as wide as they must be, with their heads; what a script reads is the JSON."""
    lines = [list(_HEADS), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADS))]
    return ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines]
