"""The six figures of the report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from common.suites import HARDENED
from launcher.analysis import figures_size, graph, rounds
from launcher.analysis.plots import grid
from launcher.analysis.tables import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Drawn:
    """One figure: the name of its files, how it is drawn, its caption, and the tables behind it."""

    name: str
    draw: "Callable[[Results], Figure]"
    caption: str
    tables: tuple[str, ...]


def protocol(results: Results) -> "Figure":
    """Key graph and rounds, four panels."""
    figure, panels = grid(2, 2, height=3.7)
    graph.draw_connectivity(panels[0], results)
    graph.draw(panels[1], results)
    rounds.draw(panels[2], results)
    rounds.draw_waiting(panels[3], results)
    titles = (
        "a  the honest rest of the key graph",
        "b  one member's neighbors",
        "c  corrections",
        "d  waiting for the sum",
    )
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title)
        axes.legend(fontsize=6.5, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2 if title[0] != "b" else 1)
    for axes in panels[2:]:
        axes.set_xticks([10, 20, 50, 100, 200], labels=["10", "20", "50", "100", "200"])
        axes.minorticks_off()
    return figure


FIGURES: Final = (
    Drawn(
        "privacy",
        figures_size.privacy,
        "What a sum over n households of the mixed street says about one of them; bands are 95 % bootstrap "
        "bounds, gray is the same attack on a stranger, who is not in the sum: only what exceeds gray is "
        "leakage. **a** The distinguishing game with 15-minute sums, by what the attacker knows. **b** The "
        "game with a known day, by period. **c** Is a known household away? **d** Appliances found by Hart's "
        "edges, by period.",
        ("size_curves",),
    ),
    Drawn(
        "smallest",
        figures_size.smallest,
        "The smallest network by the rule, for each population and period: full marks by the rule's limits "
        "(recommended), hollow ones by limits twice as wide (minimum). Bars are 95 % bootstrap bounds; an "
        "arrow leads beyond the largest size that was computed.",
        ("size_smallest",),
    ),
    Drawn(
        "likeness",
        figures_size.likeness,
        "The metrics of the thesis (a, b, c) and the mutual information of changes (d) between a household "
        "and the sum of 15 minutes over n households of the mixed street, with 95 % bootstrap bounds. Gray: a"
        " stranger of the same street.",
        ("size_curves",),
    ),
    Drawn(
        "baselines",
        figures_size.baselines,
        "What the alternatives of the thesis hide, on the same households (mixed street, 15 minutes), with 95"
        " % bootstrap bounds; in every panel, left is more private. A sum hides the same whether a third "
        "party or a DC-net makes it.",
        ("baselines",),
    ),
    Drawn(
        "protocol",
        protocol,
        "What size costs. **a** Probability that the honest rest of the key graph falls apart, and **b** that"
        " a member is surrounded by colluders, simulated (dots) and in closed form (lines). **c** Share of "
        "rounds that need a correction and **d** mean time until the sum is there, by the real cores (dots) "
        f"and by the model (lines), suite {HARDENED.name}, the default.",
        ("graph_connectivity", "graph_surrounded", "rounds", "rounds_model"),
    ),
    Drawn(
        "tradeoff",
        figures_size.tradeoff,
        "The counter-forces over n, for 15-minute sums of the mixed street: what an attacker gains (less is more "
        "private), how wrong a forecast from the sum is (less is more useful), and the share of rounds that need a "
        f"correction in suite {HARDENED.name}, the default, when 1 % of the members are off (less is cheaper). The "
        "window begins at the smallest network by the rule (bar: its 95 % bounds), and ends where more than three of "
        "four rounds need a correction.",
        ("size_curves", "size_smallest", "rounds_model"),
    ),
)


def draw_all(results: Results, keep: "Callable[[Figure, str], None]", drawn: Mapping[str, Drawn] | None = None) -> None:
    """Draw every figure and hand it over with its name."""
    for figure in (drawn or {one.name: one for one in FIGURES}).values():
        keep(figure.draw(results), figure.name)
