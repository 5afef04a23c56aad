"""Figures of the size experiment and of the baselines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from common.suites import HARDENED
from launcher.analysis.households import PERIODS_MIN, POPULATIONS
from launcher.analysis.plots import COLORS, GRAY, MARKERS, grid, log_sizes
from launcher.analysis.tables import Cell, Results, Row, Rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAIN: Final = "mixed"
MAIN_PERIOD_MIN: Final = 15
SIZE_MAX: Final = 500
COST_LOSS: Final = 0.01
COST_LIMIT: Final = 0.75
"""The window ends where more than three of four rounds need a correction with 1 % of members off."""
_BEYOND: Final = 640
_SCHEMES: Final = (
    ("nothing", 1, "nothing"),
    ("pseudonyms", 1, "pseudonyms"),
    ("battery 5 kWh", 1, "battery, 5 kWh"),
    ("battery 15 kWh", 1, "battery, 15 kWh"),
    ("sum", 20, "sum of 20"),
    ("sum", 50, "sum of 50"),
    ("sum", 100, "sum of 100"),
)
_PANELS: Final = (
    ("advantage_day", "advantage,\nknown day", 0.0, 1.0),
    ("advantage_habits", "advantage,\nhabits", 0.0, 1.0),
    ("auc_day", "absence,\nAUC", 0.5, 1.0),
    ("f1", "appliances,\nF1", 0.0, 0.35),
    ("regression", "regression,\nR²", 0.0, 1.0),
    ("information", "information\nof changes, bits", 0.0, 2.0),
)


def number(value: Cell) -> float:
    """A cell that holds a number; nothing counts as 0."""
    return float(value) if isinstance(value, int | float) else 0.0


def chosen(rows: Rows, **wanted: Cell) -> Rows:
    """The rows with these fields."""
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def main_population(rows: Rows) -> str:
    """The population that stands for all: the mixed street, or the only one there is."""
    return MAIN if any(row["population"] == MAIN for row in rows) else str(rows[0]["population"])


def main_period_min(rows: Rows) -> int:
    """A quarter-hour, or the shortest period of households that are read less often."""
    periods = [int(number(row["period_min"])) for row in rows]
    return MAIN_PERIOD_MIN if MAIN_PERIOD_MIN in periods else min(periods)


def curve(results: Results, metric: str, period_min: int | None = None) -> Rows:
    """One metric over n for the main population in the first season; for the main period unless told."""
    rows = results["size_curves"]
    period_min = period_min or main_period_min(rows)
    population, season = main_population(rows), rows[0]["season"]
    return chosen(rows, metric=metric, period_min=period_min, population=population, season=season)


def privacy(results: Results) -> "Figure":
    """Games, absence and appliances over n."""
    figure, (games, periods, absence, appliances) = grid(2, 2, height=3.0)
    main = f"({main_period_min(results['size_curves'])} min)"
    known = (("advantage_week", "one week"), ("advantage_day", "one day"), ("advantage_habits", "habits only"))
    for place, (metric, label) in enumerate(known):
        _line(games, curve(results, metric), label, place)
    _stranger(games, curve(results, "advantage_day"), "stranger")
    there = {row["period_min"] for row in results["size_curves"]}
    shown = [(place, period_min) for place, period_min in enumerate(PERIODS_MIN) if period_min in there]
    for place, period_min in shown:
        _line(periods, curve(results, "advantage_day", period_min), f"{period_min} min", place)
    for place, (metric, label) in enumerate((("auc_week", "one week"), ("auc_day", "one day"))):
        _line(absence, curve(results, metric), label, place)
    _stranger(absence, curve(results, "auc_day"), "stranger, one day")
    for place, period_min in shown:
        rows = curve(results, "f1", period_min)
        _line(appliances, rows, f"{period_min} min", place)
        sizes = [number(row["n"]) for row in rows]
        (dots,) = appliances.plot(sizes, [number(row["stranger"]) for row in rows], ":", color=COLORS[place], lw=1)
    dots.set_label("strangers")
    _finish(games, f"a  who is in the sum? {main}", "advantage over guessing", "attacker knows", is_below=True)
    _finish(periods, "b  the same, one day known", "advantage over guessing", "period", is_below=True)
    _finish(absence, f"c  is the household away? {main}", "AUC (0.5 is guessing)", "asked for")
    _finish(appliances, "d  appliances found", "F1 score", "period")
    periods.set_ylim(bottom=-0.08)
    absence.set_ylim(0.45, 1.02)
    return figure


def likeness(results: Results) -> "Figure":
    """The metrics of the thesis, and information, for members and strangers."""
    figure, panels = grid(2, 2)
    words = (
        ("relative_entropy", "a  relative entropy", "bits"),
        ("clusters", "b  clusters of edges", "clusters in a week of sums"),
        ("regression", "c  regression analysis", "R²"),
        ("information", "d  information of changes", "bits per interval"),
    )
    for axes, (metric, title, unit) in zip(panels, words, strict=True):
        rows = curve(results, metric)
        _line(axes, rows, "member" if metric != "clusters" else "", 0)
        if metric != "clusters":
            _stranger(axes, rows, "stranger")
        _finish(axes, title, unit, None)
        axes.set_ylim(bottom=0)
    return figure


def smallest(results: Results) -> "Figure":
    """The smallest network for each population and period."""
    figure, (axes,) = grid(1, 1, height=4.4)
    rows = [row for row in results["size_smallest"] if row["metric"] == "all"]
    rows = chosen(rows, season=rows[0]["season"])
    titles = {one.name: one.title for one in POPULATIONS} | {"own": "own households"}
    names = [name for name in titles if any(row["population"] == name for row in rows)]
    for period_min in PERIODS_MIN:
        for level in ("recommended", "minimum"):
            found = chosen(rows, period_min=period_min, level=level)
            _dots(axes, [(names.index(str(row["population"])), row) for row in found])
    axes.set_yticks(range(len(names)), labels=[titles[name] for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    log_sizes(axes, "smallest number of households, n")
    axes.set_xlim(4, _BEYOND * 1.15)
    axes.grid(visible=False, axis="y")
    for edge in range(1, len(names)):
        axes.axhline(edge - 0.5, color="#dddddd", lw=0.6)
    axes.legend(title="period", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def baselines(results: Results) -> "Figure":
    """Each scheme in each metric."""
    figure, panels = grid(1, len(_PANELS), height=2.9, width=8.6)
    rows = results["baselines"]
    for axes, (metric, title, low, high) in zip(panels, _PANELS, strict=True):
        for place, (scheme, size, _) in enumerate(_SCHEMES):
            for row in chosen(rows, scheme=scheme, n=size, metric=metric):
                value = number(row["value"])
                bars = [[value - number(row["low"])], [number(row["high"]) - value]]
                color = COLORS[0] if scheme == "sum" else COLORS[1]
                axes.errorbar([value], [place], xerr=bars, fmt="o" if scheme == "sum" else "s", color=color, capsize=2)
        axes.set_ylim(len(_SCHEMES) - 0.5, -0.5)
        axes.set_yticks(range(len(_SCHEMES)), labels=[label for *_, label in _SCHEMES] if axes is panels[0] else [])
        margin = 0.06 * (high - low)
        axes.set_xlim(low - margin, high + margin)
        axes.set_xticks([low, (low + high) / 2, high], labels=[f"{low:g}", "", f"{high:g}"])
        axes.set_title(title, fontsize=8)
    return figure


def tradeoff(results: Results) -> "Figure":
    """Privacy, use and cost over n, all in percent, with the recommended window marked."""
    figure, (axes,) = grid(1, 1, height=3.7)
    known = (("advantage_day", "one day known"), ("advantage_habits", "habits only"))
    for place, (metric, label) in enumerate(known):
        _line(axes, curve(results, metric), f"privacy: advantage, {label}", place, 100)
    _line(axes, curve(results, "forecast_error"), "use: error of a forecast from the sum", 2, 100)
    sizes, shares = costs(results)
    label = f"cost: rounds with a correction, {100 * COST_LOSS:g} % off"
    axes.plot(sizes, [100 * one for one in shares], color=COLORS[3], marker=MARKERS[3], ls="--", label=label)
    row, end = window(results)
    low, value, high = (number(row[name]) or SIZE_MAX for name in ("low", "n", "high"))
    axes.axvspan(value, max(end, value), color=COLORS[5], alpha=0.2, lw=0)
    axes.axvline(value, color="#00507a", lw=1.2)
    axes.errorbar([value], [97], xerr=[[value - low], [high - value]], color="#00507a", capsize=3)
    axes.text(value * 1.25, 93.5, "recommended window", color="#00507a", va="top", fontsize=8)
    log_sizes(axes)
    axes.set_xlim(1, SIZE_MAX)
    axes.set_ylim(0, 101)
    axes.set_ylabel("percent")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)
    return figure


def costs(results: Results) -> tuple[list[float], list[float]]:
    """Sizes, and the share of rounds of the default suite that need a correction, by the model of rounds."""
    model = chosen(results["rounds_model"], suite=HARDENED.name, loss=COST_LOSS, pattern="independent")
    model.sort(key=lambda row: number(row["members"]))
    points = [(number(row["members"]), number(row["model_corrected"])) for row in model]
    return [size for size, _ in points if size <= SIZE_MAX], [share for size, share in points if size <= SIZE_MAX]


def window(results: Results) -> tuple[Row, float]:
    """The smallest recommended network of the main population, and the size at which corrections become the rule."""
    rows = results["size_smallest"]
    place = {"population": main_population(rows), "season": rows[0]["season"], "period_min": MAIN_PERIOD_MIN}
    (row,) = chosen(rows, metric="all", level="recommended", **place)
    sizes, shares = costs(results)
    many = [at for at, share in enumerate(shares) if share > COST_LIMIT]
    if not many or not many[0]:
        return row, sizes[-1]
    ends = slice(many[0] - 1, many[0] + 1)
    return row, float(np.exp(np.interp(COST_LIMIT, shares[ends], np.log(sizes[ends]))))


def _line(axes: "Axes", rows: Rows, label: str, place: int, scale: float = 1) -> None:
    sizes = [number(row["n"]) for row in rows]
    middle, low, high = (
        [scale * number(row[name]) for row in rows] for name in ("member", "member_low", "member_high")
    )
    axes.plot(sizes, middle, color=COLORS[place], marker=MARKERS[place], label=label or None)
    axes.fill_between(sizes, low, high, color=COLORS[place], alpha=0.2, lw=0)


def _stranger(axes: "Axes", rows: Rows, label: str) -> None:
    sizes = [number(row["n"]) for row in rows]
    middle, low, high = ([number(row[name]) for row in rows] for name in ("stranger", "stranger_low", "stranger_high"))
    axes.plot(sizes, middle, color=GRAY, lw=1, ls=":", label=label or None)
    axes.fill_between(sizes, low, high, color=GRAY, alpha=0.2, lw=0)


def _finish(axes: "Axes", title: str, unit: str, legend: str | None, *, is_below: bool = False) -> None:
    log_sizes(axes)
    axes.set_title(title)
    axes.set_ylabel(unit)
    if axes.get_legend_handles_labels()[1]:
        if is_below:
            axes.legend(title=legend, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=4, columnspacing=1.0)
        else:
            axes.legend(title=legend)


def _dots(axes: "Axes", found: Sequence[tuple[int, Row]]) -> None:
    """For each population, by its place, one mark with its bounds; beyond the largest size an arrow."""
    for at, row in found:
        period_min, is_full = int(number(row["period_min"])), row["level"] == "recommended"
        place = PERIODS_MIN.index(period_min)
        value, low, high = (number(row[name]) or _BEYOND for name in ("n", "low", "high"))
        height, color = at + 0.18 * (place - 1.5), COLORS[place]
        axes.plot([low, high], [height, height], color=color, lw=1.2)
        marker = MARKERS[place] if row["n"] is not None else ">"
        face = color if is_full else "white"
        label = f"{period_min} min" if is_full and at == found[0][0] else None
        axes.plot([value], [height], marker=marker, mfc=face, mec=color, color=color, ls="", label=label)
