"""What the provider remembers, in one SQLite file. Stored means: on the disk (fsync) when `apply` returns.

Write-ahead log with `synchronous = FULL`: one fsync for each transaction instead of the three or four of a rollback
journal, and whoever reads the file meanwhile (a dashboard, `sqlite3` in a terminal) never blocks the provider.
Source: docs/protocol.md, "Rounds"; sqlite.org/wal.html; sqlite.org/pragma.html#pragma_synchronous.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self, assert_never

from broker.home import HomeError, explained, require_private
from broker.pace import OncePerMinute
from common.identifiers import NetworkId, RoundNumber
from provider import schema
from provider.core.events import (
    EdgeRecord,
    EdgeRemoved,
    FinalRecord,
    MemberRecord,
    PendingRecord,
    Record,
    RosterRecord,
    RoundResult,
    StoreContents,
)

log = logging.getLogger(__name__)

FINALS_KEPT: Final = 1_000
"""How many of a network's FINAL frames stay; only the last one is needed, the others are evidence."""

_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


@dataclass(frozen=True, slots=True)
class Charter:
    """What never changes about a network: a new period would renumber its rounds, a new key lock its gateways out."""

    network: NetworkId
    region: str
    suite: int
    period_ms: int
    provider_key: bytes


class Store:
    """The tables of `provider.schema`; open inside the context, callable from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._guard = threading.Lock()
        self._quiet = OncePerMinute()

    def __enter__(self) -> Self:
        with explained(self.path):
            self.path.touch(0o600)
        require_private(self.path)
        with self._explained("opened"):
            self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5)
            self._db.row_factory = sqlite3.Row
        try:
            with self._explained("opened"):
                self._prepare()
        except BaseException:
            self._db.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._guard:
            self._db.close()

    def charter(self, charter: Charter) -> None:
        """Found a network, or make sure that it is still the one that was founded.

        Raises:
            HomeError: The settings contradict the store.
        """
        with self._transaction("written"):
            row = self._db.execute("SELECT * FROM network WHERE network = ?", (charter.network,)).fetchone()
            if row is None:
                self._found(charter)
            elif tuple(row) != astuple(charter):
                raise HomeError(self._contradiction(Charter(*row), charter))

    def apply(self, records: Iterable[Record]) -> None:
        """Keep all of `records`, or none. Keeping one a second time changes nothing.

        Raises:
            HomeError: The disk is full, the file damaged, or a second FINAL or roster would replace the first.
        """
        with self._transaction("written"):
            for record in records:
                self._keep(record)

    def load(self, network: NetworkId) -> StoreContents:
        """What is remembered of one network.

        Raises:
            HomeError: The file cannot be read.
        """
        with self._guard, self._explained("read"):
            members = self._db.execute("SELECT * FROM member WHERE network = ? ORDER BY client", (network,)).fetchall()
            edges = self._db.execute("SELECT * FROM edge WHERE network = ? ORDER BY tunnel", (network,)).fetchall()
            rosters = self._db.execute("SELECT * FROM roster WHERE network = ? ORDER BY epoch", (network,)).fetchall()
            final = self._db.execute(
                "SELECT frame FROM final WHERE network = ? ORDER BY round DESC LIMIT 1", (network,)
            ).fetchone()
            pending = self._db.execute(
                "SELECT frame, network, round, data FROM pending JOIN final USING (network, round)"
                " WHERE network = ? ORDER BY round",
                (network,),
            ).fetchall()
        return StoreContents(
            tuple(map(schema.member, members)),
            tuple(map(schema.edge, edges)),
            tuple(map(schema.roster, rosters)),
            final["frame"] if final else None,
            tuple((row["frame"], schema.pending(row)) for row in pending),
        )

    def results_from(self, network: NetworkId, first: RoundNumber) -> list[RoundResult]:
        """The closed rounds from `first` on, in order.

        Raises:
            HomeError: The file cannot be read.
        """
        query = "SELECT * FROM round_result WHERE network = ? AND round >= ? ORDER BY round"
        with self._guard, self._explained("read"):
            rows = self._db.execute(query, (network, first)).fetchall()
        return [schema.result(row) for row in rows]

    def _keep(self, record: Record) -> None:
        match record:
            case MemberRecord():
                self._put("member", schema.MEMBER_COLUMNS, schema.member_row(record))
            case EdgeRecord():
                self._put("edge", schema.EDGE_COLUMNS, schema.edge_row(record))
            case EdgeRemoved():
                self._db.execute("DELETE FROM edge WHERE network = ? AND tunnel = ?", schema.edge_key(record))
            case RosterRecord():
                self._keep_roster(record)
            case FinalRecord():
                self._keep_final(record)
            case PendingRecord():
                self._put("pending", "network, round, data", (record.network, record.round, record.data))
            case RoundResult():
                self._keep_result(record)
            case _:
                assert_never(record)

    def _put(self, table: str, columns: str, row: tuple[object, ...], conflict: str = "REPLACE") -> int:
        marks = ", ".join("?" * len(row))
        done = self._db.execute(f"INSERT OR {conflict} INTO {table} ({columns}) VALUES ({marks})", row)  # noqa: S608
        return done.rowcount

    def _keep_roster(self, record: RosterRecord) -> None:
        row = schema.roster_row(record)
        if self._put("roster", schema.ROSTER_COLUMNS, row, "IGNORE"):
            return
        key = (record.network, record.epoch)
        old = self._db.execute("SELECT * FROM roster WHERE network = ? AND epoch = ?", key).fetchone()
        if schema.roster(old) != record:
            raise HomeError(
                f"Epoch {record.epoch} of network {record.network} has another roster in {self.path} already. Nothing "
                "was sent: its gateways would refuse it for ever. Was an old copy of the store restored? Start the "
                "provider again."
            )

    def _keep_final(self, record: FinalRecord) -> None:
        key = (record.network, record.round)
        old = self._db.execute("SELECT frame FROM final WHERE network = ? AND round = ?", key).fetchone()
        if old is not None and old["frame"] != record.frame:
            raise HomeError(
                f"Round {record.round} of network {record.network} has another FINAL in {self.path} already. Nothing "
                "was sent. Was an old copy of the store restored, or the clock set back? Start the provider again."
            )
        self._db.execute("INSERT OR IGNORE INTO final VALUES (?, ?, ?)", (*key, record.frame))
        bound = (record.network, record.round - FINALS_KEPT)
        self._db.execute("DELETE FROM final WHERE network = ? AND round <= ?", bound)

    def _keep_result(self, result: RoundResult) -> None:
        """The first result of a round stands: it may have been published."""
        self._db.execute("DELETE FROM pending WHERE network = ? AND round = ?", (result.network, result.round))
        is_new = self._put("round_result", schema.RESULT_COLUMNS, schema.result_row(result), "IGNORE")
        if not is_new and self._quiet.allows("closed", time.monotonic()):
            log.warning("round %d of network %d was closed before; that result stands", result.round, result.network)

    def _found(self, charter: Charter) -> None:
        other = self._db.execute("SELECT network FROM network WHERE region = ?", (charter.region,)).fetchone()
        if other is not None:
            raise HomeError(
                f"Region {charter.region!r} has been served by network {other['network']} since that was made, says "
                f"{self.path}; the settings give it to network {charter.network}. Give it its own network again."
            )
        self._db.execute("INSERT INTO network VALUES (?, ?, ?, ?, ?)", astuple(charter))

    def _contradiction(self, old: Charter, new: Charter) -> str:
        head = f"Network {new.network} was made"
        if old.provider_key != new.provider_key:
            return (
                f"{head} with another identity key than the one beside {self.path}, and its gateways know no other. "
                "Restore identity.key from a backup."
            )
        changed = [
            f"{name} {before!r}, and the settings now say {after!r}"
            for name, before, after in (
                ("region", old.region, new.region),
                ("suite", old.suite, new.suite),
                ("period_s", old.period_ms / 1000, new.period_ms / 1000),
            )
            if before != after
        ]
        return f"{head} with {'; '.join(changed)} ({self.path}). That never changes: take a new id for a new network."

    def _prepare(self) -> None:
        """Set the file up, or make sure that it is whole and ours."""
        version = self._pragma("user_version")
        is_new = version == 0 and self._pragma("schema_version") == 0
        if not is_new:
            self._check(version)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        if is_new:
            self._db.executescript(
                f"BEGIN; {schema.TABLES} PRAGMA application_id = {schema.APPLICATION_ID};"
                f" PRAGMA user_version = {schema.VERSION}; COMMIT"
            )

    def _check(self, version: int) -> None:
        if self._pragma("application_id") != schema.APPLICATION_ID:
            raise HomeError(f"{self.path} is a database of another program. Name another directory as `home`.")
        if version < schema.VERSION:
            raise HomeError(
                f"The store {self.path} has version {version}, of an earlier provider, which kept less of its "
                "rounds. Move it away, together with its -wal file: its gateways must then register anew."
            )
        if version > schema.VERSION:
            raise HomeError(
                f"The store {self.path} has version {version}, and this provider knows {schema.VERSION}. "
                "Install the provider that wrote it, or a newer one."
            )
        if self._db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise HomeError(self._damaged())

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    @contextmanager
    def _transaction(self, what: str) -> Iterator[None]:
        with self._guard, self._explained(what):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Turn SQLite's errors into sentences, except those that only a mistake of ours can cause."""
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            raise HomeError(self._sentence(what, code, str(error))) from error

    def _sentence(self, what: str, code: int, detail: str) -> str:
        if code in _DAMAGE:
            return self._damaged()
        if code == sqlite3.SQLITE_FULL:
            return f"The disk under {self.path} is full; nothing of this step was stored. Free space, then start again."
        return f"The store {self.path} cannot be {what}: {detail}. Look at the disk and at who else has the file open."

    def _damaged(self) -> str:
        return (
            f"The store {self.path} is damaged. Restore it from a backup, together with its -wal file; without one, "
            "move it away: its gateways must then register anew."
        )
