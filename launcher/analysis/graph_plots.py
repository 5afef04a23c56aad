"""Panels of `dcnet analyze graph`: lines are closed forms, dots with bars were simulated."""

from itertools import groupby
from typing import TYPE_CHECKING

from launcher.analysis.tables import Results, Row, Rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


def draw(axes: "Axes", results: Results) -> None:
    """The risk of being surrounded over the share of colluders; dots were simulated, lines are closed forms."""
    rows = sorted(results["graph_surrounded"], key=_promise)
    for (suite, provider, draws), group in groupby(rows, _promise):
        listed = list(group)
        label = f"{suite}, {draws} drawn, provider {provider}"
        line = _curve(axes, listed, "share", "surrounded", label)
        if suite == "basic":
            line.set_linestyle("--")
    _logarithmic(axes, 1e-10)
    axes.set_xscale("log")
    axes.set_xticks([0.01, 0.02, 0.05, 0.1, 0.2, 0.5], labels=["1 %", "2 %", "5 %", "10 %", "20 %", "50 %"])
    axes.minorticks_off()
    stated = float(results["graph_advice"][0]["risk_stated"] or 0)
    axes.axhline(stated, color="gray", linestyle=":", label=f"stated risk, {stated:g}")
    axes.set_xlabel("share of members that collude")
    axes.set_ylabel("probability that a member is surrounded")
    axes.legend(fontsize="small", loc="upper left")


def _promise(row: Row) -> tuple[str, str, int]:
    return str(row["suite"]), str(row["provider"]), int(row["draws"] or 0)


def draw_connectivity(axes: "Axes", results: Results, members: int = 100) -> None:
    """The probability that the key graph falls apart over the share of members that hide nobody."""
    rows = [{**row, "useless": _useless(row)} for row in results["graph_connectivity"] if row["members"] == members]
    rows.sort(key=lambda row: (int(row["draws"] or 0), float(row["useless"] or 0)))
    for draws, group in groupby(rows, lambda row: row["draws"]):
        _curve(axes, list(group), "useless", "split", f"{draws} drawn")
    _logarithmic(axes, 1e-9)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8], labels=["0", "20 %", "40 %", "60 %", "80 %"])
    axes.set_xlabel(f"share of {members} members that are absent or collude")
    axes.set_ylabel("probability that the honest rest falls apart")
    axes.legend(fontsize="small")


def _useless(row: Row) -> float:
    share, loss = float(row["share"] or 0), float(row["loss"] or 0)
    return share + (1 - share) * loss


def _curve(axes: "Axes", rows: Rows, x: str, name: str, label: str) -> "Line2D":
    """The closed form as a line, what was simulated as dots with bars; no dot where nothing was hit."""
    closed = [(float(row[x] or 0), float(row[f"{name}_closed"] or 0)) for row in rows if row[f"{name}_closed"]]
    (line,) = axes.plot([at for at, _ in closed], [chance for _, chance in closed], label=label)
    hit = [row for row in rows if row[name]]
    middle = [float(row[name] or 0) for row in hit]
    below = [float(row[name] or 0) - float(row[f"{name}_low"] or 0) for row in hit]
    above = [float(row[f"{name}_high"] or 0) - float(row[name] or 0) for row in hit]
    axes.errorbar(
        [float(row[x] or 0) for row in hit], middle, yerr=[below, above], fmt="o", ms=3, color=line.get_color()
    )
    return line


def _logarithmic(axes: "Axes", lowest: float) -> None:
    axes.set_yscale("log")
    axes.set_ylim(lowest, 2)
