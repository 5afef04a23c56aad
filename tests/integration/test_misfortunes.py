"""What a person sees when something is wrong: the real programs, one clear sentence, the right exit status."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.credentials import CERTIFICATE_FILE
from common.certificates import Role, Subject
from smgw.vault import Vault
from tests.credentials import LOCAL, days, shared

pytestmark = pytest.mark.integration

WITHIN_S = 30
NOBODY_ANSWERS = (
    "no connection to broker at 127.0.0.1:1: Connection refused (are `host` and `port` in [broker] right?); trying on"
)

PROVIDER = """
home = "{home}"
[[network]]
id = 1
region = "north"
members_min = 20
"""

GATEWAY = """
name = "gateway-1"
region = "north"
home = "{home}"
[broker]
port = 1
"""

SIMULATOR = """
[meter]
kind = "simulator"
seed = 1
"""

WITHOUT_MOSQUITTO = """
import shutil, sys
shutil.which = lambda *_, **__: None
from provider.__main__ import main
sys.exit(main())
"""


GATEWAY_1 = Subject(Role.GATEWAY, "gateway-1", "north")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a program's home directory will be."""
    return tmp_path / "home"


@pytest.fixture
def provider(tmp_path: Path, home: Path) -> list[str]:
    """The command that starts a provider, which is enrolled."""
    shared().issue(home, Subject(Role.PROVIDER, "provider"))
    shared().issue(home / "broker", Subject(Role.BROKER, "broker"), LOCAL)
    return command(tmp_path / "provider.toml", PROVIDER.format(home=home), "-m", "provider")


@pytest.fixture
def gateway(tmp_path: Path, home: Path) -> list[str]:
    """The command that starts a gateway with a simulated household, which is enrolled; no broker is there."""
    return gateway_with(tmp_path, home, SIMULATOR)


def gateway_with(tmp_path: Path, home: Path, meter: str) -> list[str]:
    shared().issue(home, GATEWAY_1)
    return command(tmp_path / "smgw.toml", GATEWAY.format(home=home) + meter, "-m", "smgw")


def command(config: Path, text: str, *program: str) -> list[str]:
    config.write_text(text)
    return [sys.executable, *program, "--config", str(config)]


def ends(program: list[str], status: int, **variables: str) -> str:
    """Run a program that must end by itself with this status; returns its one complaint."""
    ran = subprocess.run(
        program, check=False, timeout=WITHIN_S, capture_output=True, encoding="utf-8", env=os.environ | variables
    )
    assert "Traceback" not in ran.stderr
    assert ran.returncode == status, ran.stderr
    assert ran.stdout == ""
    *before, complaint = ran.stderr.splitlines()
    assert not [line for line in before if "ERROR" in line or "CRITICAL" in line]
    return complaint


async def says(program: list[str], what: str) -> list[str]:
    """Run a program until it says this, then stop it in order; returns all it said."""
    running = await asyncio.create_subprocess_exec(*program, stderr=asyncio.subprocess.PIPE)
    assert running.stderr is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(WITHIN_S):
            while not said or what not in said[-1]:
                said.append((await running.stderr.readline()).decode())
                assert said[-1], f"it ended without saying {what!r}: {said}"
            running.send_signal(signal.SIGTERM)
            said += (await running.stderr.read()).decode().splitlines()
            assert await running.wait() == 0
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
    assert not [line for line in said if "Traceback" in line]
    return said


@pytest.fixture
def silent_head(tmp_path: Path) -> Iterator[Path]:
    """A serial port on which nobody speaks."""
    controller, terminal = os.openpty()
    tty.setraw(terminal)
    link = tmp_path / "head"
    link.symlink_to(os.ttyname(terminal))
    yield link
    os.close(controller)
    os.close(terminal)


async def test_a_meter_that_says_nothing_is_told_before_any_round(
    tmp_path: Path, home: Path, silent_head: Path
) -> None:
    gateway = gateway_with(tmp_path, home, f'[meter]\nkind = "sml"\nport = "{silent_head}"\n')
    said = await says(gateway, f"the meter on {silent_head} has said nothing for")
    assert not [line for line in said if "Traceback" in line]


async def test_a_meter_that_is_not_plugged_in_is_told_and_waited_for(tmp_path: Path, home: Path) -> None:
    gateway = gateway_with(tmp_path, home, '[meter]\nkind = "sml"\nport = "/dev/none"\n')
    said = await says(
        gateway, "cannot open /dev/none (No such file or directory); plug in the infrared head, or correct"
    )
    assert not [line for line in said if "Traceback" in line]


async def test_a_broker_that_is_not_there_is_told_once_and_waited_for(gateway: list[str]) -> None:
    said = await says(gateway, NOBODY_ANSWERS)
    assert len([line for line in said if "WARNING" in line]) == 1


