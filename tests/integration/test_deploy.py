"""The systemd units as systemd reads them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

DEPLOY = Path(__file__).parents[2] / "deploy"
INSTALLED = "/opt/dcnet"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
@pytest.mark.parametrize(
    ("unit", "instance"),
    [
        ("dcnet-smgw@.service", "dcnet-smgw@gateway-1.service"),
        ("dcnet-provider.service", "dcnet-provider.service"),
    ],
)
def test_systemd_has_nothing_to_say_about_a_unit(tmp_path: Path, unit: str, instance: str) -> None:
    text = (DEPLOY / unit).read_text().replace(f"{INSTALLED}/.venv/bin/python", sys.executable)
    for name in (unit, instance):
        (tmp_path / name).write_text(text.replace(INSTALLED, str(DEPLOY.parent)))
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / instance],
        check=False,
        timeout=60,
        capture_output=True,
        encoding="utf-8",
    )
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


@pytest.mark.parametrize("unit", ["dcnet-smgw@.service", "dcnet-provider.service"])
def test_a_fault_that_a_person_must_correct_is_not_tried_again(unit: str) -> None:
    lines = (DEPLOY / unit).read_text().splitlines()
    assert {"Restart=on-failure", "RestartPreventExitStatus=2"} <= set(lines)
