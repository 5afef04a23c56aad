"""Panels of `dcnet analyze rounds`: lines are the model, dots (with bars where a share was counted) the real cores."""

from itertools import groupby
from typing import TYPE_CHECKING

from common.suites import HARDENED
from launcher.analysis.rounds_outages import BURSTS
from launcher.analysis.tables import Results, Row, Rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


def draw(axes: "Axes", results: Results, suite: str = HARDENED.name) -> None:
    """The probability of a correction over the number of members, for each share of time without a connection."""
    for label, modeled, played in _series(results, suite):
        line = _line(axes, modeled, "model_corrected", label)
        middle = [_number(row["corrected"]) for row in played]
        below = [_number(row["corrected"]) - _number(row["corrected_low"]) for row in played]
        above = [_number(row["corrected_high"]) - _number(row["corrected"]) for row in played]
        members = [_number(row["members"]) for row in played]
        axes.errorbar(members, middle, yerr=[below, above], fmt="o", ms=3, color=line.get_color())
    _label(axes, "probability of a correction in a round")


def draw_waiting(axes: "Axes", results: Results, suite: str = HARDENED.name) -> None:
    """How long a sum takes on average over the number of members."""
    for label, modeled, played in _series(results, suite):
        line = _line(axes, modeled, "model_wait_mean_s", label)
        done = [row for row in played if row["wait_mean_s"] is not None]
        axes.plot(
            [_number(r["members"]) for r in done],
            [_number(r["wait_mean_s"]) for r in done],
            "o",
            ms=3,
            color=line.get_color(),
        )
    _label(axes, "seconds until the sum is there, mean")


def draw_bytes(axes: "Axes", results: Results) -> None:
    """What a gateway sends and hears in a round, with 5 % of the time without a connection, over the members."""
    rows = [row for row in results["rounds"] if row["loss"] == 0.05 and row["pattern"] != BURSTS.name]
    for suite, group in groupby(rows, lambda row: str(row["suite"])):
        listed = list(group)
        members = [_number(row["members"]) for row in listed]
        for name, style in (("up_bytes", "o-"), ("down_bytes", "s-"), ("down_bytes_all", "^:")):
            way = {"up_bytes": "up", "down_bytes": "down", "down_bytes_all": "down with all returns"}[name]
            axes.plot(members, [_number(row[name]) for row in listed], style, ms=3, label=f"{suite}, {way}")
    axes.set_yscale("log")
    _label(axes, "bytes for each gateway and round")


def _series(results: Results, suite: str) -> list[tuple[str, Rows, Rows]]:
    """For each kind of outages that real cores played: its name, the model over all sizes, and what was played."""
    modeled = sorted((row for row in results["rounds_model"] if row["suite"] == suite), key=_kind)
    played = [row for row in results["rounds"] if row["suite"] == suite]
    series = []
    for kind, group in groupby(modeled, _kind):
        own = [row for row in played if _kind(row) == kind]
        if own:
            label = f"{100 * kind[1]:g} % off, {kind[0]}"
            series.append((label, sorted(group, key=lambda row: _number(row["members"])), own))
    return series


def _kind(row: Row) -> tuple[str, float]:
    return str(row["pattern"]), _number(row["loss"])


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _line(axes: "Axes", rows: Rows, name: str, label: str) -> "Line2D":
    """A line, dashed for bursts."""
    style = "--" if BURSTS.name in label else "-"
    shown = [row for row in rows if row[name] is not None]
    (line,) = axes.plot([_number(r["members"]) for r in shown], [_number(r[name]) for r in shown], style, label=label)
    return line


def _label(axes: "Axes", what: str) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("members")
    axes.set_ylabel(what)
    axes.legend(fontsize="small")
