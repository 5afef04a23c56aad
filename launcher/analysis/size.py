"""`dcnet analyze size`: what a sum over n households says about one of them, and the smallest n by the rule."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import typer

from launcher.analysis import absence, covariance, dominance, figures_size, forecast, game, own, plots, rule, traces
from launcher.analysis.cache import Cache
from launcher.analysis.households import PERIODS_MIN, POPULATIONS, Extent, Sample, averaged, simulate
from launcher.analysis.options import Options, Tell, silent
from launcher.analysis.pool import each
from launcher.analysis.progress import telling
from launcher.analysis.samples import Measured, bands, stronger
from launcher.analysis.tables import Cell, Results, Row, Rows, rounded, write_csv

SIZES: Final = (1, 2, 3, 5, 10, 15, 20, 30, 50, 100, 200, 500)
_ALL_SIZES: Final = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 17, 20, 23, 26, 30, 35, 40, 45, 50, 60, 70, 80, 100)
SIZES_FULL: Final = (*_ALL_SIZES, 120, 140, 160, 200, 230, 260, 300, 350, 400, 450, 500)
SLOWEST_MIN: Final = 60
OWN: Final = "own"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is drawn: sizes; pairs and groups of the games; groups of sums; households attacked in their traces."""

    sizes: tuple[int, ...]
    pairs: int = 500
    groups: int = 32
    sums: int = 100
    targets: int = 100

    @classmethod
    def of(cls, options: Options) -> "Plan":
        """The plan of a run."""
        return cls(SIZES_FULL, 500, 64, 300, 250) if options.full else cls(SIZES)


@dataclass(frozen=True, slots=True)
class Part:
    """One population in one season; `file` holds it when it is one's own."""

    population: str
    season: str
    file: Path | None = None

    def sample(self, options: Options) -> Sample:
        """Its households."""
        if self.file is not None:
            return own.read(self.file)
        return simulate(self.population, Extent(season=self.season), options)

    def parameters(self, period_min: int, plan: Plan) -> dict[str, Cell]:
        """What its numbers depend on, besides the seed."""
        changed = self.file.stat().st_mtime_ns if self.file else 0
        drawn = f"{plan.sizes} {plan.pairs} {plan.groups} {plan.sums} {plan.targets}"
        return {
            "population": self.population,
            "season": self.season,
            "period_min": period_min,
            "drawn": drawn,
            "file": str(self.file or ""),
            "changed": changed,
        }


def results(options: Options, tell: Tell = silent, households: Path | None = None) -> Results:
    """The curves over n (`size_curves`) and the smallest n (`size_smallest`)."""
    if households is not None:
        parts = [Part(OWN, "own", households)]
        parts[0].sample(options)
    else:
        seasons = ("spring", "summer", "winter") if options.full else ("spring",)
        parts = [Part(population.name, season) for season in seasons for population in POPULATIONS]
    done = each(partial(_part, options=options), parts, options.jobs, partial(tell, "network size"))
    return {
        "size_curves": [row for curves, _ in done for row in curves],
        "size_smallest": [row for _, smallest in done for row in smallest],
    }


def run(options: Options, households: Path | None = None) -> int:
    """The command."""
    with plots.styled():
        with telling() as tell:
            found = results(options, tell, households)
        write_csv(options.out, found)
        for draw in (figures_size.privacy, figures_size.likeness):
            plots.save(draw(found), options.out, draw.__name__)
    typer.echo(summary(found))
    typer.echo(f"Written: tables and plots of all metrics in {options.out}")
    return 0


def summary(found: Results) -> str:
    """The smallest n for every population and period, one line each."""
    lines = []
    largest = max(int(row["n"] or 0) for row in found["size_curves"])
    for row in found["size_smallest"]:
        if row["metric"] == "all" and row["level"] == "recommended":
            place = f"{row['population']}, {row['season']}, {row['period_min']} min"
            value, low, high = (shown(row[name], largest) for name in ("n", "low", "high"))
            lines.append(f"{place}: n = {value} ({low} to {high})")
    return "Smallest network by the rule (95 % bounds):\n" + "\n".join(lines)


def shown(size: Cell, largest: int) -> str:
    """A size as people read it, rounded up; None is beyond the largest that was computed."""
    return f"> {largest}" if size is None else str(math.ceil(float(size)))


