"""What a round's sum must be: the readings that the included gateways wrote into their own vaults.

Only a launcher on the same machine can know this. It takes who is included from the provider's signed FINAL, and what
they metered from their ledgers; the provider sees none of it.
"""

import asyncio
import logging
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.home import HomeError
from common.clients import ClientSet
from common.frames import decode
from common.identifiers import ClientId, NetworkId, RoundNumber
from smgw.core.reading import Reading
from smgw.ledger import read_ledger
from smgw.vault_file import VAULT_FILE

log = logging.getLogger(__name__)

_ROUNDS_BACK: Final = 32
_RECORDS_WITHIN_S: Final = 3
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class TrueSum:
    """What the included gateways metered, in 0.1 Wh, and how many of them had a valid reading.

    `unknown` are those who have no record of the round: the sum is then not known.
    """

    import_dwh: int
    export_dwh: int
    contributors: int
    unknown: frozenset[ClientId]


async def true_sum(homes: Iterable[Path], network: NetworkId, round_: RoundNumber, included: ClientSet) -> TrueSum:
    """Add up the readings of the included.

    A gateway keeps its record before it sends, so all are there when the round is closed. A vault that is being written
    to, or whose gateway was killed while it wrote, may take another look; what is missing after 3 s stays unknown.
    """
    vaults = list(homes)
    give_up_s = time.monotonic() + _RECORDS_WITHIN_S
    while True:
        found = await asyncio.to_thread(_add_up, vaults, network, round_, included)
        if not found.unknown or time.monotonic() > give_up_s:
            return found
        await asyncio.sleep(_POLL_S)


def _add_up(homes: list[Path], network: NetworkId, round_: RoundNumber, included: ClientSet) -> TrueSum:
    readings: dict[ClientId, Reading] = {}
    for home in homes:
        for client, reading in _readings(home, network, round_):
            if client in included:
                readings[client] = reading
    valid = [reading for reading in readings.values() if reading.is_valid]
    return TrueSum(
        sum(reading.import_dwh for reading in valid),
        sum(reading.export_dwh for reading in valid),
        len(valid),
        frozenset(included) - readings.keys(),
    )


def _readings(home: Path, network: NetworkId, round_: RoundNumber) -> list[tuple[ClientId, Reading]]:
    """The gateway's reading of this round, with the client identifier that it had then; nothing when it sent none."""
    if not (home / VAULT_FILE).exists():
        return []
    try:
        entries = read_ledger(home, _ROUNDS_BACK)
    except HomeError:
        entries = []
        with tempfile.TemporaryDirectory(prefix="dcnet-vault-") as copy:
            if _recover(home, Path(copy)):
                entries = read_ledger(Path(copy), _ROUNDS_BACK)
    return [
        (decode(entry.frame).frame.client, entry.reading)
        for entry in entries
        if entry.network == network and entry.round == round_
    ]


def _recover(home: Path, copy: Path) -> bool:
    """Copy a vault whose gateway was killed while it wrote, and let SQLite roll the copy back to the last commit.

    The vault itself is not touched: its gateway does that when it returns.
    """
    try:
        for name in (VAULT_FILE, f"{VAULT_FILE}-journal"):
            if (home / name).exists():
                shutil.copy(home / name, copy / name)
        with closing(sqlite3.connect(copy / VAULT_FILE)) as db:
            return bool(db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except (OSError, sqlite3.DatabaseError) as error:
        log.info("the vault in %s cannot be read now: %s", home, error)
        return False
