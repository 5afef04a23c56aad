"""Closed rounds and boards for the tests of the launcher."""

from common.identifiers import ClientId, NetworkId, RoundNumber
from launcher.board import Board
from launcher.profile import Overrides, load_profile
from launcher.rounds import ClosedRound, RoundMessage
from launcher.spectator import NetworkView
from launcher.truth import TrueSum

ORIGIN = RoundNumber(1_000)

MESSAGE = RoundMessage(
    network=1,
    region="lindenhof",
    round=1_000,
    status="complete",
    why="",
    members=8,
    present=8,
    missing=0,
    away=0,
    attempts=0,
    import_dwh=123,
    export_dwh=4,
    contributors=8,
    duration_ms=900,
)


def message(**changes: object) -> RoundMessage:
    return MESSAGE.model_copy(update=changes)


def truth(import_dwh: int = 123, export_dwh: int = 4, contributors: int = 8, *unknown: int) -> TrueSum:
    return TrueSum(import_dwh, export_dwh, contributors, frozenset(map(ClientId, unknown)))


def closed(number: int = 1, known: TrueSum | None = None, **changes: object) -> ClosedRound:
    return ClosedRound(number, message(**{"round": ORIGIN + number - 1, **changes}), known or truth())


def sumless(number: int, why: str) -> ClosedRound:
    lost = message(
        round=ORIGIN + number - 1, status="refused", why=why, import_dwh=None, export_dwh=None, contributors=None
    )
    return ClosedRound(number, lost, None)


def board(profile: str = "demo", rounds: int | None = None) -> Board:
    played = load_profile(profile, Overrides(rounds=rounds))
    views = [NetworkView(NetworkId(i), plan.gateways, origin=ORIGIN) for i, plan in enumerate(played.network, 1)]
    return Board(played, played.schedule, views, "results.csv")