async def test_a_provider_waits_for_a_broker_that_runs_elsewhere(
    provider: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCNET_PROVIDER_BROKER__EMBEDDED", "false")
    monkeypatch.setenv("DCNET_PROVIDER_BROKER__PORT", "1")
    said = await says(provider, NOBODY_ANSWERS)
    assert not [line for line in said if "Traceback" in line]


def test_a_recording_that_is_not_there_ends_the_gateway(tmp_path: Path, home: Path) -> None:
    gateway = gateway_with(tmp_path, home, '[meter]\nkind = "csv"\npath = "/none.csv"\n')
    assert "cannot read /none.csv: No such file or directory; set the path of a CSV file" in ends(gateway, 1)


@pytest.mark.parametrize("octets", [b"", b"no database, but some text" * 200])
def test_a_corrupt_vault_ends_the_gateway_and_is_left_alone(home: Path, gateway: list[str], octets: bytes) -> None:
    with Vault(home, 100):
        pass
    (home / "vault.sqlite").write_bytes(octets)
    assert f"The vault {home}/vault.sqlite cannot be used: " in (complaint := ends(gateway, 1))
    assert "move it away" in complaint
    assert (home / "vault.sqlite").read_bytes() == octets


def test_a_vault_in_use_ends_the_second_gateway(home: Path, gateway: list[str]) -> None:
    with Vault(home, 100):
        assert f"Another process ({os.getpid()}) works in {home}. Stop it first" in ends(gateway, 1)


def test_a_home_that_others_may_use_ends_both_programs(home: Path, gateway: list[str], provider: list[str]) -> None:
    home.chmod(0o755)
    for program, status in ((gateway, 1), (provider, 2)):
        assert f"Others may use {home} (mode 0755). Run:  chmod 700 {home}" in ends(program, status)


def test_an_occupied_port_ends_the_provider(provider: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        port = occupied.getsockname()[1]
        complaint = ends(provider, 2, DCNET_PROVIDER_BROKER__PORT=str(port))
    assert f"Port {port} on 127.0.0.1 is in use already. See by whom with:  ss -ltnp" in complaint


def test_a_missing_mosquitto_ends_the_provider_with_the_command_that_installs_it(provider: list[str]) -> None:
    without = [sys.executable, "-c", WITHOUT_MOSQUITTO, *provider[3:]]
    assert "is not installed. Install it with:  sudo apt-get install mosquitto" in ends(without, 2)


def test_a_mosquitto_that_is_none_ends_the_provider(provider: list[str]) -> None:
    complaint = ends(provider, 2, DCNET_PROVIDER_BROKER__MOSQUITTO="/bin/true")
    assert "/bin/true does not tell a version as Mosquitto does" in complaint


def test_a_damaged_store_ends_the_provider(home: Path, provider: list[str]) -> None:
    (home / "provider.db").touch(0o600)
    (home / "provider.db").write_bytes(b"no database, but some text" * 200)
    assert f"The store {home}/provider.db is damaged. Restore it from a backup" in ends(provider, 2)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("NAME", "Gateway 1", "NAME in the environment = 'Gateway 1': String should match pattern"),
        ("BROKER__PORT", "many", "BROKER__PORT in the environment = 'many': Input should be a valid integer"),
        ("HOEM", "/srv", "HOEM in the environment: is not a known key. Did you mean home?"),
    ],
)
def test_wrong_settings_end_both_programs(
    gateway: list[str], provider: list[str], key: str, value: str, sentence: str
) -> None:
    assert f"DCNET_SMGW_{sentence}" in ends(gateway, 2, **{f"DCNET_SMGW_{key}": value})
    assert f"DCNET_PROVIDER_{sentence}" in ends(provider, 2, **{f"DCNET_PROVIDER_{key}": value})


@pytest.mark.parametrize(
    ("meter", "sentence"),
    [
        ("", "smgw.toml: meter: is missing. Where readings come from"),
        ("[meter]\nseed = 1", "smgw.toml: kind in [meter]: is missing. Allowed: 'simulator', 'csv', 'sml'."),
        ("[meter]\nkind = 'smml'", "smgw.toml: kind in [meter] = 'smml': is not known. Allowed: 'simulator', 'csv',"),
        (
            "[meter]\nkind = 'sml'\npotr = 'a'\nport = 'a'",
            "smgw.toml: potr in [meter]: is not a known key. Did you mean port?",
        ),
        ("[meter\n", "smgw.toml: is no TOML: "),
    ],
)
def test_a_meter_that_is_set_up_wrongly_ends_the_gateway(tmp_path: Path, home: Path, meter: str, sentence: str) -> None:
    config = tmp_path / "smgw.toml"
    assert sentence in ends(command(config, GATEWAY.format(home=home) + meter, "-m", "smgw"), 2)
    assert not home.exists()


def test_a_gateway_that_is_not_enrolled_is_told_how(tmp_path: Path, home: Path) -> None:
    gateway = command(tmp_path / "smgw.toml", GATEWAY.format(home=home) + SIMULATOR, "-m", "smgw")
    assert f"{home}/identity.key is missing. Run:  dcnet smgw enroll" in ends(gateway, 1)


def test_a_provider_that_is_not_enrolled_is_told_how(tmp_path: Path, home: Path) -> None:
    provider = command(tmp_path / "provider.toml", PROVIDER.format(home=home), "-m", "provider")
    assert f"{home}/identity.key is missing. Run:  dcnet provider enroll" in ends(provider, 2)


def test_a_certificate_that_has_expired_ends_the_gateway(home: Path, gateway: list[str]) -> None:
    shared().issue(home, GATEWAY_1, term=days(-10, -5))
    complaint = ends(gateway, 1)
    assert "expired at" in complaint
    assert "Ask the administrator to renew it" in complaint


def test_a_certificate_of_another_gateway_ends_this_one(home: Path, gateway: list[str]) -> None:
    shared().issue(home, Subject(Role.GATEWAY, "gateway-2", "north"))
    complaint = ends(gateway, 1)
    assert (
        f"The certificate in {home} is for gateway-2 in region north, and the settings are for gateway-1" in complaint
    )


def test_a_certificate_that_is_missing_ends_the_gateway(home: Path, gateway: list[str]) -> None:
    (home / CERTIFICATE_FILE).unlink()
    assert f"{home}/certificate.pem is missing" in (complaint := ends(gateway, 1))
    assert complaint.endswith("dcnet smgw install --config FILE BUNDLE")
