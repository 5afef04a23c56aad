"""Figures of the size experiment and of the baselines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from launcher.analysis.households import PERIODS_MIN, POPULATIONS
from launcher.analysis.plots import COLORS, GRAY, MARKERS, grid, log_sizes
from launcher.analysis.tables import Cell, Results, Row, Rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAIN: Final = "mixed"
MAIN_PERIOD_MIN: Final = 15
SIZE_MAX: Final = 500
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


def curve(results: Results, metric: str, period_min: int = MAIN_PERIOD_MIN) -> Rows:
    """One metric over n for the main population in the first season."""
    rows = results["size_curves"]
    population, season = main_population(rows), rows[0]["season"]
    return chosen(rows, metric=metric, period_min=period_min, population=population, season=season)


def privacy(results: Results) -> "Figure":
    """Games, absence and appliances over n."""
    figure, (games, periods, absence, appliances) = grid(2, 2)
    known = (("advantage_week", "one week"), ("advantage_day", "one day"), ("advantage_habits", "habits only"))
    for place, (metric, label) in enumerate(known):
        _line(games, curve(results, metric), label, place)
    _stranger(games, curve(results, "advantage_day"), "stranger")
    for place, period_min in enumerate(PERIODS_MIN):
        _line(periods, curve(results, "advantage_day", period_min), f"{period_min} min", place)
    for place, (metric, label) in enumerate((("auc_week", "one week"), ("auc_day", "one day"))):
        _line(absence, curve(results, metric), label, place)
    _stranger(absence, curve(results, "auc_day"), "stranger, one day")
    for place, period_min in enumerate(PERIODS_MIN):
        _line(appliances, curve(results, "f1", period_min), f"{period_min} min", place)
        _stranger(appliances, curve(results, "f1", period_min), "strangers" if not place else "")
    _finish(games, "a  who is in the sum? (15 min)", "advantage over guessing", "attacker knows")
    _finish(periods, "b  the same, one day known", "advantage over guessing", "period")
    _finish(absence, "c  is the household away? (15 min)", "AUC (0.5 is guessing)", "asked for")
    _finish(appliances, "d  appliances found", "F1 score", "period")
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
    for place, period_min in enumerate(PERIODS_MIN):
        for level, offset in (("recommended", 0.0), ("minimum", 0.0)):
            found = [
                (names.index(str(row["population"])), row) for row in chosen(rows, period_min=period_min, level=level)
            ]
            _dots(axes, found, 0.18 * (place - 1.5) + offset, place, period_min, is_full=level == "recommended")
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
        axes.set_title(title, fontsize=8)
    return figure


def tradeoff(results: Results) -> "Figure":
    """Privacy, use and cost over n, all in percent, with the window from the rule on."""
    figure, (axes,) = grid(1, 1, height=3.6)
    lines = (
        ("advantage_day", "privacy: advantage, one day known"),
        ("advantage_habits", "privacy: advantage, habits only"),
    )
    for place, (metric, label) in enumerate(lines):
        _line(axes, curve(results, metric), label, place, 100)
    _line(axes, curve(results, "forecast_error"), "use: error of a forecast", 2, 100)
    model = chosen(results["rounds_model"], suite="basic", loss=0.01, pattern="independent")
    model.sort(key=lambda row: number(row["members"]))
    sizes = [number(row["members"]) for row in model if number(row["members"]) <= SIZE_MAX]
    costs = [100 * number(row["model_corrected"]) for row in model[: len(sizes)]]
    axes.plot(
        sizes, costs, color=COLORS[3], marker=MARKERS[3], ls="--", label="cost: rounds with a correction, 1 % off"
    )
    population = main_population(results["size_smallest"])
    (row,) = chosen(
        chosen(results["size_smallest"], population=population, period_min=MAIN_PERIOD_MIN, metric="all"),
        level="recommended",
        season=results["size_smallest"][0]["season"],
    )
    low, high = number(row["low"]) or SIZE_MAX, number(row["high"]) or SIZE_MAX
    axes.axvspan(high, SIZE_MAX, color=COLORS[2], alpha=0.12, lw=0)
    axes.axvspan(low, high, color=COLORS[2], alpha=0.25, lw=0)
    axes.text(high * 1.06, 96, "recommended", color="#00604a", va="top", fontsize=8)
    log_sizes(axes)
    axes.set_xlim(1, SIZE_MAX)
    axes.set_ylim(0, 100)
    axes.set_ylabel("percent")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    return figure


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


def _finish(axes: "Axes", title: str, unit: str, legend: str | None) -> None:
    log_sizes(axes)
    axes.set_title(title)
    axes.set_ylabel(unit)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(title=legend)


def _dots(  # noqa: PLR0913 -- what marks look like
    axes: "Axes", found: Sequence[tuple[int, Row]], offset: float, place: int, period_min: int, *, is_full: bool
) -> None:
    """One mark with its bounds for each population; beyond the largest size an arrow."""
    for at, row in found:
        value = number(row["n"]) or _BEYOND
        low, high = number(row["low"]) or _BEYOND, number(row["high"]) or _BEYOND
        height = at + offset
        axes.plot([low, high], [height, height], color=COLORS[place], lw=1.2)
        marker = MARKERS[place] if row["n"] is not None else ">"
        face = COLORS[place] if is_full else "white"
        label = f"{period_min} min" if is_full and at == found[0][0] else None
        axes.plot(
            [value], [height], marker=marker, mfc=face, mec=COLORS[place], color=COLORS[place], ls="", label=label
        )
