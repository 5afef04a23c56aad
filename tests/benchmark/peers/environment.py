"""A peer's own virtual environment, made when it is first asked for; the product depends on none of them."""

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

CACHE_VARIABLE: Final = "DCNET_PEERS"
"""Names another directory for the environments than scratch/peers."""
INSTALL_LIMIT_S: Final = 600


class UnavailableError(Exception):
    """A peer's environment can't be made; the text says why."""


def interpreter(requirements: Path) -> Path:
    """The Python of the environment with exactly these packages.

    Args:
        requirements: pinned packages, with all that they need; the file's name names the environment.

    Raises:
        UnavailableError: it is not there yet and can't be made, for instance without a network.
    """
    home = _cache() / requirements.stem
    wanted = f"# Python {platform.python_version()}\n{requirements.read_text(encoding='utf-8')}"
    # Written last, so that an interrupted installation is not taken for a whole one.
    installed = home / "installed.txt"
    python = home / "bin" / "python"
    if not installed.is_file() or installed.read_text(encoding="utf-8") != wanted:
        installed.unlink(missing_ok=True)
        _run([sys.executable, "-m", "venv", "--clear", str(home)])
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--no-deps", "--retries", "1", "--timeout", "15", "--requirement", str(requirements)])
        installed.write_text(wanted, encoding="utf-8")
    return python


def _cache() -> Path:
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else Path(__file__).resolve().parents[3] / "scratch" / "peers"


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
    except OSError as error:
        raise UnavailableError(f"{command[0]} does not start: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"the installation took longer than {INSTALL_LIMIT_S} s") from error
    if done.returncode:
        # pip says first what it could not find, then where; the errors are the lines that name themselves so.
        lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
        raise UnavailableError((errors or lines or [f"exit status {done.returncode}"])[-1])
