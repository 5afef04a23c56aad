"""The calibration log, as the owner reads it."""

from pathlib import Path

import pytest

from broker.home import HomeError
from smgw import logbook
from smgw.core.events import Calibration, LogLevel, Outcome
from smgw.vault import CALIBRATIONS_KEPT
from tests.smgw.vaults import enrolled_home, keep

WRONG = Calibration(1_800_000_000_123, LogLevel.ERROR, "The clock of this gateway is 42 s behind.", Outcome.FAILURE)
RIGHT = Calibration(1_800_000_060_000, LogLevel.INFO, "The clock of this gateway agrees again.", Outcome.SUCCESS)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return enrolled_home(tmp_path)


def test_entries_are_numbered_in_the_order_of_their_making(home: Path) -> None:
    keep(home, WRONG)
    keep(home, RIGHT, WRONG)
    assert [(each.number, each.entry) for each in logbook.read_calibration(home)] == [
        (1, WRONG),
        (2, RIGHT),
        (3, WRONG),
    ]
    assert [each.number for each in logbook.read_calibration(home, 2)] == [2, 3]


def test_a_person_reads_number_time_level_outcome_and_text(home: Path) -> None:
    keep(home, WRONG, RIGHT)
    lines: list[str] = []
    logbook.tell(home, lines.append)
    assert lines == [
        "     1  2027-01-15 08:00:00.123+00:00  ERROR    FAILURE  The clock of this gateway is 42 s behind.",
        "     2  2027-01-15 08:01:00.000+00:00  INFO     SUCCESS  The clock of this gateway agrees again.",
    ]


def test_an_empty_log_says_so(home: Path) -> None:
    keep(home)
    lines: list[str] = []
    logbook.tell(home, lines.append)
    assert lines == ["The calibration log is empty: nothing was ever wrong with the clock of this gateway."]


def test_the_oldest_entries_go_and_their_numbers_are_not_given_again(home: Path) -> None:
    keep(home, *[RIGHT] * (CALIBRATIONS_KEPT + 5))
    numbers = [each.number for each in logbook.read_calibration(home, CALIBRATIONS_KEPT * 2)]
    assert (numbers[0], numbers[-1], len(numbers)) == (6, CALIBRATIONS_KEPT + 5, CALIBRATIONS_KEPT)


def test_the_log_of_a_missing_vault_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="No such file"):
        logbook.read_calibration(tmp_path)
