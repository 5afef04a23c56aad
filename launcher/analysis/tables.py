"""Tables of plain rows: what experiments hand over, what is cached, and what CSV files hold."""

import csv
import io
import math
import re
import textwrap
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


def refilled(page: str, width: int = 120) -> str:
    """Markdown with its paragraphs and list items wrapped anew; tables, headings, pictures and code stay."""
    blocks = re.split(r"(\n{2,})", page)
    return "".join(block if _is_fixed(block) else _wrapped(block, width) for block in blocks)


def _is_fixed(block: str) -> bool:
    return not block.strip() or block.startswith(("|", "#", "!", "```", "    "))


def _wrapped(block: str, width: int) -> str:
    """A paragraph, or the items of a list; a table that follows a line directly is left alone."""
    items = re.split(r"\n(?=- |\|)", block)
    lines = []
    for item in items:
        inner = "  " if item.startswith("- ") else ""
        text = " ".join(item.split())
        is_table = item.startswith("|")
        end = "\n" if item.endswith("\n") else ""
        filled = textwrap.wrap(text, width, subsequent_indent=inner, break_long_words=False, break_on_hyphens=False)
        lines.append(item if is_table else "\n".join(filled) + end)
    return "\n".join(lines)
