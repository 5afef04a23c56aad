"""Three ways to show a demonstration: a live table, plain lines, and JSON for programs."""

import json
import os
import re
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console
from rich.live import Live

from launcher.board import Board
from launcher.rounds import ClosedRound
from launcher.table import kwh, picture

CAPTURE_WIDTH: Final = 128

_FONT_DOWNLOAD: Final = re.compile(r"\s*@font-face \{.*?\n    \}", re.DOTALL)
"""Rich's pictures fetch a font from elsewhere; ours take the viewer's own."""


class View(Protocol):
    """Shows the board; a context manager."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the show, with a summary when rounds were played; what was shown stays."""

    def say(self, text: str) -> None:
        """Something that happens; the board has it already."""

    def show(self, closed: ClosedRound) -> None:
        """A closed round that counts."""

    def refresh(self) -> None:
        """Time has passed."""


class LiveView:
    """A table that redraws itself in the terminal."""

    def __init__(self, board: Board, console: Console) -> None:
        self._board: Final = board
        self._console: Final = console
        self._live: Final = Live(console=console, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refresh()
        self._live.__exit__(kind, error, trace)

    def say(self, text: str) -> None:
        """See `View`."""
        self.refresh()

    def show(self, closed: ClosedRound) -> None:
        """See `View`."""
        self.refresh()

    def refresh(self) -> None:
        """See `View`."""
        width, height = self._console.size
        self._live.update(picture(self._board, _now_ms(), width, height), refresh=True)


class PlainView:
    """A line for everything, for files, pipes and simple terminals."""

    def __init__(self, board: Board) -> None:
        self._board: Final = board

    def __enter__(self) -> Self:
        self.say(f"dcnet demo: {self._board.profile.title}")
        if self._board.warning:
            self.say(f"WARNING: {self._board.warning}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._board.played:
            self.say(self._board.summary())

    def say(self, text: str) -> None:
        """See `View`."""
        print_line(text)

    def show(self, closed: ClosedRound) -> None:
        """See `View`."""
        print_line(sentence_of(closed))

    def refresh(self) -> None:
        """See `View`."""


class JsonView:
    """One JSON object for each round on the standard output; everything else goes to the standard error."""

    def __init__(self, board: Board) -> None:
        self._board: Final = board

    def __enter__(self) -> Self:
        if self._board.warning:
            self.say(f"WARNING: {self._board.warning}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._board.played:
            self.say(self._board.summary())

    def say(self, text: str) -> None:
        """See `View`."""
        sys.stderr.write(f"{text}\n")

    def show(self, closed: ClosedRound) -> None:
        """See `View`."""
        print_line(json.dumps(closed.as_json()))

    def refresh(self) -> None:
        """See `View`."""


def print_line(text: str) -> None:
    """Write a line at once. Whoever closed the pipe (`| head`) has seen enough: what follows goes nowhere."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def sentence_of(closed: ClosedRound) -> str:
    """A closed round as a line: `round 3 (lindenhof): 7 of 8 present, 1 missing, 1 correction; ...`."""
    message, truth = closed.message, closed.truth
    head = f"round {closed.number} ({message.region}): {message.present} of {message.members} present"
    if message.missing:
        head += f", {message.missing} missing, {message.attempts} correction{'s' * (message.attempts != 1)}"
    if not message.has_sum:
        return f"{head}; no sum, {message.status}: {message.why or 'nothing was heard of it'}"
    sums = f"{kwh(message.import_dwh)} kWh import, {kwh(message.export_dwh)} kWh export"
    if closed.is_exact:
        return f"{head}; {sums}: exact, after {message.duration_ms / 1000:.1f} s"
    known = f"{kwh(truth.import_dwh)} and {kwh(truth.export_dwh)} kWh" if truth else "not known"
    return f"{head}; {sums}: WRONG, the true sums are {known}"


def save_picture(board: Board, path: Path) -> None:
    """Write the board as it is now as an SVG picture of a terminal."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, file=nowhere, width=CAPTURE_WIDTH, force_terminal=True, color_system="truecolor")
        console.print(picture(board, _now_ms(), CAPTURE_WIDTH, 60))
        drawn = console.export_svg(title="dcnet demo")
        path.write_text(_FONT_DOWNLOAD.sub("", drawn), encoding="utf-8")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
