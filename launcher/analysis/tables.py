"""Tables of plain rows: what experiments hand over, what is cached, and what CSV files hold."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

Cell = str | int | float | None
"""None is an empty field: nothing to say there."""
Row = dict[str, Cell]
Rows = list[Row]
Results = dict[str, Rows]
"""The tables of an experiment by name; the name is that of the CSV file."""


def rounded(value: float, digits: int = 6) -> float:
    """A number with so many significant digits: what is stored says no more than what was measured."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else value


def as_csv(rows: Sequence[Mapping[str, Cell]]) -> str:
    """The rows under the names of the first one's fields."""
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_csv(directory: Path, results: Results) -> list[Path]:
    """One file for each table; returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, rows in results.items():
        path = directory / f"{name}.csv"
        path.write_text(as_csv(rows), encoding="utf-8")
        paths.append(path)
    return paths


def as_markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for the report: the first column to the left, the others to the right."""
    rule = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows)) + "\n"
