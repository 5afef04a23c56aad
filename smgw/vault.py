"""What the gateway must not forget: membership, seeds, what it sent and what was closed, in one SQLite file.

What `apply` was given is on the disk when it returns. The rollback journal in mode TRUNCATE with `synchronous=EXTRA`
does that: SQLite syncs the journal, the file, and the journal's truncation, which is the commit. WAL needs fewer syncs,
but it keeps erased seeds in its log until a checkpoint, and who only reads the ledger would have to write.
`secure_delete` overwrites erased seeds with zeros; what a flash disk keeps of overwritten blocks, only encrypting the
disk hides. Source: docs/protocol.md, thesis rule 7 (a mask is never used twice); sqlite.org/atomiccommit.html.
"""

import logging
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, Self, final

from broker.home import HomeError, hold_home
from broker.keyfile import load_or_make_identity
from common.clients import ClientSet
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Seed
from common.secret import Secret
from common.signing import Identity
from smgw.core.events import Closed, Departed, Edge, EdgeErased, Membership, Record, Sent, VaultContents
from smgw.core.reading import Reading, ReadingStatus
from smgw.vault_file import VAULT_FILE, damaged, make_vault, open_vault, understood

log = logging.getLogger(__name__)

KEY_FILE: Final = "identity.key"
LOCK_FILE: Final = "agent.pid"
"""Holds the process id of the agent at work, for who wants to signal it."""

_INSERT_SENT: Final = """
INSERT INTO sent (network, round, attempt, view, import_dwh, export_dwh, status, tunnels, missing, frame)
VALUES ((SELECT network FROM membership), ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET frame = excluded.frame WHERE frame = excluded.frame
"""

_INSERT_CLOSED: Final = """
INSERT OR REPLACE INTO closed (network, round, is_included) VALUES ((SELECT network FROM membership), ?, ?)
"""

_SELECT_SENT: Final = """
SELECT round, attempt, view, import_dwh, export_dwh, status, tunnels, missing, frame FROM sent
WHERE network = (SELECT network FROM membership) ORDER BY round DESC, attempt DESC LIMIT 1
"""

_SELECT_CLOSED: Final = "SELECT max(round) FROM closed WHERE network = (SELECT network FROM membership)"


@final
class Vault:
    """The vault of one gateway, held by one process. Use it as a context manager."""

    def __init__(self, home: Path, ledger_frames: int) -> None:
        """Take the vault in `home`, or make one on the first start; it keeps the last `ledger_frames` sent frames.

        Raises:
            HomeError: It or the identity key is there and cannot be used, it is in use, or cannot be made.
        """
        self._path: Final = home / VAULT_FILE
        self._ledger_frames: Final = ledger_frames
        with ExitStack() as stack:
            stack.enter_context(hold_home(home, LOCK_FILE))
            self.identity: Final[Identity] = self._identify(home)
            if not self._path.exists():
                make_vault(self._path)
            self._db: Final = stack.enter_context(closing(open_vault(self._path, "rw")))
            self._prepare()
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
        if key.exists() and not self._path.exists():
            log.warning("%s is gone; the gateway agrees on new seeds with its neighbors", self._path)
        return load_or_make_identity(key)

    def _prepare(self) -> None:
        with understood(self._path):
            self._db.execute("PRAGMA journal_mode = TRUNCATE")
            self._db.execute("PRAGMA synchronous = EXTRA")
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.execute("PRAGMA temp_store = MEMORY")
            (verdict,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise damaged(self._path, verdict)

    def apply(self, records: Sequence[Record]) -> None:
        """Keep all of the records or none of them; on the disk when it returns.

        Raises:
            HomeError: They cannot be written. Nothing that depends on them may be sent.
        """
        with understood(self._path), self._db:
            for record in records:
                self._write(record)

    def _write(self, record: Record) -> None:
        match record:
            case Membership():
                row = (record.network, record.client, record.is_leaving)
                self._db.execute("INSERT OR REPLACE INTO membership VALUES (1, ?, ?, ?)", row)
            case Edge():
                self._write_edge(record)
            case EdgeErased():
                self._db.execute("DELETE FROM edge WHERE tunnel = ?", (record.tunnel.to_bytes(8),))
            case Sent():
                self._write_sent(record)
            case Closed():
                self._write_closed(record)
            case Departed():
                self._db.execute("DELETE FROM edge")
                self._db.execute("DELETE FROM membership")

    def _write_edge(self, edge: Edge) -> None:
        row = (
            edge.tunnel.to_bytes(8),
            edge.peer,
            edge.peer_key,
            edge.seed.day,
            edge.seed.secret.reveal(),
            edge.is_started,
            edge.stood_ms,
        )
        self._db.execute("INSERT OR REPLACE INTO edge VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def _write_sent(self, sent: Sent) -> None:
        assert sent.round == sent.reading.round, "a frame carries the reading of its own round"
        row = (
            sent.round,
            sent.attempt,
            sent.view,
            sent.reading.import_dwh,
            sent.reading.export_dwh,
            sent.reading.status.name,
            b"".join(tunnel.to_bytes(8) for tunnel in sent.tunnels),
            sent.missing.octets(),
            sent.frame,
        )
        written = self._db.execute(_INSERT_SENT, row)
        assert written.rowcount == 1, "a second, different frame for one round and attempt"
        self._db.execute("DELETE FROM sent WHERE number <= (SELECT max(number) FROM sent) - ?", (self._ledger_frames,))

    def _write_closed(self, closed: Closed) -> None:
        self._db.execute(_INSERT_CLOSED, (closed.round, closed.is_included))
        self._db.execute(
            "DELETE FROM closed WHERE number <= (SELECT max(number) FROM closed) - ?", (self._ledger_frames,)
        )

    def load(self) -> VaultContents:
        """What a starting gateway needs: its membership and edges, and what it did last in its present network.

        Raises:
            HomeError: It cannot be read.
        """
        with understood(self._path):
            membership = self._db.execute("SELECT network, client, is_leaving FROM membership").fetchone()
            edges = self._db.execute(
                "SELECT tunnel, peer, peer_key, seed_day, seed, is_started, stood_ms FROM edge ORDER BY tunnel"
            ).fetchall()
            sent = self._db.execute(_SELECT_SENT).fetchone()
            (closed,) = self._db.execute(_SELECT_CLOSED).fetchone()
        return VaultContents(
            None if membership is None else _membership(*membership),
            tuple(_edge(edge) for edge in edges),
            None if sent is None else _sent(sent),
            None if closed is None else RoundNumber(closed),
        )


def _membership(network: int, client: int, is_leaving: int) -> Membership:
    return Membership(NetworkId(network), ClientId(client), bool(is_leaving))


def _edge(row: tuple[bytes, int, bytes, int, bytes, int, int]) -> Edge:
    tunnel, peer, peer_key, seed_day, seed, is_started, stood_ms = row
    number, aged = TunnelId(int.from_bytes(tunnel)), Seed(seed_day, Secret(seed))
    return Edge(number, ClientId(peer), peer_key, aged, bool(is_started), stood_ms)


def _sent(row: tuple[int, int, bytes, int, int, str, bytes, bytes, bytes]) -> Sent:
    number, attempt, view, import_dwh, export_dwh, status, tunnels, missing, frame = row
    reading = Reading(RoundNumber(number), import_dwh, export_dwh, ReadingStatus[status])
    edges = tuple(TunnelId(int.from_bytes(tunnels[at : at + 8])) for at in range(0, len(tunnels), 8))
    return Sent(reading.round, view, reading, attempt, edges, ClientSet.from_octets(missing), frame)
