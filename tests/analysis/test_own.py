"""Readings of one's own: a good file, and every way in which a file is refused."""

from pathlib import Path

import pytest

from launcher.analysis import own
from launcher.errors import LauncherError
from tests.analysis.samples_of import own_file


def test_a_good_file_holds_its_households_by_week(tmp_path: Path) -> None:
    sample = own.read(own_file(tmp_path / "good.csv", step_min=15))
    assert sample.coarse_w.shape == (12, 21, 96)
    assert sample.fine_w.shape == (12, 7, 96)
    assert sample.coarse_w.mean() == pytest.approx(300, abs=5)


def test_a_week_of_little_use_counts_as_absence(tmp_path: Path) -> None:
    path = own_file(tmp_path / "away.csv")
    lines = path.read_text().splitlines()
    for place in range(1, 1 + 7 * 24):
        fields = lines[place].split(",")
        lines[place] = ",".join([fields[0], "30.0", *fields[2:]])
    path.write_text("\n".join(lines) + "\n")
    assert own.read(path).is_away.nonzero()[0].tolist() == [0]


@pytest.mark.parametrize(
    ("line", "text", "said"),
    [
        (0, "time,a,b", "line 1: must be `start,`"),
        (5, "2026-03-05T04:00+01:00,1,2", "line 6: has 3 fields, the header 13"),
        (5, "yesterday" + ",1" * 12, "line 6: Invalid isoformat"),
        (5, "2026-03-05T04:00+01:00" + ",x" * 12, "line 6: could not convert"),
        (5, "2026-03-05T04:00" + ",1" * 12, "line 6: the time needs a zone"),
        (5, "2026-03-05T04:00+01:00" + ",nan" * 12, "numbers must be finite"),
        (5, "2026-03-05T04:07+01:00" + ",1" * 12, "line 6: begins not 60 minutes after"),
        (2, "2026-03-05T00:07+01:00" + ",1" * 12, "line 3: intervals of 7 minutes"),
    ],
)
def test_a_bad_line_is_named(line: int, text: str, said: str, tmp_path: Path) -> None:
    path = own_file(tmp_path / "bad.csv")
    lines = path.read_text().splitlines()
    lines[line] = text
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(LauncherError) as caught:
        own.read(path)
    assert said in str(caught.value)


def test_too_short_a_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match="holds 2 whole weeks; habits need 3"):
        own.read(own_file(tmp_path / "short.csv", weeks=2))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match=r"none\.csv cannot be read"):
        own.read(tmp_path / "none.csv")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("")
    with pytest.raises(LauncherError, match="line 1"):
        own.read(path)
