"""The gateway's calibration log: what bears on the legal time of its readings, for its owner and for an inspector.

Any process of the owner's account may read it while the agent runs. Its fields are those of BSI TR-03109-1: number,
time, level, text and outcome.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from smgw.core.events import Calibration, LogLevel, Outcome
from smgw.vault_file import VAULT_FILE, open_vault, understood


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry; numbers count up from 1 and are never given again."""

    number: int
    entry: Calibration

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.entry.time_ms / 1000, UTC).isoformat(" ", "milliseconds")
        return (
            f"{self.number:>6}  {moment}  {self.entry.level.name:<7}  {self.entry.outcome.name:<7}  {self.entry.text}"
        )


def read_calibration(home: Path, entries_max: int = 1_000) -> list[LogEntry]:
    """The last entries of the calibration log in this home directory, oldest first.

    Raises:
        HomeError: There is no vault, or it cannot be read.
    """
    path = home / VAULT_FILE
    query = "SELECT number, time_ms, level, text, outcome FROM calibration ORDER BY number DESC LIMIT ?"
    with closing(open_vault(path, "ro")) as db, understood(path):
        rows = db.execute(query, (entries_max,)).fetchall()
    return [_entry(*row) for row in reversed(rows)]


def _entry(number: int, time_ms: int, level: int, text: str, outcome: int) -> LogEntry:
    return LogEntry(number, Calibration(time_ms, LogLevel(level), text, Outcome(outcome)))


def tell(home: Path, say: Callable[[str], None]) -> None:
    """Say the calibration log line by line, for a person: number, time in UTC, level, outcome, text.

    Raises:
        HomeError: There is no vault, or it cannot be read.
    """
    entries = read_calibration(home)
    for entry in entries:
        say(str(entry))
    if not entries:
        say("The calibration log is empty: nothing was ever wrong with the clock of this gateway.")
