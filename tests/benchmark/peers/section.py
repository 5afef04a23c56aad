"""What the peers cost, as tables of the report."""

from collections.abc import Sequence
from typing import Final

from tests.benchmark.peers import PeerTable, Row
from tests.benchmark.stopwatch import Laps
from tests.benchmark.tables import Table

_NONE: Final = "-"


def tables(found: PeerTable, ours: Sequence[Row] = ()) -> list[Table]:
    """Costs, then why rounds did not finish, then what the peers are. `ours` go above the peers."""
    return [_costs([*ours, *found.rows]), _reasons(found.rows), _peers(found)]


def markdown(found: PeerTable, ours: Sequence[Row] = ()) -> str:
    """The sections for the page."""
    return "\n".join(table.markdown() for table in tables(found, ours))


def _costs(rows: Sequence[Row]) -> Table:
    head = ("Who", "n", "Missing", "Rounds finished", "Meter, ms", "Meter, bytes up", "Server, ms")
    note = (
        "Each meter's three lanes of 64 bits; a round counts as finished only with the exact sum of the meters that"
        " stayed. CPU of a meter and of the server in the rounds that finished: the least, the median in parentheses."
        " Everything in one process, without a network or TLS; bytes are those of the messages, all that a meter sends"
        " in a round. Peers' messages carry no signature, ours do. What is agreed once for all rounds is in no number;"
        " Flower agrees on keys and shares in every round, and that is in its numbers. Peers play at most five rounds."
    )
    return Table("Peers on the same work", head, [_cost(row) for row in rows], note)


def _cost(row: Row) -> Sequence[str]:
    begin = (row.name, str(row.size), _percent(row))
    if not row.finished:
        return (*begin, f"0 of {row.played}" if row.played else "none played", _NONE, _NONE, _NONE)
    return (*begin, f"{row.finished} of {row.played}", _ms(row.meter), str(row.up_bytes), _ms(row.server))


def _reasons(rows: Sequence[Row]) -> Table:
    reasons = [(row.name, str(row.size), _percent(row), row.why.replace("|", "/")) for row in rows if row.why]
    return Table("Peers: why rounds did not finish", ("Who", "n", "Missing", "Why"), reasons or [("none", "", "", "")])


def _peers(found: PeerTable) -> Table:
    rows = [(peer.name, peer.remark) for peer in found.peers]
    packages = ", ".join(f"{name} {version}" for name, version in found.versions) or "none"
    return Table("Peers: what they are", ("Who", "What to know of it"), rows, f"From PyPI: {packages}.")


def _percent(row: Row) -> str:
    return f"{row.dropout * 100:.0f} %"


def _ms(laps: Laps) -> str:
    """Milliseconds: from some hundredths to a minute and more."""
    places = 3 if laps.least_us < 1_000 else 1
    return f"{laps.least_us / 1_000:.{places}f} ({laps.median_us / 1_000:.{places}f})"
