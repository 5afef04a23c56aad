"""`dcnet inspect --uniformity`: whether what a recording holds looks as masked superpositions must."""

import json
import sys
from dataclasses import asdict, dataclass
from math import ceil, log, sqrt
from pathlib import Path
from typing import Any, Final

from launcher.errors import LauncherError
from launcher.hiding import checks as of_words
from launcher.hiding import readings as of_readings
from launcher.hiding.checks import Check
from launcher.hiding.sample import FRAMES_MAX, Superpositions, collect
from launcher.recording import read_recording

LEVEL: Final = 1e-4
"""Superpositions that are perfectly masked fail with at most this probability, all checks of a recording together."""

FRAMES_MIN: Final = 100
"""With fewer frames nothing is said: only a constant bit or a mask much too short would be found."""

LOOKS_UNIFORM: Final = 0
DOES_NOT: Final = 1
TOO_FEW: Final = 2
"""Exit statuses."""

LIMITS: Final = (
    "This finds masks that are badly wrong. It cannot show secrecy: masks that somebody else can compute look just as "
    "uniform, and so do those of a gateway that tells its seeds."
)
_TOLD_MAX: Final = 5
_ALMOST_SURELY: Final = 2.33
"""So many standard deviations above a threshold lies what passes it 99 times in 100."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all checks together say about a recording.

    `frames` are those that were tested, of `superpositions` in the recording; `compared` those whose readings are
    known, None without readings.
    """

    superpositions: int
    frames: int
    gateways: int
    rounds: int
    ignored: int
    compared: int | None
    checks: list[Check]

    @property
    def is_enough(self) -> bool:
        """Whether there are enough frames to say anything."""
        return min(self.frames, self.frames if self.compared is None else self.compared) >= FRAMES_MIN

    @property
    def p_value(self) -> float:
        """A bound for the probability that perfectly masked superpositions look at least so odd somewhere."""
        return min((1.0, *(check.p_value * len(self.checks) for check in self.checks)))

    @property
    def found(self) -> list[Check]:
        """The checks that failed, in their order (Holm, Scandinavian Journal of Statistics 6, 1979)."""
        limit = -1.0
        for passed, p_value in enumerate(sorted(check.p_value for check in self.checks)):
            if p_value >= LEVEL / (len(self.checks) - passed):
                break
            limit = p_value
        return [check for check in self.checks if check.p_value <= limit]

    @property
    def status(self) -> int:
        """The exit status."""
        if self.found:
            return DOES_NOT
        return LOOKS_UNIFORM if self.is_enough else TOO_FEW

    @property
    def smallest_bias(self) -> float:
        """How far from 1/2 the probability of one bit in all frames must be to be found 99 times in 100."""
        needed = sqrt(2 * log(2 * 192 * max(len(self.checks), 1) / LEVEL)) + _ALMOST_SURELY
        return min(0.5, needed / 2 / sqrt(max(self.frames, 1)))

    def as_json(self) -> dict[str, Any]:
        """Everything by name."""
        return {
            "verdict": ("looks uniform", "does not look uniform", "too few frames")[self.status],
            "p_value": self.p_value if self.checks else None,
            "level": LEVEL,
            "superpositions": self.superpositions,
            "frames_tested": self.frames,
            "frames_min": FRAMES_MIN,
            "gateways": self.gateways,
            "rounds": self.rounds,
            "frames_ignored": self.ignored,
            "frames_compared": self.compared,
            "smallest_bias_found": self.smallest_bias,
            "failed": [check.name for check in self.found],
            "checks": [asdict(check) for check in self.checks],
            "limits": LIMITS,
        }


def judge(found: Superpositions, readings: of_readings.Readings | None) -> Verdict:
    """Test the superpositions of a recording, and their relation to the true readings when these are known."""
    first = found.first()
    pairs = None if readings is None else of_readings.pair(first, readings)
    done = list[Check]()
    if len(first.words) >= FRAMES_MIN:
        done += of_words.checks(found, first)
        done += of_readings.checks(pairs) if pairs is not None and len(pairs.words) >= FRAMES_MIN else ()
    return Verdict(
        found.kept,
        len(first.words),
        len({sender for sender, _ in found.frames}),
        len({(network, number) for (network, _), number in found.frames}),
        found.ignored,
        None if pairs is None else len(pairs.words),
        done,
    )


def run_uniformity(recording: Path, readings: Path | None, *, as_json: bool) -> int:
    """Test a recording, and print the verdict.

    Args:
        recording: What `dcnet inspect --watch --record` wrote.
        readings: The true readings, as `dcnet smgw readings` writes them.
        as_json: Whether to print one JSON object.

    Returns:
        0 when it looks uniform, 1 when it does not, 2 when there are too few frames.

    Raises:
        LauncherError: A file cannot be read, or there is no superposition in the recording.
    """
    found = collect(read_recording(recording))
    if not found.kept:
        raise LauncherError(f"{recording} has no superposition. Record while rounds are played.")
    verdict = judge(found, None if readings is None else of_readings.read_readings(readings))
    sys.stdout.write(f"{json.dumps(verdict.as_json()) if as_json else as_text(verdict)}\n")
    return verdict.status


def as_text(verdict: Verdict) -> str:
    """The verdict for people."""
    head = (
        f"{verdict.superpositions:,} superpositions of {verdict.gateways:,} gateways in {verdict.rounds:,} rounds; "
        f"{verdict.frames:,} are tested, since one of each round follows from the others."
    )
    lines = [head]
    if verdict.ignored:
        lines.append(f"The recording has more: {verdict.ignored:,} after the first {FRAMES_MAX:,} are left out.")
    lines += [f"  {check.name:<52} p = {_shown(check.p_value)}" for check in verdict.checks]
    return "\n".join([*lines, "", *_conclusion(verdict)])


def _conclusion(verdict: Verdict) -> list[str]:
    if verdict.status == TOO_FEW:
        return [_lacking(verdict)]
    if found := verdict.found:
        told = [f"DOES NOT look uniform: {check.finding} (p = {_shown(check.p_value)})." for check in found[:_TOLD_MAX]]
        more = [f"{len(found) - _TOLD_MAX} more checks fail, see above."] if len(found) > _TOLD_MAX else []
        return [*told, *more, f"Perfect masks fail any check in fewer than 1 of {1 / LEVEL:,.0f} recordings."]
    return [
        f"looks uniform (p = {_shown(verdict.p_value)}; below {LEVEL:g} it would not).",
        f"With so many frames, a bit is found that is set {50 + 100 * verdict.smallest_bias:.1f} times in 100.",
        LIMITS,
    ]


def _lacking(verdict: Verdict) -> str:
    if verdict.frames < FRAMES_MIN:
        each = max(verdict.frames / max(verdict.rounds, 1), 1 / FRAMES_MIN)
        more = ceil((FRAMES_MIN - verdict.frames) / each)
        return (
            f"TOO FEW frames: {verdict.frames:,} can be tested, {FRAMES_MIN} are needed before anything can be said. "
            f"Record about {more:,} rounds more."
        )
    return (
        f"TOO FEW readings: those of {verdict.compared:,} frames are known, {FRAMES_MIN} are needed. Give the readings "
        "of these gateways and rounds, or leave out --readings."
    )


def _shown(p_value: float) -> str:
    return f"{p_value:.2g}" if p_value >= 1e-300 else "0"
