import io

import pytest
from rich.console import Console

from launcher.board import Board
from launcher.table import WIDE, cells, kwh, picture, time_bar, verdict
from launcher.view import sentence_of
from tests.launcher.boards import ORIGIN, board, closed, sumless, truth

NOW_MS = (ORIGIN + 3) * 5_000 + 700


def shown(what: Board, width: int = 120, height: int = 40) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    with console.capture() as capture:
        console.print(picture(what, NOW_MS, width, height))
    return capture.get()


@pytest.mark.parametrize(("dwh", "text"), [(42, "0.0042"), (12_345, "1.2345"), (-1, "-0.0001"), (None, "·")])
def test_energy_is_shown_in_kwh_to_a_tenth_of_a_watt_hour(dwh: int | None, text: str) -> None:
    assert kwh(dwh) == text


def test_a_bar_shows_the_part_of_the_period() -> None:
    assert time_bar(2_500, 5_000, "").plain == "━━━───  2.5 s"
    assert time_bar(9_000, 5_000, "").plain == "━━━━━━  9.0 s"
    assert time_bar(2_500, 5_000, "", 80).plain == "2.5 s"


def test_a_row_shows_sum_and_truth() -> None:
    row = [cell.plain for cell in cells(closed(3, missing=1, present=7, attempts=1), board().schedule, WIDE)]
    assert row[:9] == ["3", "7 of 8", "1", "1", "0.0123", "0.0123", "0.0004", "0.0004", "✓ exact"]


def test_a_wrong_sum_is_shouted() -> None:
    assert verdict(closed(known=truth(5))).plain == "✗ WRONG"
    assert "WRONG, the true sums are 0.0005 and 0.0004 kWh" in sentence_of(closed(known=truth(5)))


def test_a_round_without_a_sum_says_why() -> None:
    assert verdict(sumless(2, "too few")).plain == "refused"
    what = board()
    what.closed = [sumless(1, "too few"), sumless(2, "")]
    for width in (80, 120):
        assert "too few" in shown(what, width)
        assert "nothing was heard of it" in " ".join(shown(what, width).split())


def test_the_picture_has_warning_rounds_steps_and_the_open_round() -> None:
    what = board()
    what.closed = [closed(number) for number in (1, 2, 3)]
    what.networks[0].last = ORIGIN + 2
    what.notes[1, 3] = ["gateway-4 is killed"]
    text = shown(what)
    for piece in ("⚠ demonstration, not private", "kWh", "gateway-4 is killed", "the gateways send", "results.csv"):
        assert piece in text


@pytest.mark.parametrize("width", [80, 100])
def test_a_narrow_terminal_shows_steps_below_and_breaks_no_row(width: int) -> None:
    what = board()
    what.closed = [closed(number) for number in range(1, 13)]
    what.notes[1, 3] = ["gateway-4 is killed"]
    lines = shown(what, width).splitlines()
    assert sum("✓ exact" in line for line in lines) == 12
    assert "round 3: gateway-4 is killed" in [line.rstrip() for line in lines]


def test_a_low_terminal_shows_the_last_rounds() -> None:
    what = board()
    what.closed = [closed(number) for number in range(1, 101)]
    assert len(shown(what, height=24).splitlines()) <= 24


def test_two_networks_are_told_apart() -> None:
    what = board("regions")
    what.closed = [closed(1, region="north"), closed(1, region="south", network=2)]
    text = shown(what)
    assert "network" in text
    assert "south" in text


def test_the_end_has_a_summary() -> None:
    what = board(rounds=2)
    what.closed = [closed(1), sumless(2, "too few")]
    what.is_over = True
    assert what.is_done
    assert "2 rounds, 1 sum, all exact; 0 with missing members. Without a sum: 1 (too few)." in shown(what)


def test_rounds_of_the_start_go_once_the_first_one_counts() -> None:
    what = board()
    what.closed = [sumless(0, "too few")]
    assert "start" in shown(what)
    what.closed.append(closed(1))
    assert "too few" not in shown(what)
    what.closed.append(closed(0, truth(5)))
    assert "WRONG" in shown(what)
