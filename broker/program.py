"""The Mosquitto program on this machine: where it is, and whether it is new enough."""

import asyncio
import re
import shutil
from pathlib import Path
from typing import Final

Version = tuple[int, int, int]

VERSION_MIN: Final[Version] = (2, 0, 11)
"""Debian 12's. Older ones lack options of our configuration or are not tested."""

INSTALL: Final = "sudo apt-get install mosquitto"

_ANSWER_WITHIN_S: Final = 10


class BrokerError(Exception):
    """The broker cannot run. The text says what is wrong, where, and what to do."""


def find_program(override: Path | None) -> Path:
    """Find Mosquitto: the override, else PATH, else /usr/sbin, which an ordinary account has not in its PATH.

    Raises:
        BrokerError: There is none.
    """
    if override is not None:
        if shutil.which(override) is None:
            raise BrokerError(
                f"{override} is not a program. Correct `mosquitto` in the broker's settings, or leave it out."
            )
        return override
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise BrokerError(f"Mosquitto, the MQTT broker, is not installed. Install it with:  {INSTALL}")
    return Path(found)


def parse_version(help_text: str) -> Version | None:
    """Read the version in the first line of `mosquitto -h`; None when there is none."""
    found = re.search(r"mosquitto version (\d+)\.(\d+)\.(\d+)", help_text)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


def check_version(version: Version | None, program: Path) -> Version:
    """Return the version if it is supported.

    Raises:
        BrokerError: It is older, or the program is something else.
    """
    least = ".".join(map(str, VERSION_MIN))
    if version is None:
        raise BrokerError(f"{program} does not tell a version as Mosquitto does. Install Mosquitto with:  {INSTALL}")
    if version < VERSION_MIN:
        have = ".".join(map(str, version))
        raise BrokerError(f"{program} is Mosquitto {have}; {least} or newer is needed. Upgrade it with:  {INSTALL}")
    return version


async def installed_version(program: Path) -> Version:
    """Ask the program for its version.

    Raises:
        BrokerError: It does not answer, or is too old.
    """
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            child = await asyncio.create_subprocess_exec(
                program,
                "-h",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            try:
                answer, _ = await child.communicate()
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
    except (OSError, TimeoutError) as error:
        reason = str(error) or f"no answer within {_ANSWER_WITHIN_S} s"
        raise BrokerError(f"{program} -h fails: {reason}. Install Mosquitto with:  {INSTALL}") from error
    return check_version(parse_version(answer.decode(errors="replace")), program)
