"""Records as a member core would make them."""

from typing import Final

from common.clients import ClientSet
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Seed
from common.secret import Secret
from smgw.core.events import Edge, Membership, Sent
from smgw.core.reading import Reading, ReadingStatus

MEMBERSHIP: Final = Membership(NetworkId(2**32 - 1), ClientId(7))


def edge(tunnel: int = 2**64 - 1, *, day: int = 20_000, seed: bytes = b"\x5e" * 32, is_started: bool = False) -> Edge:
    return Edge(TunnelId(tunnel), ClientId(9), b"\x09" * 32, Seed(day, Secret(seed)), is_started, 1_800_000_000_123)


def sent(
    number: int = 2_000_000,
    *,
    attempt: int = 0,
    frame: bytes = b"frame",
    status: ReadingStatus = ReadingStatus.VALID,
) -> Sent:
    reading = Reading(RoundNumber(number), 1_234, -5, status)
    tunnels, missing = (TunnelId(2**64 - 1), TunnelId(0), TunnelId(77)), ClientSet.of([ClientId(300)])
    return Sent(RoundNumber(number), b"\x01" * 8, reading, attempt, tunnels, missing, frame)
