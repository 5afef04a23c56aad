"""`dcnet simulate`: networks in virtual time, with faults, from seeds.

One seed is one run, the same on every machine. A seed that fails prints the line that replays it.
"""

import json
import os
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from common.suites import NAMED
from launcher.proof import prove, show_liveness
from launcher.simulation.campaign import Summary, reports
from launcher.simulation.lies import Lie
from launcher.simulation.scenario import Request
from launcher.simulation.world import Report, run


def simulate(  # noqa: PLR0913, PLR0917 -- one parameter for each option of the command
    seed: Annotated[int, typer.Option(help="The first seed; the only one unless --seeds says more.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, one run each.")] = 1,
    gateways: Annotated[int | None, typer.Option(min=1, max=2_000, help="Gateways; drawn when not given.")] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds with faults; drawn when not given.")] = None,
    loss: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of messages lost; drawn if not given.")
    ] = None,
    networks: Annotated[int | None, typer.Option(min=1, max=2, help="Networks; drawn when not given.")] = None,
    faults: Annotated[bool, typer.Option(help="Whether anything goes wrong.")] = True,
    lie: Annotated[Lie | None, typer.Option(help="What the provider lies about; drawn when not given.")] = None,
    suite: Annotated[str | None, typer.Option(help="basic or hardened; drawn when not given.")] = None,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0 takes one for each core.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as JSON.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Everything that happens, with virtual times.")
    ] = False,
    proof: Annotated[
        bool, typer.Option("--proof", help="Instead: all that a lying provider can learn in small networks.")
    ] = False,
    liveness: Annotated[
        bool, typer.Option("--liveness", help="Instead: how many rounds have a sum when members are missing or silent.")
    ] = False,
) -> None:
    """Run whole networks in virtual time: real cores, faults from a seed, an oracle that knows the true sums."""
    if proof or liveness:
        _show_models(proof=proof, liveness=liveness)
        return
    if suite is not None and suite not in NAMED:
        raise typer.BadParameter(
            f"there is no suite {suite}: choose {' or '.join(sorted(NAMED))}", param_hint="--suite"
        )
    numbers = range(seed, seed + seeds)
    requests = [Request(number, gateways, rounds, loss, networks, faults, lie, suite) for number in numbers]
    out, err = Console(), Console(stderr=True)
    summary = Summary()
    try:
        if verbose:
            for request in requests:
                _take(run(request, typer.echo), request, summary, err)
        else:
            _run_all(requests, jobs or os.cpu_count() or 1, err, lambda r, q: _take(r, q, summary, err))
    except KeyboardInterrupt:
        err.print(f"stopped after {summary.runs} of {len(requests)} runs")
        _show(summary, out, as_json=as_json)
        raise typer.Exit(130) from None
    _show(summary, out, as_json=as_json)
    if not summary.is_good:
        raise typer.Exit(1)


def _show_models(*, proof: bool, liveness: bool) -> None:
    """The models without cores, one after the other; exit with 1 when one shows what must not be."""
    out, err = Console(), Console(stderr=True)
    is_proven = not proof or prove(out, err)
    if not is_proven:
        err.print("suite hardened promises more than holds: see the tables above")
    is_live = not liveness or show_liveness(out, err)
    if not is_live:
        err.print("fewer than 99 % of the rounds have a sum: see the table above")
    if not (is_proven and is_live):
        raise typer.Exit(1)


def _run_all(requests: Sequence[Request], jobs: int, err: Console, take: Callable[[Report, Request], None]) -> None:
    columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    is_quiet = len(requests) == 1 or not err.is_terminal
    with Progress(*columns, console=err, disable=is_quiet) as progress:
        task = progress.add_task("", total=len(requests))
        for request, report in zip(requests, reports(requests, min(jobs, len(requests))), strict=True):
            take(report, request)
            progress.advance(task)


def _take(report: Report, request: Request, summary: Summary, err: Console) -> None:
    summary.add(report)
    if report.violation is not None:
        err.print(f"seed {report.seed}: {report.violation}", highlight=False, markup=False, soft_wrap=True)
        err.print(f"replay with: {request.command} --verbose", highlight=False, markup=False, soft_wrap=True)


def _show(summary: Summary, out: Console, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(summary.as_json(), indent=2))
        return
    table = Table(title=f"{summary.runs} simulated runs, {len(summary.failures)} failed", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for status in ("complete", "corrected", "refused", "lost"):
        table.add_row(f"rounds {status}", f"{summary.rounds[status]:,}")
    table.add_row("rounds that waited for shares", f"{summary.waited:,}")
    table.add_section()
    for fault, count in sorted(summary.faults.items()):
        table.add_row(fault, f"{count:,}")
    if summary.told:
        table.add_section()
        table.add_row("lies of the provider", f"{summary.told.total():,}")
        table.add_row("answers of gateways to them", f"{summary.seen_through.total():,}")
    if summary.by_place.draws:
        table.add_section()
        table.add_row("neighbors drawn", f"{summary.by_place.draws:,}")
        chances = f"{summary.by_place.p_value:.3f} by place, {summary.by_distance.p_value:.3f} by distance"
        table.add_row("draws so uneven or more by chance", chances)
    table.add_section()
    table.add_row("readings exposed by late frames, in suite basic", f"{summary.exposed:,}")
    if summary.worst_liveness_seed is not None:
        worst = f"{summary.worst_liveness_rounds:.1f} rounds (seed {summary.worst_liveness_seed})"
        table.add_row("longest way back after the faults", worst)
    out.print(table)


if __name__ == "__main__":
    typer.run(simulate)
