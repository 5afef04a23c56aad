"""Our own rows beside the peers', from what the benchmark measured of the cores."""

from collections.abc import Sequence
from typing import Final

from tests.benchmark.peers import Row
from tests.benchmark.plan import SizeFound
from tests.benchmark.rounds import MISSING_EVERY, Rounds
from tests.benchmark.stopwatch import Laps

NAME: Final = "**dcnet, suite `basic`**"


def rows(size: SizeFound) -> list[Row]:
    """Nobody missing, and the share that the benchmark lets go missing. Every round in there ended as it should."""
    return [_row(size, 0.0, size.cores.quiet, 0.0), _row(size, 1 / MISSING_EVERY, size.cores.missing, _resend_us(size))]


def _row(size: SizeFound, dropout: float, rounds: Rounds, correction_us: float) -> Row:
    costs, played = rounds.gateway, len(rounds.provider.round.seconds)
    parts = zip(costs.begin.seconds, costs.frame.seconds, costs.final.seconds, strict=True)
    meter = Laps([sum(lap) + correction_us / 1e6 for lap in parts])
    return Row(NAME, size.size, dropout, played, played, meter, rounds.provider.round, _up_bytes(size, dropout))


def _resend_us(size: SizeFound) -> float:
    """What a correction costs a gateway in the mean: some resend, the rest only verify it."""
    costs, share = size.cores.missing.gateway, _resent_share(size)
    spared_us = costs.spared.least_us if costs.spared.seconds else 0.0
    return share * costs.resend.least_us + (1 - share) * spared_us


def _up_bytes(size: SizeFound, dropout: float) -> int:
    return round(size.cores.quiet.sizes.frame * (1 + (_resent_share(size) if dropout else 0)))


def _resent_share(size: SizeFound) -> float:
    return size.cores.missing.provider.resent / len(size.cores.missing.frames)


def all_rows(sizes: Sequence[SizeFound]) -> list[Row]:
    """The rows of every size."""
    return [row for size in sizes for row in rows(size)]
