"""The published report: it follows from its tables, and its files are there."""

import csv
import re
from pathlib import Path

import pytest

from common.sizes import PRIVATE_MIN, RECOMMENDED_MIN
from common.suites import NAMED
from launcher.analysis import figures, report, tables, words
from launcher.analysis.options import Options
from launcher.analysis.tables import Cell, Results

DOCS = Path(__file__).parents[2] / "docs"
MADE = "## How this page was made"


def cell(text: str) -> Cell:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None


@pytest.fixture(scope="module")
def stored() -> Results:
    """The tables of the published report."""
    results: Results = {}
    for path in sorted((DOCS / "evaluation").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            results[path.stem] = [{name: cell(text) for name, text in row.items()} for row in csv.DictReader(file)]
    return results


def test_the_published_page_follows_from_the_published_tables(stored: Results) -> None:
    page = tables.refilled(report.written(stored, Options(out=DOCS / "evaluation"), 1.0))
    published = (DOCS / "evaluation.md").read_text(encoding="utf-8")
    assert page.split(MADE)[0] == published.split(MADE)[0]


def test_the_sizes_of_the_product_are_those_of_the_published_tables(stored: Results) -> None:
    assert words.derived(stored, "minimum") == PRIVATE_MIN
    assert words.derived(stored, "recommended") == RECOMMENDED_MIN


@pytest.mark.parametrize("table", ["rounds", "rounds_model"])
def test_the_published_tables_hold_every_suite(stored: Results, table: str) -> None:
    assert {row["suite"] for row in stored[table]} == set(NAMED)


def test_every_picture_and_table_of_the_page_is_there() -> None:
    published = (DOCS / "evaluation.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\((evaluation/[^)]+)\)", published))
    assert len([link for link in linked if link.endswith(".svg")]) == len(figures.FIGURES) == 6
    assert all((DOCS / link).is_file() for link in linked)


def test_the_time_is_told_in_one_place(stored: Results) -> None:
    page = report.written(stored, Options(), 1.0)
    assert page.count("Recorded:") == 1
    assert "UTC" not in page.split(MADE)[0]


def test_a_run_writes_page_plots_and_tables(stored: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "compute", lambda _options: stored)
    assert report.run(Options(out=tmp_path / "numbers"), tmp_path / "page.md") == 0
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    links = set(re.findall(r"\((numbers/[^)]+)\)", page))
    assert "{" not in page
    assert len([link for link in links if link.endswith((".svg", ".png"))]) == 2 * len(figures.FIGURES)
    assert all((tmp_path / link).is_file() for link in links)
