import re
from pathlib import Path

import pytest

from provider.__main__ import main

CONFIG = """
home = "{home}"
[[network]]
id = 1
region = "north"
"""


def test_the_key_is_shown_and_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "provider.toml"
    config.write_text(CONFIG.format(home=tmp_path / "home"))
    shown = []
    for _ in range(2):
        assert main(["--config", str(config), "--show-key"]) == 0
        shown.append(capsys.readouterr().out)
    assert re.fullmatch(r"[0-9a-f]{64}\n", shown[0])
    assert shown[0] == shown[1]


def test_faulty_settings_end_with_a_sentence_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(tmp_path / "none.toml")]) == 2
    assert "none.toml: cannot be read" in capsys.readouterr().err


def test_the_help_says_where_things_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    for word in ("results.csv", "provider.json", "identity.key", "dcnet/1/<network>/result", "DCNET_PROVIDER_HOME"):
        assert word in said
