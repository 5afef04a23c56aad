"""The owner's ledger: the true reading of each round beside the frame that left the house.

Any process of the owner's account may read it while the agent runs. Source: docs/protocol.md, thesis rule 4 (the
bill is computed on the gateway, and loses nothing).
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from common.identifiers import NetworkId, RoundNumber
from smgw.core.reading import Reading, ReadingStatus
from smgw.vault_file import VAULT_FILE, open_vault, understood

_SELECT: Final = """
SELECT sent.network, sent.round, attempt, import_dwh, export_dwh, status, frame, is_included
FROM sent LEFT JOIN closed ON closed.network = sent.network AND closed.round = sent.round
WHERE NOT EXISTS (
    SELECT 1 FROM sent AS later
    WHERE later.network = sent.network AND later.round = sent.round AND later.attempt > sent.attempt
)
ORDER BY sent.number DESC LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One round in which the gateway sent: its reading, and the last frame that left, of correction `attempt`.

    `is_included` is None while no FINAL has closed the round.
    """

    network: NetworkId
    round: RoundNumber
    attempt: int
    reading: Reading
    frame: bytes
    is_included: bool | None


def read_ledger(home: Path, rounds_max: int = 96) -> list[LedgerEntry]:
    """The last rounds in which the gateway of this home directory sent, oldest first.

    Raises:
        HomeError: There is no vault, or it cannot be read.
    """
    path = home / VAULT_FILE
    with closing(open_vault(path, "ro")) as db, understood(path):
        rows = db.execute(_SELECT, (rounds_max,)).fetchall()
    return [_entry(row) for row in reversed(rows)]


def _entry(row: tuple[int, int, int, int, int, str, bytes, int | None]) -> LedgerEntry:
    network, number, attempt, import_dwh, export_dwh, status, frame, is_included = row
    reading = Reading(RoundNumber(number), import_dwh, export_dwh, ReadingStatus[status])
    included = None if is_included is None else bool(is_included)
    return LedgerEntry(NetworkId(network), reading.round, attempt, reading, frame, included)
