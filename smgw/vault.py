"""What the gateway must not forget: membership, seeds, draws, what it sent and what was closed, in one SQLite file.

What `apply` was given is on the disk when it returns. The rollback journal in mode TRUNCATE with `synchronous=EXTRA`
does that: SQLite syncs the journal, the file, and the journal's truncation, which is the commit. WAL needs fewer syncs,
but it keeps erased seeds in its log until a checkpoint, and who only reads the ledger would have to write.
`secure_delete` overwrites erased seeds with zeros; what a flash disk keeps of overwritten blocks, only encrypting the
disk hides. Source: docs/protocol.md, thesis rule 7 (a mask is never used twice); sqlite.org/atomiccommit.html.
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, Self, final

from broker.credentials import KEY_FILE, load_enrolled_identity
from broker.home import HomeError, hold_home
from common.certificates import Role
from common.identifiers import ClientId
from common.signing import Identity
from smgw.core.events import (
    ROUNDS_KEPT,
    Calibration,
    Closed,
    Departed,
    Edge,
    EdgeErased,
    Evidence,
    KnownRevocations,
    KnownRoster,
    MemberGone,
    Membership,
    Moved,
    Offense,
    Record,
    Replaced,
    Sent,
    Slot,
    SlotEnded,
    VaultContents,
)
from smgw.revocation_file import RevocationFile
from smgw.vault_file import VAULT_FILE, damaged, make_vault, open_vault, understood
from smgw.vault_rows import (
    closed_of,
    edge_of,
    edge_row,
    membership_of,
    membership_row,
    moved_of,
    moved_row,
    replaced_of,
    replaced_row,
    roster_of,
    roster_row,
    sent_of,
    sent_row,
    slot_of,
    slot_row,
)

LOCK_FILE: Final = "agent.pid"
"""Holds the process id of the agent at work, for who wants to signal it."""

CALIBRATIONS_KEPT: Final = 10_000
"""Entries of the calibration log that are kept."""

EVIDENCE_KEPT: Final = 1_000
"""Offenses of the provider that are kept, of each kind: often leaving a gateway out pushes out no proof."""

_INSERT_SENT: Final = """
INSERT INTO sent (network, round, attempt, view, import_dwh, export_dwh, status, tunnels, missing, frame, neighbors)
VALUES ((SELECT network FROM membership), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET frame = excluded.frame WHERE frame = excluded.frame
"""

_INSERT_CLOSED: Final = """
INSERT OR REPLACE INTO closed (network, round, is_included, view) VALUES ((SELECT network FROM membership), ?, ?, ?)
"""

_SELECT_SENT: Final = """
SELECT round, max(attempt), view, import_dwh, export_dwh, status, tunnels, missing, frame, neighbors FROM sent
WHERE network = (SELECT network FROM membership) GROUP BY round ORDER BY round DESC LIMIT ?
"""

_SELECT_CLOSED: Final = """
SELECT round, is_included, view FROM closed
WHERE network = (SELECT network FROM membership) ORDER BY round DESC LIMIT ?
"""

_INSERT_EVIDENCE: Final = """
INSERT INTO evidence (network, round, time_ms, offense, first, second)
VALUES ((SELECT network FROM membership), ?, ?, ?, ?, ?)
"""

_FORGET_EVIDENCE: Final = """
DELETE FROM evidence WHERE offense = ? AND number NOT IN
(SELECT number FROM evidence WHERE offense = ? ORDER BY number DESC LIMIT ?)
"""

_SELECT_LEFT_OUT: Final = """
SELECT time_ms FROM evidence WHERE offense = ? AND time_ms > (SELECT max(time_ms) FROM evidence) - 86400000
"""

_SELECT_METERED: Final = "SELECT max(sent.round * roster.period_ms) FROM sent JOIN roster USING (network)"

_SELECT_SLOTS: Final = """
SELECT number, epoch, leaves, live, root, counter, client, whole_leaves, is_opened FROM slot
WHERE is_live ORDER BY number
"""


@final
class Vault:
    """The vault of one gateway, held by one process. Use it as a context manager."""

    def __init__(self, home: Path, ledger_frames: int) -> None:
        """Take the vault in `home`, or make one on the first start; it keeps the last `ledger_frames` sent frames.

        Raises:
            HomeError: It or the identity key cannot be used, it is another key's, it is in use, or cannot be made.
        """
        self._path: Final = home / VAULT_FILE
        self._ledger_frames: Final = ledger_frames
        with ExitStack() as stack:
            stack.enter_context(hold_home(home, LOCK_FILE))
            self.identity: Final[Identity] = self._identify(home)
            if not self._path.exists():
                make_vault(self._path, self.identity.public_key)
            self._db: Final = stack.enter_context(closing(open_vault(self._path, "rw")))
            self._prepare()
            self._revocations: Final = RevocationFile(home)
            self._held: Final = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def _identify(self, home: Path) -> Identity:
        key = home / KEY_FILE
        if self._path.exists() and not key.exists():
            raise HomeError(
                f"The identity key {key} is missing, and the vault beside it belongs to it. Restore the key from a"
                f" backup, or move {self._path} away: the gateway then registers as a new one."
            )
        return load_enrolled_identity(home, Role.GATEWAY)

    def _prepare(self) -> None:
        with understood(self._path):
            self._db.execute("PRAGMA journal_mode = TRUNCATE")
            self._db.execute("PRAGMA synchronous = EXTRA")
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.execute("PRAGMA temp_store = MEMORY")
            (verdict,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise damaged(self._path, verdict)
            (owner,) = self._db.execute("SELECT public_key FROM owner").fetchone()
        if owner != self.identity.public_key:
            raise HomeError(
                f"The vault {self._path} belongs to another identity key than {KEY_FILE} beside it. Restore that key"
                " from a backup, or move the vault away: the gateway then registers as a new one."
            )

    def apply(self, records: Sequence[Record]) -> None:
        """Keep all of the records or none of them; on the disk when it returns.

        Raises:
            HomeError: They cannot be written. Nothing that depends on them may be sent.
        """
        with understood(self._path), self._db:
            for record in records:
                self._write(record)
        for record in records:
            if isinstance(record, KnownRevocations):
                self._revocations.keep(record.der)

    def news(self) -> bytes | None:
        """A list of revoked certificates (DER) that somebody has put into the home directory since the last look.

        Raises:
            HomeError: It cannot be read.
        """
        return self._revocations.news()

    def _write(self, record: Record) -> None:
        match record:
            case Membership():
                self._write_membership(record)
            case Edge():
                self._db.execute("INSERT OR REPLACE INTO edge VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", edge_row(record))
            case EdgeErased():
                self._db.execute("DELETE FROM edge WHERE tunnel = ?", (record.tunnel.to_bytes(8),))
            case Sent():
                self._write_sent(record)
            case Closed():
                self._write_closed(record)
            case Slot() | SlotEnded() | Replaced() | Moved() | MemberGone():
                self._write_draw(record)
            case KnownRoster():
                self._db.execute("INSERT OR REPLACE INTO roster VALUES (?, ?, ?, ?, ?, ?, ?)", roster_row(record))
            case KnownRevocations():
                self._db.execute("INSERT OR REPLACE INTO revocations VALUES (1, ?)", (record.der,))
            case Calibration():
                self._write_calibration(record)
            case Evidence():
                self._write_evidence(record)
            case Departed():
                self._db.execute("DELETE FROM edge")
                self._db.execute("DELETE FROM membership")
                self._db.execute("DELETE FROM gone")
                self._db.execute("UPDATE slot SET is_live = 0")

    def _write_draw(self, record: Slot | SlotEnded | Replaced | Moved | MemberGone) -> None:
        """Whom the gateway drew, and what made it draw anew."""
        match record:
            case Slot():
                self._db.execute("INSERT OR REPLACE INTO slot VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)", slot_row(record))
            case SlotEnded():
                self._db.execute("UPDATE slot SET is_live = 0 WHERE number = ?", (record.number,))
            case Replaced():
                self._db.execute("INSERT OR REPLACE INTO replaced VALUES (?, ?)", replaced_row(record))
            case Moved():
                self._db.execute("INSERT OR REPLACE INTO moved VALUES (?, ?)", moved_row(record))
            case MemberGone():
                self._db.execute("INSERT OR IGNORE INTO gone VALUES (?)", (record.client,))

    def _write_membership(self, place: Membership) -> None:
        """Another place begins without slots; their numbers stay used."""
        before = self._db.execute("SELECT network, client FROM membership").fetchone()
        if before is not None and before != place.place:
            self._db.execute("UPDATE slot SET is_live = 0")
            self._db.execute("DELETE FROM gone")
        self._db.execute("INSERT OR REPLACE INTO membership VALUES (1, ?, ?, ?, ?)", membership_row(place))

    def _write_sent(self, sent: Sent) -> None:
        assert sent.round == sent.reading.round, "a frame carries the reading of its own round"
        written = self._db.execute(_INSERT_SENT, sent_row(sent))
        assert written.rowcount == 1, "a second, different frame for one round and attempt"
        self._db.execute("DELETE FROM sent WHERE number <= (SELECT max(number) FROM sent) - ?", (self._ledger_frames,))

    def _write_closed(self, closed: Closed) -> None:
        self._db.execute(_INSERT_CLOSED, (closed.round, closed.is_included, closed.view))
        self._db.execute(
            "DELETE FROM closed WHERE number <= (SELECT max(number) FROM closed) - ?", (self._ledger_frames,)
        )

    def _write_evidence(self, evidence: Evidence) -> None:
        row = (evidence.round, evidence.time_ms, evidence.offense.name, evidence.first, evidence.second)
        self._db.execute(_INSERT_EVIDENCE, row)
        self._db.execute(_FORGET_EVIDENCE, (evidence.offense.name, evidence.offense.name, EVIDENCE_KEPT))

    def _write_calibration(self, entry: Calibration) -> None:
        row = (entry.time_ms, entry.level, entry.text, entry.outcome)
        self._db.execute("INSERT INTO calibration (time_ms, level, text, outcome) VALUES (?, ?, ?, ?)", row)
        self._db.execute(
            "DELETE FROM calibration WHERE number <= (SELECT max(number) FROM calibration) - ?", (CALIBRATIONS_KEPT,)
        )

    def load(self) -> VaultContents:
        """What a starting gateway needs: its membership and edges, and what it did last in its present network.

        Raises:
            HomeError: It cannot be read.
        """
        with understood(self._path):
            membership = self._db.execute("SELECT network, client, is_leaving, serial FROM membership").fetchone()
            edges = self._db.execute("SELECT * FROM edge ORDER BY tunnel").fetchall()
            sent = self._db.execute(_SELECT_SENT, (ROUNDS_KEPT,)).fetchall()
            closed = self._db.execute(_SELECT_CLOSED, (ROUNDS_KEPT,)).fetchall()
            slots = self._db.execute(_SELECT_SLOTS).fetchall()
            used = self._db.execute("SELECT number FROM slot").fetchall()
            replaced = self._db.execute("SELECT slot, serial FROM replaced ORDER BY slot").fetchall()
            rosters = self._db.execute("SELECT * FROM roster ORDER BY network").fetchall()
            revocations = self._db.execute("SELECT list FROM revocations").fetchone()
            moved = self._db.execute("SELECT serial, times FROM moved ORDER BY serial").fetchall()
            gone = self._db.execute("SELECT client FROM gone").fetchall()
            (metered_until_ms,) = self._db.execute(_SELECT_METERED).fetchone()
            left_out = self._db.execute(_SELECT_LEFT_OUT, (Offense.LEFT_OUT.name,)).fetchall()
        return VaultContents(
            None if membership is None else membership_of(membership),
            tuple(map(edge_of, edges)),
            tuple(map(sent_of, reversed(sent))),
            tuple(map(closed_of, reversed(closed))),
            tuple(map(slot_of, slots)),
            frozenset(number for (number,) in used),
            tuple(map(replaced_of, replaced)),
            tuple(map(roster_of, rosters)),
            b"" if revocations is None else revocations[0],
            tuple(map(moved_of, moved)),
            tuple(time_ms for (time_ms,) in left_out),
            frozenset(ClientId(client) for (client,) in gone),
            metered_until_ms or 0,
        )
