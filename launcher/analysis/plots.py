"""How plots look and how they are stored: SVG and PNG, the same bytes for the same numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from launcher.errors import LauncherError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette, which people with any color vision can tell apart."""
GRAY: Final = "#767676"
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
_STYLE: Final[dict[Any, Any]] = {
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "figure.dpi": 100,
    "savefig.dpi": 170,
    "svg.fonttype": "none",
    "svg.hashsalt": "dcnet",
    "font.family": "DejaVu Sans",
}


@contextmanager
def styled() -> Iterator[None]:
    """Everything drawn and saved in this block looks alike.

    Raises:
        LauncherError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: PLC0415 -- the product runs without it
        from cycler import cycler  # noqa: PLC0415
    except ImportError as error:
        raise LauncherError(
            "Plots need matplotlib. Run  make setup  or install the extra:  pip install 'dcnet-metering[analysis]'"
        ) from error
    with mpl.rc_context({**_STYLE, "axes.prop_cycle": cycler(color=COLORS)}):
        yield


def grid(rows: int, columns: int, width: float = 7.4, height: float = 2.7) -> "tuple[Figure, list[Axes]]":
    """A figure of panels in rows; sizes in inches, the height that of one row."""
    from matplotlib.figure import Figure as Canvas  # noqa: PLC0415

    figure = Canvas(figsize=(width, height * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    return figure, list(panels.ravel())


def save(figure: "Figure", directory: Path, name: str) -> None:
    """Store as `name.svg` and `name.png`, without a date."""
    directory.mkdir(parents=True, exist_ok=True)
    figure.savefig(directory / f"{name}.svg", metadata={"Date": None})
    figure.savefig(directory / f"{name}.png", metadata={"Software": None})


def log_sizes(axes: "Axes", label: str = "households in the sum, n") -> None:
    """A logarithmic axis of network sizes with readable numbers."""
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 5, 10, 20, 50, 100, 200, 500], labels=["1", "2", "5", "10", "20", "50", "100", "200", "500"])
    axes.minorticks_off()
    axes.set_xlabel(label)
