"""docs/deployment.md, as a person follows it: in an empty directory, in its order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from broker.credentials import load_credentials
from common.certificates import Role
from launcher.gwa import now_ms

pytestmark = pytest.mark.integration

GUIDE = Path(__file__).parents[2] / "docs" / "deployment.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def follow(root: Path) -> subprocess.CompletedProcess[str]:
    """Write the files that the guide shows under a name, and run its commands (blocks of sh) in one shell."""
    script = ["set -eu"]
    for kind, name, text in BLOCK.findall(GUIDE.read_text()):
        if name:
            (root / name).write_text(text)
        if kind == "sh":
            script.append(text)
    environment = {
        **os.environ,
        "HOME": str(root),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DCNET_GWA_PASSPHRASE": "correct horse battery staple",
    }
    command = ["bash", "-c", "\n".join(script)]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=240, check=False)


def test_every_command_of_the_guide_works_as_printed(tmp_path: Path) -> None:
    walked = follow(tmp_path)
    assert (walked.returncode, walked.stderr) == (0, "")
    provider = load_credentials(tmp_path / "provider", Role.PROVIDER, now_ms())
    broker = load_credentials(tmp_path / "provider" / "broker", Role.BROKER, now_ms())
    inspector = load_credentials(tmp_path / "watch", Role.INSPECTOR, now_ms())
    assert inspector.provider == provider.certificate
    assert (provider.revocations.number, len(provider.revocations.serials)) == (broker.revocations.number, 2)
    assert dict(broker.revocations.valid) == {}
    assert "gateways with a valid certificate: north 1" in walked.stdout
