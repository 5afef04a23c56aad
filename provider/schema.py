"""The tables of the provider's store, and how records become rows and rows become records.

Tunnel identifiers are 64 random bits without a sign, which SQLite's integers are not: they are kept as 8 bytes.
"""

import sqlite3
from typing import Final

from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from provider.core.events import (
    EdgeRecord,
    EdgeRemoved,
    EdgeState,
    MemberRecord,
    MemberState,
    PendingRecord,
    RosterRecord,
    RoundResult,
    RoundStatus,
    Why,
)

VERSION: Final = 3
"""Kept as `user_version` in the file; a change of a table raises it."""

APPLICATION_ID: Final = int.from_bytes(b"DCNp")

_STATES: Final = ", ".join(f"'{state.value}'" for state in MemberState)
_EDGE_STATES: Final = ", ".join(f"'{state.value}'" for state in EdgeState)
_STATUSES: Final = ", ".join(f"'{status.value}'" for status in RoundStatus)

TABLES: Final = f"""
CREATE TABLE network (
    network      INTEGER PRIMARY KEY CHECK (network BETWEEN 1 AND 4294967295),
    region       TEXT NOT NULL UNIQUE,
    suite        INTEGER NOT NULL,
    period_ms    INTEGER NOT NULL,
    provider_key BLOB NOT NULL CHECK (length(provider_key) = 32)
) STRICT;
CREATE TABLE member (
    network     INTEGER NOT NULL REFERENCES network,
    client      INTEGER NOT NULL,
    name        TEXT NOT NULL,
    public_key  BLOB NOT NULL CHECK (length(public_key) = 32),
    draw_root   BLOB NOT NULL CHECK (length(draw_root) = 32),
    certificate BLOB NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ({_STATES})),
    epoch       INTEGER NOT NULL,
    exit_frame  BLOB,
    PRIMARY KEY (network, client)
) STRICT;
CREATE TABLE roster (
    network INTEGER NOT NULL REFERENCES network,
    epoch   INTEGER NOT NULL,
    leaves  INTEGER NOT NULL,
    live    INTEGER NOT NULL,
    data    BLOB NOT NULL,
    PRIMARY KEY (network, epoch)
) STRICT;
CREATE TABLE edge (
    network   INTEGER NOT NULL REFERENCES network,
    tunnel    BLOB NOT NULL CHECK (length(tunnel) = 8),
    initiator INTEGER NOT NULL,
    responder INTEGER NOT NULL,
    state     TEXT NOT NULL CHECK (state IN ({_EDGE_STATES})),
    PRIMARY KEY (network, tunnel)
) STRICT, WITHOUT ROWID;
CREATE TABLE final (
    network INTEGER NOT NULL REFERENCES network,
    round   INTEGER NOT NULL,
    frame   BLOB NOT NULL,
    PRIMARY KEY (network, round)
) STRICT;
CREATE TABLE pending (
    network INTEGER NOT NULL REFERENCES network,
    round   INTEGER NOT NULL,
    data    BLOB NOT NULL,
    PRIMARY KEY (network, round)
) STRICT;
CREATE TABLE round_result (
    network      INTEGER NOT NULL REFERENCES network,
    region       TEXT NOT NULL,
    round        INTEGER NOT NULL,
    start_ms     INTEGER NOT NULL,
    status       TEXT NOT NULL CHECK (status IN ({_STATUSES})),
    why          TEXT NOT NULL,
    members      INTEGER NOT NULL,
    present      INTEGER NOT NULL,
    missing      INTEGER NOT NULL,
    away         INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    import_dwh   INTEGER,
    export_dwh   INTEGER,
    contributors INTEGER,
    duration_ms  INTEGER NOT NULL,
    PRIMARY KEY (network, round)
) STRICT, WITHOUT ROWID;
"""

MEMBER_COLUMNS: Final = "network, client, name, public_key, draw_root, certificate, state, epoch, exit_frame"
ROSTER_COLUMNS: Final = "network, epoch, leaves, live, data"
EDGE_COLUMNS: Final = "network, tunnel, initiator, responder, state"
RESULT_COLUMNS: Final = (
    "network, region, round, start_ms, status, why, members, present, missing, away, attempts,"
    " import_dwh, export_dwh, contributors, duration_ms"
)

_Row = tuple[int | str | bytes | None, ...]


def member_row(record: MemberRecord) -> _Row:
    """The values of `MEMBER_COLUMNS`."""
    return (
        record.network,
        record.client,
        record.name,
        record.public_key,
        record.draw_root,
        record.certificate,
        record.state.value,
        record.epoch,
        record.exit_frame,
    )


def member(row: sqlite3.Row) -> MemberRecord:
    """The member in a row."""
    return MemberRecord(
        NetworkId(row["network"]),
        ClientId(row["client"]),
        row["name"],
        row["public_key"],
        row["draw_root"],
        row["certificate"],
        MemberState(row["state"]),
        row["epoch"],
        row["exit_frame"],
    )


def roster_row(record: RosterRecord) -> _Row:
    """The values of `ROSTER_COLUMNS`."""
    return (record.network, record.epoch, record.leaves, record.live, record.data)


def roster(row: sqlite3.Row) -> RosterRecord:
    """The roster in a row."""
    return RosterRecord(NetworkId(row["network"]), row["epoch"], row["leaves"], row["live"], row["data"])


def edge_row(record: EdgeRecord) -> _Row:
    """The values of `EDGE_COLUMNS`."""
    return (record.network, record.tunnel.to_bytes(8), record.initiator, record.responder, record.state.value)


def edge_key(record: EdgeRemoved) -> _Row:
    """Network and tunnel."""
    return (record.network, record.tunnel.to_bytes(8))


def edge(row: sqlite3.Row) -> EdgeRecord:
    """The edge in a row."""
    return EdgeRecord(
        NetworkId(row["network"]),
        TunnelId(int.from_bytes(row["tunnel"])),
        ClientId(row["initiator"]),
        ClientId(row["responder"]),
        EdgeState(row["state"]),
    )


def pending(row: sqlite3.Row) -> PendingRecord:
    """The round that waits for shares in a row."""
    return PendingRecord(NetworkId(row["network"]), RoundNumber(row["round"]), row["data"])


def result_row(result: RoundResult) -> _Row:
    """The values of `RESULT_COLUMNS`."""
    return (
        result.network,
        result.region,
        result.round,
        result.start_ms,
        result.status.value,
        result.why.name,
        result.members,
        result.present,
        result.missing,
        result.away,
        result.attempts,
        result.import_dwh,
        result.export_dwh,
        result.contributors,
        result.duration_ms,
    )


def result(row: sqlite3.Row) -> RoundResult:
    """The closed round in a row."""
    return RoundResult(
        NetworkId(row["network"]),
        row["region"],
        RoundNumber(row["round"]),
        row["start_ms"],
        RoundStatus(row["status"]),
        Why[row["why"]],
        row["members"],
        row["present"],
        row["missing"],
        row["away"],
        row["attempts"],
        row["import_dwh"],
        row["export_dwh"],
        row["contributors"],
        row["duration_ms"],
    )
