"""CSV recordings: interpolation, repetition, and errors that name file, line and remedy."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import RoundNumber
from smgw.lmn.meter import Meter
from smgw.lmn.replay import ReplaySource, load
from smgw.lmn.sample import SAMPLE_DAY, SAMPLE_OPTIONS, SAMPLE_SEED, main, sample_lines
from smgw.lmn.source import MeterError
from tests.smgw.lmn.conditions import HandClock

SHIPPED = Path(__file__).parents[3] / "config" / "samples" / "household.csv"
T0 = 1_800_000_000
ROWS = f"time,import_wh,export_wh\n{T0},100.0,7\n{T0 + 10},101.0,7\n{T0 + 60},101.5,9\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return path


async def opened(source: ReplaySource) -> ReplaySource:
    await source.open()
    return source


def registers(source: ReplaySource, seconds: float) -> tuple[int, int | None] | None:
    sample = source.register_at(round((T0 + seconds) * 1000))
    return None if sample is None else (sample.import_dwh, sample.export_dwh)


async def test_registers_between_rows_are_interpolated_and_floored(tmp_path: Path) -> None:
    source = await opened(ReplaySource(write(tmp_path, ROWS)))
    assert registers(source, 0) == (1_000, 70)
    assert registers(source, 5.09) == (1_005, 70)
    assert registers(source, 10) == (1_010, 70)
    assert registers(source, 35) == (1_012, 80)


async def test_repetition_continues_the_registers_in_both_directions(tmp_path: Path) -> None:
    source = await opened(ReplaySource(write(tmp_path, ROWS)))
    assert registers(source, 59.999) == (1_014, 89)
    assert registers(source, 60) == (1_015, 90)
    assert registers(source, 65) == (1_020, 90)
    assert registers(source, -60) == (985, 50)
    assert source.problem() is None


async def test_recording_that_does_not_repeat_ends_with_its_last_row(tmp_path: Path) -> None:
    hand = HandClock((T0 + 61) * 1000)
    source = await opened(ReplaySource(write(tmp_path, ROWS), repeats=False, clock=hand.clock()))
    assert registers(source, 60) == (1_015, 90)
    assert registers(source, 60.001) is None
    assert registers(source, -0.001) is None
    assert source.problem() == (
        f"{tmp_path}/mine.csv holds registers from 2027-01-15T08:00:00+00:00 to 2027-01-15T08:01:00+00:00 only; "
        "let it repeat, or let it begin now"
    )


async def test_recording_may_begin_at_the_moment_of_opening(tmp_path: Path) -> None:
    hand = HandClock((T0 + 5_000) * 1000)
    source = await opened(ReplaySource(write(tmp_path, ROWS), begins_now=True, clock=hand.clock()))
    assert registers(source, 5_000) == (1_000, 70)
    assert registers(source, 5_010) == (1_010, 70)


async def test_export_column_may_be_missing_and_times_may_be_iso(tmp_path: Path) -> None:
    text = "time,import_wh\n\n2027-01-15T08:00:00Z,5\n2027-01-15T09:00:20+01:00, 7\n"
    source = await opened(ReplaySource(write(tmp_path, "\ufeff" + text)))
    assert registers(source, 10) == (60, None)


def test_question_before_opening_has_no_answer(tmp_path: Path) -> None:
    assert ReplaySource(tmp_path / "nothing.csv").register_at(0) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the first line must be time,import_wh or time,import_wh,export_wh, not ''"),
        ("when,what\n1,2\n", "line 1: the first line must be time,import_wh or"),
        ("time,import_wh\n1,2\n", "mine.csv: a recording needs at least 2 rows"),
        ("time,import_wh\n1,2\n2,3,4\n", "line 3: 3 columns, but the header has 2"),
        ("time,import_wh\n1,2\nyesterday,3\n", "line 3: time 'yesterday' cannot be read; ISO 8601 with a zone"),
        ("time,import_wh\n2026-01-01T00:00:00,2\n", "line 2: time 2026-01-01T00:00:00 has no zone"),
        ("time,import_wh\n1,2\n1,3\n", "line 3: time 1 is not after the row before"),
        ("time,import_wh\n1,2\n2,1.9\n", "line 3: a register is below the row before"),
        ("time,import_wh,export_wh\n1,2,9\n2,2,8\n", "line 3: a register is below the row before"),
        ("time,import_wh\n1,two\n", "line 2: register 'two' is not a number; Wh such as 12345.6 are allowed"),
        ("time,import_wh\n1,-2\n", "line 2: register -2 is out of range"),
        ("time,import_wh\n1,NaN\n", "line 2: register NaN is out of range"),
        ("time,import_wh\n1,1e99999\n", "line 2: register 1e99999 is out of range"),
        ("time,import_wh\nInfinity,1\n", "line 2: time Infinity is out of range"),
        ("time,import_wh\n-1,1\n", "line 2: time -1 is out of range"),
    ],
)
def test_error_names_line_fault_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MeterError) as caught:
        load(write(tmp_path, text))
    assert message in str(caught.value)
    assert "mine.csv" in str(caught.value)


def test_missing_and_binary_files_are_explained(tmp_path: Path) -> None:
    with pytest.raises(MeterError, match=r"cannot read .*none\.csv: No such file or directory; set the path"):
        load(tmp_path / "none.csv")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MeterError, match=r"binary\.csv is not a CSV file in UTF-8"):
        load(binary)


@given(text=st.text(max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = write(tmp_path_factory.getbasetemp(), "time,import_wh\n1,1\n" + text)
    try:
        assert load(path).length_ms > 0
    except MeterError as error:
        assert str(path) in str(error)


@given(marks=st.lists(st.integers(-200_000, 200_000), min_size=3, max_size=9, unique=True))
def test_intervals_of_a_recording_add_up(tmp_path_factory: pytest.TempPathFactory, marks: list[int]) -> None:
    source = ReplaySource(write(tmp_path_factory.getbasetemp(), ROWS))
    source._recording = load(source._path)
    samples = [source.register_at(T0 * 1000 + mark) for mark in sorted(marks)]
    imports = [sample.import_dwh for sample in samples if sample is not None]
    assert len(imports) == len(marks)
    assert imports == sorted(imports)


def test_shipped_sample_is_what_the_command_writes(tmp_path: Path) -> None:
    main([str(tmp_path / "again.csv")])
    assert (tmp_path / "again.csv").read_bytes() == SHIPPED.read_bytes()
    assert len(list(sample_lines(SAMPLE_SEED, SAMPLE_DAY, SAMPLE_OPTIONS))) == 1 + 24 * 60 + 1


async def test_shipped_sample_gives_a_demo_of_five_second_rounds_sensible_readings() -> None:
    hand = HandClock(int(datetime(2026, 12, 1, 11, tzinfo=UTC).timestamp()) * 1000)
    exported = imported = 0
    async with Meter(ReplaySource(SHIPPED, clock=hand.clock()), clock=hand.clock()) as meter:
        for number in range(1, 12 * 60 * 12):
            hand.pass_time(5_000)
            reading = await meter.take(RoundNumber(number), hand.wall_ms - 5_000, hand.wall_ms)
            assert reading.is_valid
            assert reading.import_dwh < 25_000 * 5 / 360
            imported += reading.import_dwh
            exported += reading.export_dwh
    assert imported > 10_000
    assert exported > 1_000
