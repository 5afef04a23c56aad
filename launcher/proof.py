"""The long form of what the tests show in short: `dcnet simulate --proof` and `dcnet simulate --liveness`.

Source: docs/protocol.md, "What a lying provider learns", "Release".
"""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from rich.console import Console
from rich.progress import track
from rich.table import Table

from launcher.simulation.endings import Row, simulate, table
from launcher.simulation.exhaustive import search
from launcher.simulation.liveness import PENDING_MAX, Conditions, Ending
from launcher.simulation.meshes import CONTROLS, covered
from launcher.simulation.sampled import Gain, sample

_NETWORKS: Final = 500
_SIZES: Final = (8, 15, 30, 60, 200)
_ROUNDS: Final = 1_000


def prove(out: Console, err: Console) -> bool:
    """Judge every choice of a lying provider in small meshes, and attack larger networks; say whether all holds."""
    meshes = list(covered())
    found = [search(mesh) for mesh in track(meshes, "judging every state", console=err, disable=not err.is_terminal)]
    shown = Table(title="smallest sums that a lying provider learns in meshes, over all states up to symmetry")
    for column in ("members", "colluding", "away", "needed", "states", "promised", "smallest"):
        shown.add_column(column, justify="right")
    for mesh, findings in zip(meshes, found, strict=True):
        numbers = (
            mesh.members,
            mesh.colluding,
            mesh.away,
            mesh.needed,
            findings.states,
            mesh.promise,
            findings.smallest,
        )
        shown.add_row(*(f"{number:,}" for number in numbers))
    out.print(shown)
    holds = all(findings.smallest >= mesh.promise for mesh, findings in zip(meshes, found, strict=True))
    controls = _show_controls(out)
    return _show_sampled(out, err) and holds and controls


def _show_controls(out: Console) -> bool:
    """Leave each rule out once: a single reading has to be found, or the search is worth nothing."""
    shown = Table(title="negative controls: one rule left out")
    for column in ("left out", "states", "smallest"):
        shown.add_column(column, justify="left" if column == "left out" else "right")
    smallest = []
    for name, meshes in CONTROLS.items():
        found = [search(mesh) for mesh in meshes]
        smallest += [findings.smallest for findings in found]
        states = sum(findings.states for findings in found)
        shown.add_row(name, f"{states:,}", f"{max(findings.smallest for findings in found)}")
    out.print(shown)
    return set(smallest) == {1}


def _show_sampled(out: Console, err: Console) -> bool:
    seeds = track(range(_NETWORKS), "attacking networks", console=err, disable=not err.is_terminal)
    gains: list[Gain] = list(
        chain.from_iterable(sample(seed, members_max=_SIZES[seed % len(_SIZES)]) for seed in seeds)
    )
    broken = [gain for gain in gains if gain.broken]
    margins = [gain.margin for gain in gains if gain.margin is not None]
    shown = Table(title="attacks on drawn networks of up to 200, with rosters that grow and shrink", show_header=False)
    shown.add_row("networks", f"{_NETWORKS:,}")
    shown.add_row("attacks", f"{len(gains):,}")
    shown.add_row("that learned a sum", f"{sum(1 for gain in gains if gain.groups):,}")
    shown.add_row("that learned one exactly as small as promised", f"{sum(1 for margin in margins if not margin):,}")
    shown.add_row("that learned a smaller one", f"{len(broken):,}")
    out.print(shown)
    return not broken


def show_liveness(out: Console, err: Console) -> bool:
    """How many rounds have a sum under which faults; say whether all are within what is asked for.

    Nothing is asked for when more than a tenth is missing, or when who falls silent never returns.
    """
    returning = Conditions().returning
    shown = Table(
        title=f"1,000 members, {_ROUNDS:,} rounds each; in brackets what is expected on paper\n"
        f"assumed: {returning:.0%} of the silent return in each later round, unless the row says never"
    )
    for column in ("missing", "silent", "where", "in the sum", "at once", f"within {PENDING_MAX} rounds", "lost"):
        shown.add_column(column, justify="left" if column == "where" else "right")
    is_good = True
    for row in track(_liveness(), "playing rounds", total=17, console=err, disable=not err.is_terminal):
        had = row.conditions
        shown.add_row(
            f"{had.missing:.0%}",
            f"{had.silent:.0%}" if had.returning else f"{had.silent:.0%}, never back",
            "feeders" if had.feeder else "anywhere",
            f"{row.included:.0f}",
            f"{row.at_once:.1%} ({row.at_once_expected:.1%})",
            f"{row.in_time:.1%} ({row.in_time_expected:.1%})",
            f"{row.share(Ending.LOST):.1%}",
        )
        aim = row.in_time if had.silent else row.at_once
        is_good &= aim >= 0.99 or had.missing > 0.10 or not had.returning
    out.print(shown)
    return is_good


def _liveness() -> Iterator[Row]:
    """The conditions under which something is asked for, some beyond, and what it comes to when nobody returns."""
    yield from table(_ROUNDS)
    yield simulate(Conditions(missing=0.10, silent=0.01, returning=0.0), _ROUNDS)
