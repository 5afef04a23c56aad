import sys
from pathlib import Path

import pytest

from smgw.__main__ import main


def test_wrong_settings_are_one_sentence_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["smgw", "--config", str(tmp_path / "none.toml")])
    assert main() == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(tmp_path / "none.toml") in error


@pytest.mark.parametrize("arguments", [[], ["--config", "a.toml", "--log-level", "LOUD"], ["--conifg", "a.toml"]])
def test_wrong_arguments_end_with_status_2(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["smgw", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "--config FILE" in capsys.readouterr().err


def test_help_tells_signals_environment_and_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["smgw", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert [word for word in ("SIGUSR1", "DCNET_SMGW_", "exit status", "--leave") if word not in text] == []
