from pathlib import Path

import pytest

from launcher.scratch import Scratch
from launcher.settings import ProviderReady
from launcher.watching import Watching

READY = ProviderReady(host="127.0.0.1", port=8883)


def test_every_setting_that_mqtt_explorer_asks_for_is_told() -> None:
    told = "\n".join(Watching.of(READY, Scratch(Path("/s"), True)).long)
    for piece in ("host 127.0.0.1, port 8883, encryption (TLS) on", "dcnet/1/#"):
        assert piece in told
    for file in ("authority.pem", "certificate.pem", "identity.key"):
        assert f"/s/inspectors/inspector-explorer/{file}" in told


def test_the_command_for_a_terminal_has_credentials_of_its_own() -> None:
    watching = Watching.of(READY, Scratch(Path("/s"), True))
    assert watching.command == "dcnet inspect --watch 127.0.0.1:8883 --credentials /s/inspectors/inspector"
    assert watching.explorer != watching.inspector
    assert watching.command in watching.short


@pytest.mark.parametrize(("is_kept", "words"), [(True, "they stay"), (False, "as long as the demo, unless --keep")])
def test_it_is_told_how_long_the_files_live(is_kept: bool, words: str) -> None:
    assert words in Watching.of(READY, Scratch(Path("/s"), is_kept)).long[-1]
