"""Our own rows beside the peers', from what the benchmark measured of the cores."""

from collections.abc import Sequence

from tests.benchmark.cores import Share
from tests.benchmark.peers import Row
from tests.benchmark.plan import SizeFound
from tests.benchmark.stopwatch import Laps


def rows(size: SizeFound) -> list[Row]:
    """Nobody missing, and each share that the benchmark lets go missing; none that is less than half a gateway."""
    shares = size.cores.shares
    return [_row(size, share) for share in shares if not share.missing or round(share.missing * size.size)]


def _row(size: SizeFound, share: Share) -> Row:
    rounds = share.rounds
    costs, resent = rounds.gateway, len(rounds.corrected) / len(rounds.frames)
    spared_us = costs.spared.least_us if costs.spared.seconds else 0.0
    correction_us = resent * costs.resend.least_us + (1 - resent) * spared_us if share.missing else 0.0
    parts = zip(costs.begin.seconds, costs.frame.seconds, costs.final.seconds, strict=True)
    meter = Laps([sum(lap) + correction_us / 1e6 for lap in parts])
    up_bytes = round(rounds.sizes.frame * (1 + resent) + rounds.sizes.release)
    name = f"**dcnet, suite `{size.suite.name}`**"
    return Row(name, size.size, share.missing, rounds.played, rounds.finished, meter, rounds.provider.round, up_bytes)


def all_rows(sizes: Sequence[SizeFound]) -> list[Row]:
    """The rows of every size."""
    return [row for size in sizes for row in rows(size)]
