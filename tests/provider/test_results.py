import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from broker.home import HomeError
from common.identifiers import NetworkId, RoundNumber
from common.refusal import Refusal
from provider.core.events import RoundResult
from provider.results import COLUMNS, RECENT, ResultsFile, as_json, as_sentences, start_utc
from tests.provider.records import NETWORK, complete, refused

HEADER = ",".join(COLUMNS) + "\n"
LINE_10 = "7,north,10,1970-01-01T02:15:00Z,complete,,12340,2000,8,8,8,0,1,0,1500\n"
LINE_11 = "7,north,11,1970-01-01T02:30:00Z,refused,fewer members than the minimum are present,,,,3,0,0,0,0,0\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.csv"


def test_a_closed_round_is_one_line_under_one_header(path: Path) -> None:
    ResultsFile(path).append([complete(10)])
    ResultsFile(path).append([refused(11)])
    assert path.read_text() == HEADER + LINE_10 + LINE_11


def test_a_round_never_has_two_lines(path: Path) -> None:
    file = ResultsFile(path)
    file.append([complete(10), complete(10)])
    file.append([complete(10)])
    ResultsFile(path).append([complete(10)])
    assert path.read_text() == HEADER + LINE_10


def test_the_same_round_of_two_networks_has_two_lines(path: Path) -> None:
    ResultsFile(path).append([complete(10), complete(10, network=NetworkId(8))])
    assert len(path.read_text().splitlines()) == 3


@pytest.mark.parametrize("left", [1, 20, len(LINE_11) - 1])
def test_what_a_crash_left_of_a_line_is_cut_off_and_the_line_written_again(path: Path, left: int) -> None:
    path.write_text(HEADER + LINE_10 + LINE_11[:left])
    file = ResultsFile(path)
    assert path.read_text() == HEADER + LINE_10
    file.append([complete(10), refused(11)])
    assert path.read_text() == HEADER + LINE_10 + LINE_11


def test_what_a_crash_left_of_the_header_is_replaced(path: Path) -> None:
    path.write_text(HEADER[:9])
    ResultsFile(path)
    assert path.read_text() == HEADER


def test_lines_missing_in_the_middle_are_added(path: Path) -> None:
    path.write_text(HEADER)
    file = ResultsFile(path)
    file.append([complete(10), complete(12)])
    again = ResultsFile(path)
    assert again.first_open(NETWORK) == 10
    again.append([complete(10), refused(11), complete(12)])
    assert path.read_text().endswith(LINE_11)
    assert len(path.read_text().splitlines()) == 4


def test_everything_is_open_when_there_is_no_line(path: Path) -> None:
    assert ResultsFile(path).first_open(NETWORK) == 0


def test_rounds_older_than_those_remembered_count_as_written(path: Path) -> None:
    file = ResultsFile(path)
    file.append([complete(number) for number in range(100, 100 + 3 * RECENT)])
    size = path.stat().st_size
    file.append([complete(100), complete(99)])
    assert path.stat().st_size == size


def test_a_file_with_other_columns_is_left_alone(path: Path) -> None:
    path.write_text("a,b\n1,2\n")
    with pytest.raises(HomeError, match=r"has other columns .* Move it away"):
        ResultsFile(path)
    assert path.read_text() == "a,b\n1,2\n"


def test_a_line_that_is_no_round_is_named(path: Path) -> None:
    path.write_text(HEADER + LINE_10 + "sum of all\n")
    with pytest.raises(HomeError, match=r"results.csv, line 3: is no closed round"):
        ResultsFile(path)


def test_a_file_that_is_gone_is_explained(path: Path) -> None:
    file = ResultsFile(path)
    path.unlink()
    with pytest.raises(HomeError, match=r"cannot be used: No such file .* the next start adds the lines"):
        file.append([complete(10)])


def test_a_disk_that_takes_half_a_line_keeps_none_of_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = ResultsFile(path)
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, octets: write(descriptor, octets[:10]))
    with pytest.raises(HomeError, match=r"is full. Free space"):
        file.append([complete(10)])
    monkeypatch.undo()
    file.append([complete(10)])
    assert path.read_text() == HEADER + LINE_10


def test_a_spreadsheet_reads_the_file_back(path: Path) -> None:
    ResultsFile(path).append([refused(11)])
    with path.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["status"] == "refused"
    assert row["import_dwh"] == ""


def test_the_message_is_flat_and_names_no_member() -> None:
    payload = json.loads(as_json(complete(10, contributors=45), 30, {Refusal.LATE: 2, Refusal.BAD_SIGNATURE: 1}))
    assert payload == {
        "network": 7,
        "region": "north",
        "round": 10,
        "start_utc": "1970-01-01T02:15:00Z",
        "status": "complete",
        "why": "",
        "import_dwh": 12340,
        "export_dwh": 2000,
        "contributors": 45,
        "members": 8,
        "present": 8,
        "missing": 0,
        "away": 1,
        "attempts": 0,
        "duration_ms": 1500,
        "import_kwh": 1.234,
        "export_kwh": 0.2,
        "certified": 30,
        "warning": "",
        "refused": 3,
        "refused_bad_signature": 1,
        "refused_late": 2,
    }


def test_a_sum_over_few_contributors_carries_the_warning_whatever_the_members() -> None:
    few = replace(complete(10, contributors=29), members=100, present=100)
    assert json.loads(as_json(few, 30, {}))["warning"] == "demonstration, not private"


def test_a_round_without_a_sum_has_null_for_it_and_no_warning() -> None:
    payload = json.loads(as_json(refused(11), 30, {}))
    assert (payload["import_dwh"], payload["import_kwh"], payload["contributors"]) == (None, None, None)
    assert payload["warning"] == ""


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (complete(123), "round 123 (north): 8 of 8, complete, 1.234 kWh import, 0.2 kWh export"),
        (refused(11), "round 11 (north): 0 of 3, refused: fewer members than the minimum are present"),
    ],
)
def test_a_round_is_told_in_one_line(result: RoundResult, sentence: str) -> None:
    assert list(as_sentences([result])) == [sentence]


def test_rounds_without_a_sum_share_a_line_and_others_do_not() -> None:
    rounds = [complete(9), refused(10), refused(11), refused(12), complete(13), complete(14)]
    assert [sentence.split(",")[0] for sentence in as_sentences(rounds)] == [
        "round 9 (north): 8 of 8",
        "rounds 10 to 12 (north): refused: fewer members than the minimum are present",
        "round 13 (north): 8 of 8",
        "round 14 (north): 8 of 8",
    ]


@pytest.mark.parametrize(
    ("start_ms", "text"), [(1_767_225_600_000, "2026-01-01T00:00:00Z"), (1_767_225_600_250, "2026-01-01T00:00:00.250Z")]
)
def test_the_interval_starts_in_utc(start_ms: int, text: str) -> None:
    assert start_utc(replace(complete(10), start_ms=start_ms, round=RoundNumber(1))) == text
