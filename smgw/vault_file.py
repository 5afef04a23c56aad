"""The vault's SQLite file: its tables, how it is made and opened, and what is said when it cannot be used."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from broker.home import HomeError, explained, publish_file, require_private

VAULT_FILE: Final = "vault.sqlite"
SCHEMA_VERSION: Final = 3
APPLICATION: Final = int.from_bytes(b"DCNV")

_BUSY_S: Final = 5
"""How long a writer waits for a reader of the ledger, and the other way round."""

_SCHEMA: Final = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE owner (public_key BLOB NOT NULL CHECK (length(public_key) = 32)) STRICT;
CREATE TABLE gone (client INTEGER PRIMARY KEY) STRICT;
CREATE TABLE membership (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    network INTEGER NOT NULL,
    client INTEGER NOT NULL,
    is_leaving INTEGER NOT NULL CHECK (is_leaving IN (0, 1)),
    serial BLOB NOT NULL CHECK (length(serial) = 20)
) STRICT;
CREATE TABLE edge (
    tunnel BLOB PRIMARY KEY CHECK (length(tunnel) = 8),
    peer INTEGER NOT NULL,
    peer_key BLOB NOT NULL CHECK (length(peer_key) = 32),
    peer_serial BLOB NOT NULL CHECK (length(peer_serial) = 20),
    peer_until_ms INTEGER NOT NULL,
    seed_day INTEGER NOT NULL,
    seed BLOB NOT NULL CHECK (length(seed) = 32),
    is_started INTEGER NOT NULL CHECK (is_started IN (0, 1)),
    stood_ms INTEGER NOT NULL,
    holds INTEGER NOT NULL CHECK (holds IN (0, 1))
) STRICT;
CREATE TABLE sent (
    number INTEGER PRIMARY KEY,
    network INTEGER NOT NULL,
    round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    view BLOB NOT NULL CHECK (length(view) = 8),
    import_dwh INTEGER NOT NULL,
    export_dwh INTEGER NOT NULL,
    status TEXT NOT NULL,
    tunnels BLOB NOT NULL CHECK (length(tunnels) % 8 = 0),
    missing BLOB NOT NULL,
    frame BLOB NOT NULL,
    neighbors BLOB NOT NULL CHECK (length(neighbors) % 4 = 0),
    UNIQUE (network, round, attempt)
) STRICT;
CREATE TABLE closed (
    number INTEGER PRIMARY KEY,
    network INTEGER NOT NULL,
    round INTEGER NOT NULL,
    is_included INTEGER NOT NULL CHECK (is_included IN (0, 1)),
    view BLOB NOT NULL CHECK (length(view) = 8),
    UNIQUE (network, round)
) STRICT;
CREATE TABLE slot (
    number INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    leaves INTEGER NOT NULL,
    live INTEGER NOT NULL,
    root BLOB NOT NULL CHECK (length(root) = 32),
    counter INTEGER NOT NULL,
    client INTEGER NOT NULL,
    whole_leaves INTEGER NOT NULL,
    is_opened INTEGER NOT NULL CHECK (is_opened IN (0, 1)),
    is_live INTEGER NOT NULL DEFAULT 1 CHECK (is_live IN (0, 1))
) STRICT;
CREATE TABLE replaced (
    slot INTEGER PRIMARY KEY,
    serial BLOB NOT NULL CHECK (length(serial) = 20)
) STRICT;
CREATE TABLE moved (
    serial BLOB PRIMARY KEY CHECK (length(serial) = 20),
    times INTEGER NOT NULL
) STRICT;
CREATE TABLE roster (
    network INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    leaves INTEGER NOT NULL,
    live INTEGER NOT NULL,
    root BLOB NOT NULL CHECK (length(root) = 32),
    name BLOB NOT NULL CHECK (length(name) = 32),
    period_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE revocations (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    list BLOB NOT NULL
) STRICT;
CREATE TABLE evidence (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    network INTEGER NOT NULL,
    round INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    offense TEXT NOT NULL,
    first BLOB NOT NULL,
    second BLOB NOT NULL
) STRICT;
CREATE TABLE calibration (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ms INTEGER NOT NULL,
    level INTEGER NOT NULL CHECK (level BETWEEN 1 AND 5),
    text TEXT NOT NULL,
    outcome INTEGER NOT NULL CHECK (outcome IN (0, 1))
) STRICT;
"""


def make_vault(path: Path, owner: bytes) -> None:
    """Make an empty vault under another name first, so that one that is there is always whole.

    `owner` is the gateway's public key (32 bytes): memberships, slots and seeds are that key's.
    """
    draft, journal = path.with_name(f".{path.name}.new"), path.with_name(f"{path.name}-journal")
    with explained(path), understood(path):
        if journal.exists() and journal.stat().st_size:
            raise HomeError(
                f"The vault {path} is missing, and {journal} beside it holds what it was writing."
                " Put the vault back, or move the journal away too: the gateway then agrees on new seeds."
            )
        draft.unlink(missing_ok=True)
        draft.touch(0o600, exist_ok=False)
        with closing(sqlite3.connect(draft)) as db:
            db.executescript(f"PRAGMA journal_mode = MEMORY; {_SCHEMA}")
            with db:
                db.execute("INSERT INTO owner VALUES (?)", (owner,))
        publish_file(draft, path)


def open_vault(path: Path, mode: str) -> sqlite3.Connection:
    """Open a vault that exists, and see that it is one, private, and of this version."""
    require_private(path)
    with ExitStack() as stack, understood(path):
        db = sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", _BUSY_S, uri=True, isolation_level="IMMEDIATE")
        stack.callback(db.close)
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION:
            raise damaged(path, "it is empty or another program's database")
        if version < SCHEMA_VERSION:
            raise HomeError(
                f"The vault {path} is of an earlier release (version {version}), which kept less of its last rounds."
                f" Move it away, together with {path.name}-journal: the gateway agrees on new seeds."
            )
        if version > SCHEMA_VERSION:
            raise HomeError(
                f"The vault {path} has version {version}, this program understands {SCHEMA_VERSION}."
                " Run the release that wrote it, or a newer one."
            )
        stack.pop_all()
    return db


def damaged(path: Path, what: str) -> HomeError:
    """The error for a file that is there and is no vault, or no longer one."""
    return HomeError(
        f"The vault {path} cannot be used: {what}. Check the disk; then move it away, together with {path.name}-journal"
        " if that is there: the gateway agrees on new seeds."
    )


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Turn SQLite's complaint about the disk or the file into a sentence; our own mistakes stay what they are."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise HomeError(
            f"The vault {path} cannot be read or written: {error}. Nothing was sent that is not stored."
            " Look at free space, the disk and the file's owner, then start again."
        ) from error
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:
            raise
        raise damaged(path, str(error)) from error
