"""Records as a member core would make them."""

from typing import Final

from common.clients import ClientSet
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Seed
from common.roster import RosterRoot
from common.secret import Secret
from smgw.core.events import Closed, Edge, Evidence, KnownRoster, Membership, Offense, Sent, Slot
from smgw.core.reading import Reading, ReadingStatus

MEMBERSHIP: Final = Membership(NetworkId(2**32 - 1), ClientId(7), serial=2**159 - 1)


SERIAL: Final = 2**159 - 1
"""As long as the serial number of a certificate may be."""


def edge(
    tunnel: int = 2**64 - 1,
    *,
    day: int = 20_000,
    seed: bytes = b"\x5e" * 32,
    is_started: bool = False,
    holds: bool = False,
) -> Edge:
    aged, known = Seed(day, Secret(seed)), (ClientId(9), b"\x09" * 32, SERIAL, 1_900_000_000_000)
    return Edge(TunnelId(tunnel), *known, aged, is_started, 1_800_000_000_123, holds)


def closed(number: int, *, is_included: bool = True, view: bytes = b"\x02" * 8) -> Closed:
    return Closed(RoundNumber(number), is_included, view)


def evidence(number: int = 10, offense: Offense = Offense.TWO_FINALS, *, time_ms: int = 1_800_000_000_123) -> Evidence:
    return Evidence(time_ms, RoundNumber(number), offense, b"first frame", b"second frame")


def roster_root(epoch: int = 2**32 - 1) -> RosterRoot:
    return RosterRoot(epoch, 200_000, 199_999, b"\x0a" * 32)


def slot(number: int = 1_023, *, client: int = 8, is_opened: bool = False) -> Slot:
    return Slot(number, roster_root(), 0xFFFF, ClientId(client), 100_000, is_opened)


def known_roster(network: int = 2**32 - 1, epoch: int = 5) -> KnownRoster:
    return KnownRoster(NetworkId(network), roster_root(epoch), b"\x0b" * 32, 900_000)


def sent(
    number: int = 2_000_000,
    *,
    attempt: int = 0,
    frame: bytes = b"frame",
    status: ReadingStatus = ReadingStatus.VALID,
    neighbors: tuple[int, ...] = (1, 9, 2**32 - 1),
) -> Sent:
    reading = Reading(RoundNumber(number), 1_234, -5, status)
    tunnels, missing = (TunnelId(2**64 - 1), TunnelId(0), TunnelId(77)), ClientSet.of([ClientId(300)])
    peers = tuple(map(ClientId, neighbors))
    return Sent(RoundNumber(number), b"\x01" * 8, reading, attempt, tunnels, missing, frame, peers)
