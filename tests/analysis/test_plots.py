"""Plots: the same bytes for the same numbers, and what is said without matplotlib."""

import sys
from pathlib import Path

import pytest

from launcher.analysis import plots
from launcher.errors import LauncherError


def test_a_missing_matplotlib_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(LauncherError, match="make setup"), plots.styled():
        pass


def test_the_same_numbers_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with plots.styled():
            figure, (axes,) = plots.grid(1, 1)
            axes.plot([1, 10, 100], [1, 2, 3])
            plots.log_sizes(axes)
            plots.save(figure, tmp_path / name, "plot")
    for kind in ("plot.svg", "plot.png"):
        assert (tmp_path / "first" / kind).read_bytes() == (tmp_path / "second" / kind).read_bytes()
