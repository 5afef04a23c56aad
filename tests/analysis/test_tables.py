"""Tables as files and as Markdown, and paragraphs filled anew."""

from pathlib import Path

from launcher.analysis.tables import as_markdown, refilled, rounded, write_csv


def test_a_table_becomes_a_file_with_empty_fields_for_nothing(tmp_path: Path) -> None:
    (path,) = write_csv(tmp_path / "new", {"sizes": [{"n": 1, "low": None}, {"n": 2, "low": 0.5}]})
    assert path.name == "sizes.csv"
    assert path.read_text() == "n,low\n1,\n2,0.5\n"


def test_numbers_keep_six_digits() -> None:
    assert rounded(1 / 3) == 0.333333
    assert rounded(123456.789) == 123457


def test_markdown_tables_have_a_rule_below_the_header() -> None:
    assert as_markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --: |\n| 1 | 2 |\n"


def test_paragraphs_and_items_are_filled_and_tables_are_left_alone() -> None:
    page = "# Title\n\none\ntwo\n\n- first\n  item\n- second\n\n| a |\n| - |\n"
    assert refilled(page) == "# Title\n\none two\n\n- first item\n- second\n\n| a |\n| - |\n"


def test_long_lines_are_wrapped() -> None:
    assert refilled("word " * 4, width=10) == "word word\nword word"
