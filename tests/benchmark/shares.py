"""The provider's round by size of network and share of missing gateways, its parts apart, and whether it finished."""

from collections.abc import Iterator, Sequence
from typing import Final

from tests.benchmark.cores import Share
from tests.benchmark.plan import Found
from tests.benchmark.stopwatch import Laps
from tests.benchmark.tables import Table, ms

_NONE: Final = "-"


def table(found: Found) -> Table:
    """A row for each suite, size and share."""
    head = (
        "Suite, n, missing",
        "Finished",
        "Round, ms",
        "Signatures",
        "Decoding",
        "Collecting shares",
        "Opening",
        "Order",
        "FINAL",
    )
    note = (
        "Milliseconds of CPU of the provider's core for a round, all frames at once: no bus, no store. The least lap,"
        " the median in parentheses. The missing are drawn anew for each round, say nothing at all, and come back"
        " before the next. Their neighbors resend; who keeps too few of its holders is left out with them. Collecting:"
        " sorting the shares of all RELEASEs; opening: the interpolation of all secrets and the self-masks, with other"
        " holders each time when some are missing; order: the CORRECTION; FINAL: sum, key graph, whom to expect next."
    )
    return Table("The provider by share of missing gateways", head, [*_rows(found)], note)


def _rows(found: Found) -> Iterator[Sequence[str]]:
    for size in found.sizes:
        for share in size.cores.shares:
            yield _row(f"{size.suite.name}, {size.size}", share)
    for large in found.large:
        for share in large.shares:
            yield _row(f"{large.suite.name}, {large.size}", share)


def _row(name: str, share: Share) -> Sequence[str]:
    rounds, costs, parts = share.rounds, share.rounds.provider, share.parts
    return (
        f"{name}, {share.missing:.0%}",
        f"{rounds.finished} of {rounds.played}",
        f"**{_ms(costs.round)}**",
        _ms(parts.signatures),
        _ms(parts.decoding),
        _ms(parts.collecting),
        _ms(costs.opening),
        _ms(costs.order),
        _ms(costs.closing),
    )


def _ms(laps: Laps | None) -> str:
    return ms(laps) if laps is not None and laps.seconds else _NONE
