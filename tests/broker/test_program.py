import shutil
from pathlib import Path

import pytest

from broker.program import BrokerError, check_version, find_program, parse_version

PROGRAM = Path("/usr/sbin/mosquitto")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("mosquitto version 2.0.11\n\nmosquitto is an MQTT v5.0/v3.1.1/v3.1 broker.\n", (2, 0, 11)),
        ("mosquitto version 2.1.0-rc1\n", (2, 1, 0)),
        ("Usage: something else\n", None),
        ("", None),
    ],
)
def test_version_is_read_from_the_help(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize("version", [(2, 0, 11), (2, 0, 22), (2, 1, 0), (3, 0, 0)])
def test_debians_version_and_newer_are_supported(version: tuple[int, int, int]) -> None:
    assert check_version(version, PROGRAM) == version


@pytest.mark.parametrize("version", [(2, 0, 10), (1, 6, 12)])
def test_older_version_is_refused_with_both_numbers(version: tuple[int, int, int]) -> None:
    with pytest.raises(BrokerError, match=rf"Mosquitto {'.'.join(map(str, version))}; 2\.0\.11 or newer is needed"):
        check_version(version, PROGRAM)


def test_missing_mosquitto_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(_name: str, path: str | None = None) -> str | None:
        return path and None

    monkeypatch.setattr(shutil, "which", nowhere)
    with pytest.raises(BrokerError, match="sudo apt-get install mosquitto"):
        find_program(None)


def test_wrong_override_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=str(tmp_path / "nothing")):
        find_program(tmp_path / "nothing")


def test_mosquitto_is_found_outside_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_in_sbin(name: str, path: str | None = None) -> str | None:
        return f"/usr/sbin/{name}" if path and "/usr/sbin" in path else None

    monkeypatch.setattr(shutil, "which", only_in_sbin)
    assert find_program(None) == PROGRAM