def _part(part: Part, options: Options) -> tuple[Rows, Rows]:
    """The rows of all periods of one part, from the cache or computed."""
    plan, cache = Plan.of(options), Cache(options)
    curves: Rows = []
    smallest: Rows = []
    sample: Sample | None = None
    slow: dict[int, list[Measured]] = {}
    for period_min in PERIODS_MIN:
        parameters = part.parameters(period_min, plan)
        found = [cache.find(name, parameters) for name in ("size_curves", "size_smallest")]
        if found[0] is None or found[1] is None:
            sample = sample or part.sample(options)
            if period_min % sample.fine_min:
                continue
            fitting = replace(plan, sizes=tuple(size for size in plan.sizes if size <= sample.count - 2))
            finest = max(period_min, sample.coarse_min)
            if finest not in slow:
                slow[finest] = _slow(part, sample, finest, fitting, options)
            measured = [*_fast(part, sample, period_min, fitting, options), *slow[finest]]
            found = list(_rows(part, period_min, fitting.sizes, measured, options))
            for name, rows in zip(("size_curves", "size_smallest"), found, strict=True):
                cache.keep(name, parameters, rows or [])
        curves += found[0] or []
        smallest += found[1] or []
    return curves, smallest


def _rows(
    part: Part, period_min: int, sizes: Sequence[int], measured: Sequence[Measured], options: Options
) -> tuple[Rows, Rows]:
    place: Row = {"population": part.population, "season": part.season, "period_min": period_min}
    draws = options.generator("bootstrap", *place.values())
    curves = [{**place, **row} for one in measured for row in _curve(one, sizes, options, place)]
    smallest: Rows = []
    for level, factor in rule.LEVELS.items():
        for name, size in rule.smallest(measured, sizes, factor, draws).items():
            numbers = {"n": size.value, "low": size.low, "high": size.high}
            finite = {key: rounded(value, 4) if math.isfinite(value) else None for key, value in numbers.items()}
            smallest.append({**place, "level": level, "metric": name, **finite})
    return curves, smallest


def _fast(part: Part, sample: Sample, period_min: int, plan: Plan, options: Options) -> list[Measured]:
    """The metrics that differ from period to period."""
    place = (part.population, part.season, period_min)
    slots = period_min // sample.fine_min
    fine, imported = averaged(sample.fine_w, slots), averaged(sample.import_w, slots)
    weights = covariance.learn(averaged(sample.reference_w, slots))
    played = game.Game(plan.sizes, plan.pairs, plan.groups)
    return [
        game.known_day(fine, weights, played, options.generator("day", *place)),
        game.known_week(fine, weights, played, options.generator("week", *place)),
        *traces.measures(sample, period_min, plan.sizes, plan.targets, options.generator("traces", *place)),
        *dominance.measures(imported, plan.sizes, plan.sums, options.generator("dominance", *place)),
        *forecast.measures(imported, plan.sizes, plan.sums, options.generator("forecast", *place)),
    ]


def _slow(part: Part, sample: Sample, finest_min: int, plan: Plan, options: Options) -> list[Measured]:
    """Habits and absence, which take hours: whoever has finer readings adds them up, and takes what serves best.

    Its random numbers don't depend on the period, so that a shorter one can't look safer by chance.
    """
    best: list[Measured] = []
    for width_min in sorted({finest_min, SLOWEST_MIN}):
        coarse = _no_finer(sample, width_min)
        weights = covariance.learn(averaged(sample.reference_w, width_min // sample.fine_min))
        played = game.Game(plan.sizes, plan.pairs, plan.groups)
        habits = options.generator("habits", part.population, part.season)
        absent = options.generator("absence", part.population, part.season)
        found = [
            game.known_habits(coarse.coarse_w, weights, played, habits),
            *absence.measures(coarse, absence.Attack(weights, plan.sizes, plan.groups // 2), absent),
        ]
        best = [stronger(old, new) for old, new in zip(best, found, strict=True)] if best else found
    return best


def _no_finer(sample: Sample, period_min: int) -> Sample:
    """The sample with coarse readings of the period, when that is longer than theirs."""
    slots = max(period_min // sample.coarse_min, 1)
    return replace(
        sample,
        coarse_w=averaged(sample.coarse_w, slots),
        load_w=averaged(sample.load_w, slots),
        coarse_min=sample.coarse_min * slots,
    )


def _curve(one: Measured, sizes: Sequence[int], options: Options, place: Row) -> Rows:
    draws = options.generator("bands", one.metric, *place.values())
    members = bands(one.member, draws)
    strangers = bands(one.stranger, draws) if one.stranger is not None else [None] * len(sizes)
    rows: Rows = []
    for size, member, stranger in zip(sizes, members, strangers, strict=True):
        row: Row = {"metric": one.metric, "n": size, "member": rounded(member.mean)}
        row |= {"member_low": rounded(member.low), "member_high": rounded(member.high)}
        row |= {"stranger": rounded(stranger.mean) if stranger else None}
        row |= {"stranger_low": rounded(stranger.low) if stranger else None}
        row |= {"stranger_high": rounded(stranger.high) if stranger else None, "units": len(one.member)}
        rows.append(row)
    return rows
