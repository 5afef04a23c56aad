"""A peer's script as a child process with a time limit, and what it printed."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt, TypeAdapter, ValidationError

_QUIET: Final = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
"""Flower reports its use to its makers unless told not to."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PlayedRound(_Line):
    """One round as the script reports it. CPU and bytes of a meter are means over those that were there to the end."""

    dropout: NonNegativeFloat
    is_finished: bool
    why: str
    meter_cpu_s: NonNegativeFloat
    server_cpu_s: NonNegativeFloat
    up_bytes: NonNegativeInt


class Versions(_Line):
    """The packages that did the work."""

    versions: Mapping[str, str]


_LINE: Final[TypeAdapter[PlayedRound | Versions]] = TypeAdapter(PlayedRound | Versions)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the script printed until its end. `ending` says what cut it short, and is empty if nothing did."""

    rounds: Sequence[PlayedRound] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    ending: str = ""


def hear(command: Sequence[str], limit_s: float) -> Heard:
    """Run it for at most `limit_s` seconds on the clock; the rounds that it finished until then count."""
    ending = ""
    try:
        done = subprocess.run(command, capture_output=True, timeout=limit_s, check=False, env={**os.environ, **_QUIET})
    except OSError as error:
        return Heard(ending=f"does not start: {error}")
    except subprocess.TimeoutExpired as late:
        output, ending = late.stdout or b"", f"not finished within {limit_s:g} s"
    else:
        output = done.stdout
        if done.returncode:
            ending = f"failed: {_last_line(done.stderr) or f'exit status {done.returncode}'}"
    # What stands behind the last line break was cut off by the limit.
    return _read(output.decode("utf-8", "replace").split("\n")[:-1], ending)


def _read(lines: Sequence[str], ending: str) -> Heard:
    rounds: list[PlayedRound] = []
    versions: dict[str, str] = {}
    for line in lines:
        try:
            found = _LINE.validate_json(line)
        except ValidationError:
            return Heard(rounds, versions, f"failed: printed {line[:60]!r}, which is no measurement")
        if isinstance(found, PlayedRound):
            rounds.append(found)
        else:
            versions.update(found.versions)
    return Heard(rounds, versions, ending)


def _last_line(errors: bytes) -> str:
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
