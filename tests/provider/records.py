"""Records that the tests of this folder store, write and publish."""

from dataclasses import replace

from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.suites import HARDENED
from provider.core.events import (
    EdgeRecord,
    EdgeState,
    FinalRecord,
    MemberRecord,
    MemberState,
    PendingRecord,
    RosterRecord,
    RoundResult,
    RoundStatus,
    Why,
)
from provider.store import Charter

NETWORK = NetworkId(7)
CHARTER = Charter(NETWORK, "north", HARDENED.code, 900_000, bytes(range(32)))


def member(client: int, state: MemberState = MemberState.PRESENT) -> MemberRecord:
    exit_frame = b"signed" if state is MemberState.LEFT else None
    key, certificate = bytes([client]) * 32, f"certificate {client}".encode()
    return MemberRecord(NETWORK, ClientId(client), f"gw-{client}", key, key, certificate, state, 1, exit_frame)


def edge(tunnel: int, state: EdgeState = EdgeState.STANDING) -> EdgeRecord:
    return EdgeRecord(NETWORK, TunnelId(tunnel), ClientId(1), ClientId(2), state)


def roster(epoch: int, data: bytes = b"roster") -> RosterRecord:
    return RosterRecord(NETWORK, epoch, 10 * epoch, 9 * epoch, data)


def final(number: int, frame: bytes = b"final") -> FinalRecord:
    return FinalRecord(NETWORK, RoundNumber(number), frame)


def pending(number: int, data: bytes = b"sealed") -> PendingRecord:
    return PendingRecord(NETWORK, RoundNumber(number), data)


def complete(number: int, contributors: int = 8, network: NetworkId = NETWORK, start_ms: int = 0) -> RoundResult:
    start_ms = start_ms or (number - 1) * 900_000
    return RoundResult(
        network,
        "north",
        RoundNumber(number),
        start_ms,
        RoundStatus.COMPLETE,
        Why.NONE,
        members=8,
        present=8,
        missing=0,
        away=1,
        attempts=0,
        import_dwh=12_340,
        export_dwh=2_000,
        contributors=contributors,
        duration_ms=1_500,
    )


def refused(number: int) -> RoundResult:
    return RoundResult(
        NETWORK,
        "north",
        RoundNumber(number),
        (number - 1) * 900_000,
        RoundStatus.REFUSED,
        Why.BELOW_MINIMUM,
        members=3,
        present=0,
        missing=0,
        away=0,
        attempts=0,
        import_dwh=None,
        export_dwh=None,
        contributors=None,
        duration_ms=0,
    )


def waiting(number: int) -> RoundResult:
    sealed = replace(complete(number), import_dwh=None, export_dwh=None, contributors=None)
    return replace(sealed, status=RoundStatus.PENDING, why=Why.SHARES)
