"""What the numbers were measured on."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from broker.program import Version

_PACKAGES: Final = ("numpy", "pynacl", "paho-mqtt", "aiomqtt", "pydantic")


def describe(mosquitto: Version) -> list[tuple[str, str]]:
    """Machine and versions, as rows of what and which. PyNaCl's wheel brings its own libsodium."""
    return [
        ("CPU", f"{_cpu_model()}, {os.cpu_count()} cores"),
        ("System", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        ("Python", f"{platform.python_version()} ({platform.python_implementation()})"),
        *((name, version(name)) for name in _PACKAGES),
        ("Mosquitto", ".".join(map(str, mosquitto))),
        ("Load before the run", _load()),
    ]


def _cpu_model() -> str:
    try:
        lines: Sequence[str] = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _load() -> str:
    """The mean number of running processes over the last minute: what else the machine was doing."""
    return f"{os.getloadavg()[0]:.1f} processes"
