"""What `dcnet inspect` is asked to look at: a frame, a whole bus, a recording of one, or evidence.

What each of these needs is imported when it is chosen, so that a frame is taken apart at once.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from launcher.errors import LauncherError

Direction = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class InspectOptions:
    """What the command line asks for: one of `frame`, `watch`, `uniformity` and `evidence`, and what goes with it."""

    frame: str | None = None
    watch: str | None = None
    credentials: Path | None = None
    record: Path | None = None
    uniformity: Path | None = None
    readings: Path | None = None
    evidence: Path | None = None
    ca: Path | None = None
    key: str | None = None
    direction: Direction | None = None
    as_json: bool = False


def run_chosen(options: InspectOptions) -> int:
    """Look at what the options choose; returns the exit status.

    Raises:
        LauncherError: They choose nothing, or several; one does not fit the choice; or it cannot be looked at.
    """
    _require_one_choice(options)
    if options.evidence is not None:
        from launcher.evidence.commands import run_evidence  # noqa: PLC0415 -- see the module's docstring

        return run_evidence(options.evidence, options.ca, as_json=options.as_json)
    if options.uniformity is not None:
        from launcher.hiding.verdict import run_uniformity  # noqa: PLC0415

        return run_uniformity(options.uniformity, options.readings, as_json=options.as_json)
    if options.watch is not None:
        return _watch(options.watch, options)
    from launcher.inspection import run_inspect  # noqa: PLC0415

    return run_inspect(str(options.frame), options.key, options.direction, as_json=options.as_json)


def _require_one_choice(options: InspectOptions) -> None:
    choices = (options.frame, options.watch, options.uniformity, options.evidence)
    if sum(given is not None for given in choices) != 1:
        raise LauncherError(
            "Give either a frame or --watch HOST:PORT or --uniformity FILE or --evidence FILE."
            " See:  dcnet inspect --help"
        )
    for option, given, way, chosen in (
        ("--record", options.record, "--watch", options.watch),
        ("--readings", options.readings, "--uniformity", options.uniformity),
        ("--ca", options.ca, "--evidence", options.evidence),
    ):
        if given is not None and chosen is None:
            raise LauncherError(f"{option} goes with {way}. See:  dcnet inspect --help")


def _watch(address: str, options: InspectOptions) -> int:
    from launcher.follow import run_watch  # noqa: PLC0415

    if options.credentials is None:
        raise LauncherError("--watch needs --credentials DIR, the inspector's directory. See:  dcnet inspect --help")
    return run_watch(address, options.credentials, options.record, as_json=options.as_json)
