"""A recording of a bus: whole lines that are read back as they were, and the number of the line that is wrong."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from broker.events import Message
from launcher.errors import LauncherError
from launcher.recording import LINE_BYTES_MAX, Recorder, line, read_recording
from tests.launcher.commands import dcnet

SOME = [Message("dcnet/1/7/up/gw", bytes(range(256)), retained=False), Message("dcnet/1/7/result", b"{}", True)]


@contextmanager
def room_for(octets: int) -> Iterator[None]:
    """A disk that is full after so many bytes, as far as this process is concerned."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_recorded_is_read_again(tmp_path: Path) -> None:
    with Recorder(tmp_path / "day.jsonl") as recorder:
        recorder.take(SOME, 5)
        assert list(read_recording(tmp_path / "day.jsonl")) == SOME, "each batch is in the file at once"
        recorder.take(SOME[:1], 6)
    assert recorder.messages == 3
    assert list(read_recording(tmp_path / "day.jsonl")) == [*SOME, SOME[0]]


def test_a_line_has_the_documented_fields() -> None:
    assert line(SOME[1], 1_700_000_000_000) == (
        b'{"time_ms":1700000000000,"topic":"dcnet/1/7/result","retained":true,"payload":"e30="}\n'
    )


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "day.jsonl").write_text("mine")
    with pytest.raises(LauncherError, match=r"is there already\. Name a new file"):
        Recorder(tmp_path / "day.jsonl")
    assert (tmp_path / "day.jsonl").read_text() == "mine"


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match="cannot be made: No such file or directory"):
        Recorder(tmp_path / "nowhere" / "day.jsonl")


def test_a_recording_without_messages_leaves_no_file(tmp_path: Path) -> None:
    with Recorder(tmp_path / "day.jsonl"):
        assert (tmp_path / "day.jsonl").exists()
    assert not (tmp_path / "day.jsonl").exists()


def test_a_full_disk_is_said_and_whole_lines_stay(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    said = pytest.raises(LauncherError, match=r"cannot be written any further: .*The 2 messages that are in it")
    with Recorder(path) as recorder, room_for(len(line(SOME[0], 5)) * 2 + 20), said:
        recorder.take([SOME[0]] * 3, 5)
    assert list(read_recording(path)) == [SOME[0]] * 2


@pytest.mark.parametrize(
    ("octets", "complaint"),
    [
        (line(SOME[0], 5)[:-9], "line 2, is cut off"),
        (b"x" * LINE_BYTES_MAX, "line 2, is longer than any"),
        (b"no JSON\n", "line 2, is none of a recording: Invalid JSON"),
        (b"{}\n", "line 2, is none of a recording: time_ms: Field required"),
        (b'{"time_ms":1,"topic":"a","retained":0,"payload":""}\n', "retained: Input should be a valid boolean"),
        (b'{"time_ms":1,"topic":"a","retained":false,"payload":"%"}\n', "line 2, has a payload that is no base64"),
    ],
    ids=["truncated", "endless", "no JSON", "no fields", "wrong type", "no base64"],
)
def test_what_is_no_line_of_a_recording_is_refused_with_its_number(
    octets: bytes, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "day.jsonl"
    path.write_bytes(line(SOME[0], 5) + octets)
    done = dcnet("inspect", "--uniformity", path)
    assert done.status == 2
    assert complaint in done.err
    assert str(path) in done.err


def test_a_recording_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = dcnet("inspect", "--uniformity", tmp_path / "nothing.jsonl")
    assert (done.status, "cannot be read: No such file or directory" in done.err) == (2, True)
