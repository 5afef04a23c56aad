import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from common.frames import Notification
from common.signing import Direction
from launcher.errors import LauncherError
from launcher.inspection import inspect, read_frame, read_key, run_inspect
from tests.vectors import frame_octets, load

VECTORS = load("frames_good.json")
KEYS = {name: key["public_key"] for name, key in VECTORS["keys"].items()}


def entry_of(notification: Notification) -> dict[str, Any]:
    entry: dict[str, Any] = next(each for each in VECTORS["frames"] if each["notification"] == notification)
    return entry


FINAL = frame_octets(entry_of(Notification.FINAL))


@pytest.mark.parametrize(
    "text",
    [
        FINAL.hex(),
        f"0x{FINAL.hex().upper()}",
        FINAL.hex(":"),
        FINAL.hex(" ", 16),
        base64.b64encode(FINAL).decode(),
        base64.urlsafe_b64encode(FINAL).decode().rstrip("="),
    ],
    ids=["hex", "0x", "colons", "blanks", "base64", "urlsafe"],
)
def test_a_frame_is_found_in_whatever_it_is_written_in(text: str, tmp_path: Path) -> None:
    (tmp_path / "frame").write_text(text + "\n")
    assert read_frame(text) == FINAL
    assert read_frame(str(tmp_path / "frame")) == FINAL


def test_a_file_and_the_standard_input_may_hold_the_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "frame").write_bytes(FINAL)
    assert read_frame(str(tmp_path / "frame")) == FINAL
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FINAL)))
    assert read_frame("-") == FINAL


@pytest.mark.parametrize("text", ["", "no frame!", "äöü"])
def test_what_is_no_bytes_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(LauncherError, match="neither hexadecimal nor base64"):
        read_frame(text)


@pytest.mark.parametrize("entry", VECTORS["frames"], ids=[entry["name"] for entry in VECTORS["frames"]])
def test_the_signature_holds_in_the_direction_in_which_it_was_made(entry: dict[str, Any]) -> None:
    inspected = inspect(frame_octets(entry), bytes.fromhex(KEYS[entry["signer"]]), list(Direction))
    assert inspected.is_signed is True
    assert inspected.direction is Direction[entry["direction"]]


def test_another_key_or_direction_does_not_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_inspect(FINAL.hex(), KEYS["gateway"], None, as_json=False) == 1
    assert "DOES NOT HOLD" in capsys.readouterr().out
    assert run_inspect(FINAL.hex(), KEYS["provider"], "up", as_json=False) == 1
    assert run_inspect(FINAL.hex(), KEYS["provider"], "down", as_json=False) == 0


def test_a_registration_is_checked_with_the_key_that_it_carries() -> None:
    assert inspect(frame_octets(entry_of(Notification.REGISTER)), None, list(Direction)).is_signed is True


def test_without_a_key_the_signature_is_not_judged(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_inspect(FINAL.hex(), None, None, as_json=False) == 0
    assert "not checked" in capsys.readouterr().out


def test_people_see_names_and_units(capsys: pytest.CaptureFixture[str]) -> None:
    run_inspect(frame_octets(entry_of(Notification.SUPERPOSITION)).hex(), KEYS["gateway"], None, as_json=False)
    shown = capsys.readouterr().out
    for piece in ("transmission_bit", "SUPERPOSITION", "0.1 Wh", "masked", "holds (up, from a gateway)"):
        assert piece in shown


def test_programs_get_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    run_inspect(FINAL.hex(), KEYS["provider"], None, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert shown["notification_name"] == "FINAL"
    assert shown["data"]["expected"] == [1, 2, 3]
    assert (shown["signature_holds"], shown["direction"]) == (True, "down")


def test_no_frame_is_refused_with_its_reason() -> None:
    with pytest.raises(LauncherError, match=r"its length field does not match its size \(WRONG_LENGTH"):
        run_inspect((FINAL + b"\0").hex(), None, None, as_json=False)


@pytest.mark.parametrize("text", ["03a1", "zz" * 32])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(LauncherError, match="is no public key"):
        read_key(text)
