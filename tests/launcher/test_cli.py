import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("cryptography", "rich.live", "pydantic", "numpy", "aiomqtt", "nacl", "provider.settings", "smgw.agent")


def dcnet(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from launcher.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_help_names_every_command() -> None:
    shown = dcnet("--help")
    assert shown.returncode == 0
    for name in ("demo", "gwa", "provider", "smgw", "inspector", "broker", "inspect", "simulate"):
        assert f" {name} " in shown.stdout


def test_help_does_not_load_what_a_command_needs() -> None:
    code = f"import sys, launcher.cli; sys.exit(', '.join(set({HEAVY}) & set(sys.modules)) or None)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")


COMMANDS = {
    "": ("demo", "inspect", "simulate"),
    "gwa": ("init", "issue", "revoke", "renew", "list"),
    "provider": ("enroll", "install", "revocations", "run", "key"),
    "smgw": ("enroll", "install", "revocations", "run", "leave", "readings", "evidence"),
    "inspector": ("enroll", "install", "revocations"),
    "broker": ("enroll", "install", "revocations", "run"),
}


@pytest.mark.parametrize("command", [f"{group} {name}" for group, names in COMMANDS.items() for name in names])
def test_every_command_has_help(command: str) -> None:
    shown = dcnet(*command.split(), "--help")
    assert shown.returncode == 0
    assert "Usage:" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("demo --profile nonsense", "There is no profile 'nonsense'."),
        ("demo --gateways 2", "2 gateways are fewer than members_min = 5"),
        ("demo --period 0", "period_s = 0.0"),
        ("inspect", "Give either a frame or --watch HOST:PORT or --uniformity FILE or --evidence FILE."),
        ("inspect 00", "This is no frame: it is shorter than a header and a signature"),
        ("inspect --watch pi:8883", "--watch needs --credentials DIR"),
        ("inspect --watch nowhere:99999999 --credentials /nowhere", "Give HOST:PORT, such as 127.0.0.1:8883."),
        (
            "inspect --watch pi:8883 --credentials /nowhere",
            "/nowhere/identity.key is missing. Run:  dcnet inspector enroll",
        ),
        (
            "inspect --uniformity a --watch pi:8883",
            "Give either a frame or --watch HOST:PORT or --uniformity FILE or --evidence FILE.",
        ),
        ("inspect 00 --record a", "--record goes with --watch"),
        ("inspect --watch pi:8883 --readings a", "--readings goes with --uniformity"),
        ("inspect 00 --ca a", "--ca goes with --evidence"),
        ("inspect --evidence /nowhere", "/nowhere cannot be read"),
        ("smgw leave --config /nowhere.toml", "/nowhere.toml: cannot be read"),
        ("smgw readings --config /nowhere.toml", "/nowhere.toml: cannot be read"),
        ("smgw evidence --config /nowhere.toml", "/nowhere.toml: cannot be read"),
        ("smgw run --config /nowhere.toml", "/nowhere.toml: cannot be read"),
        ("provider run --config /nowhere.toml", "/nowhere.toml: cannot be read"),
        ("broker run --config /nowhere.toml", "/nowhere.toml: cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(arguments: str, sentence: str) -> None:
    shown = dcnet(*arguments.split())
    assert shown.returncode == 2
    assert sentence in shown.stderr
    assert "Traceback" not in shown.stderr


def test_the_providers_key_is_printed(tmp_path: Path) -> None:
    config = tmp_path / "provider.toml"
    config.write_text(f"home = '{tmp_path / 'home'}'\n[[network]]\nid = 1\nregion = 'north'\n")
    first, second = (dcnet("provider", "key", "--config", str(config)) for _ in range(2))
    assert first.stdout == second.stdout
    assert len(bytes.fromhex(first.stdout)) == 32
