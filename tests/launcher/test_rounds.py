from pathlib import Path

from launcher.rounds import RoundMessage, read_results
from tests.launcher.boards import closed, message, sumless, truth

HEADER = (
    "network,region,round,start_utc,status,why,import_dwh,export_dwh,contributors,members,present,missing,away,"
    "attempts,duration_ms\n"
)


def test_a_sum_is_exact_when_all_three_lanes_are() -> None:
    assert closed().is_exact is True
    assert closed(known=truth(122)).is_exact is False
    assert closed(known=truth(123, 5)).is_exact is False
    assert closed(known=truth(123, 4, 7)).is_exact is False


def test_a_sum_whose_truth_is_not_known_is_not_called_exact() -> None:
    assert closed(known=truth(123, 4, 8, 5)).is_exact is False


def test_a_round_without_a_sum_is_good_when_it_says_why() -> None:
    refused = sumless(2, "too few")
    assert (refused.is_exact, refused.is_good) == (None, True)
    assert not sumless(2, "").is_good


def test_the_json_line_has_every_promised_field() -> None:
    line = closed(3, missing=1, present=7, contributors=7, known=truth(123, 4, 7)).as_json()
    promised = (
        "network round status members present attempts import_dwh export_dwh contributors"
        " expected_import_dwh expected_export_dwh exact duration_ms missing"
    )
    assert set(promised.split()) <= line.keys()
    assert (line["round"], line["missing"], line["exact"], line["expected_import_dwh"]) == (1_002, 1, True, 123)


def test_a_round_without_a_sum_has_null_instead() -> None:
    line = sumless(2, "too few").as_json()
    assert [line[key] for key in ("import_dwh", "expected_import_dwh", "expected_contributors", "exact")] == [None] * 4


def test_the_results_file_is_read_by_network(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text(
        f"{HEADER}1,north,5,2026-01-01T00:00:00Z,complete,,12,0,6,6,6,0,0,0,300\n"
        "2,south,5,2026-01-01T00:00:00Z,lost,the provider was not running,,,,6,0,6,0,0,300\n"
    )
    assert read_results(path, 1)[5].import_dwh == 12
    lost = read_results(path, 2)[5]
    assert (lost.import_dwh, lost.has_sum, lost.why) == (None, False, "the provider was not running")


def test_a_round_that_nobody_told_has_neither_sum_nor_reason() -> None:
    absent = RoundMessage.absent(message(), 7)
    assert (absent.round, absent.has_sum, absent.why, absent.status) == (7, False, "", "lost")
