"""What people see of closed rounds: a line in a CSV file, a retained JSON on the bus, a line in the log.

Energies are whole numbers of 0.1 Wh (`_dwh`) and empty, or null, when the round has no sum. `start_utc` is the start of
the interval that was metered, one period before its round began. No file or message here names a member.
Source: thesis section 4 (one line a round); docs/protocol.md, "Result".
"""

import csv
import io
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from broker.home import HomeError
from common.identifiers import NetworkId, RoundNumber
from common.refusal import Refusal
from common.sizes import PRIVATE_MIN
from provider.core.events import RoundResult

COLUMNS: Final = (
    "network",
    "region",
    "round",
    "start_utc",
    "status",
    "why",
    "import_dwh",
    "export_dwh",
    "contributors",
    "members",
    "present",
    "missing",
    "away",
    "attempts",
    "duration_ms",
)

DEMONSTRATION: Final = "demonstration, not private"

RECENT: Final = 1_000
"""Rounds of a network whose lines are known one by one; every older round counts as written."""


def fields(result: RoundResult) -> dict[str, str | int | None]:
    """A closed round under the names of `COLUMNS`."""
    return {
        "network": result.network,
        "region": result.region,
        "round": result.round,
        "start_utc": start_utc(result),
        "status": result.status.value,
        "why": result.why.value,
        "import_dwh": result.import_dwh,
        "export_dwh": result.export_dwh,
        "contributors": result.contributors,
        "members": result.members,
        "present": result.present,
        "missing": result.missing,
        "away": result.away,
        "attempts": result.attempts,
        "duration_ms": result.duration_ms,
    }


def start_utc(result: RoundResult) -> str:
    """The start of the metered interval in ISO 8601, with milliseconds only when it has any."""
    start = datetime.fromtimestamp(result.start_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{start}.{result.start_ms % 1000:03}Z" if result.start_ms % 1000 else f"{start}Z"


def is_demonstration(result: RoundResult) -> bool:
    """Whether a sum was opened over so few contributors that it protects none of them well."""
    return result.contributors is not None and result.contributors < PRIVATE_MIN


def as_json(result: RoundResult, certified: int, refused: Mapping[Refusal, int]) -> bytes:
    """The retained message: flat, so that MQTT Explorer and Grafana plot every number.

    To the columns it adds `import_kwh` and `export_kwh`, `certified` (gateways of the region with a valid certificate,
    by the administrator's list), `warning` (empty, or why the sum is not private), `refused` (messages this provider
    has refused since it started, in all its networks) and `refused_<reason>` for each reason.
    """
    counts = {f"refused_{reason.name.lower()}": count for reason, count in sorted(refused.items())}
    payload = {
        **fields(result),
        "import_kwh": _kwh(result.import_dwh),
        "export_kwh": _kwh(result.export_dwh),
        "certified": certified,
        "warning": DEMONSTRATION if is_demonstration(result) else "",
        "refused": sum(counts.values()),
        **counts,
    }
    return json.dumps(payload, separators=(",", ":")).encode()


def as_sentences(results: Iterable[RoundResult]) -> Iterator[str]:
    """Rounds as people read them: `round 123 (north): 8 of 8, complete, 1.234 kWh import, 0.2 kWh export`.

    Those without a sum that follow each other for one reason share a line.
    """
    for _, group in groupby(results, lambda r: (r.network, r.status, r.why, r.import_dwh is None or r.round)):
        first, *others = group
        if others:
            head = f"rounds {first.round} to {others[-1].round} ({first.region})"
            yield f"{head}: {first.status.value}: {first.why.value}"
        else:
            yield _sentence(first)


def _sentence(result: RoundResult) -> str:
    head = f"round {result.round} ({result.region}): {result.present} of {result.members}, {result.status.value}"
    if result.import_dwh is None or result.export_dwh is None:
        return f"{head}: {result.why.value}"
    return f"{head}, {_kwh(result.import_dwh)} kWh import, {_kwh(result.export_dwh)} kWh export"


def _kwh(dwh: int | None) -> float | None:
    return None if dwh is None else dwh / 10_000


class ResultsFile:
    """One CSV file for all networks, one line for each closed round, never two for the same.

    A line is one write of a whole line at the end of the file. What a crash left of a line is cut off at the next
    start; the store has that round still. The file is copied, opened and kept by people: it is never rewritten.
    """

    def __init__(self, path: Path) -> None:
        """Read which rounds have their line already, and repair the end.

        Raises:
            HomeError: The file cannot be used, or has other columns.
        """
        self.path = path
        self._written: defaultdict[int, set[int]] = defaultdict(set)
        try:
            with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
                end = self._read(file)
                file.truncate(end)
        except OSError as error:
            raise HomeError(self._sentence(error)) from error
        if end == 0:
            self._write([COLUMNS])

    def first_open(self, network: NetworkId) -> RoundNumber:
        """The first round that may have no line yet: hand in everything from it on, and `append` finds the gaps."""
        return RoundNumber(min(self._written[network], default=0))

    def append(self, results: Iterable[RoundResult]) -> None:
        """Write the lines of those rounds that have none yet, in one write.

        Raises:
            HomeError: The disk is full, or the file is gone; then no part of a line stays.
        """
        new: dict[tuple[int, int], RoundResult] = {}
        for result in results:
            if not self._has(result):
                new.setdefault((result.network, result.round), result)
        if new:
            self._write(fields(result).values() for result in new.values())
        for network, number in new:
            self._note(network, number)

    def _has(self, result: RoundResult) -> bool:
        written = self._written[result.network]
        return result.round in written or (len(written) >= RECENT and result.round < min(written))

    def _note(self, network: int, round_: int) -> None:
        written = self._written[network]
        written.add(round_)
        if len(written) > 2 * RECENT:
            self._written[network] = set(sorted(written)[-RECENT:])

    def _read(self, file: Iterable[bytes]) -> int:
        """Note every whole line; returns where the last of them ends."""
        end = 0
        for number, line in enumerate(file):
            if not line.endswith(b"\n"):
                break
            end += len(line)
            if number == 0:
                self._check_header(line)
            else:
                self._note(*self._key(line, number + 1))
        return end

    def _check_header(self, line: bytes) -> None:
        if line.decode("utf-8", "replace").rstrip("\r\n") != ",".join(COLUMNS):
            raise HomeError(
                f"{self.path} has other columns than this provider writes. Move it away; a new one is made."
            )

    def _key(self, line: bytes, number: int) -> tuple[int, int]:
        network, _region, round_ = line.split(b",", 3)[:3] if line.count(b",") >= 3 else (b"", b"", b"")
        if not (network.isdigit() and round_.isdigit()):
            raise HomeError(f"{self.path}, line {number}: is no closed round. Correct or remove that line.")
        return int(network), int(round_)

    def _write(self, rows: Iterable[Iterable[object]]) -> None:
        octets = _lines(rows)
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND)
            try:
                end = os.fstat(descriptor).st_size
                if os.write(descriptor, octets) < len(octets):
                    os.ftruncate(descriptor, end)
                    raise HomeError(f"The disk under {self.path} is full. Free space; the store has the round.")
            finally:
                os.close(descriptor)
        except OSError as error:
            raise HomeError(self._sentence(error)) from error

    def _sentence(self, error: OSError) -> str:
        return (
            f"The results file {self.path} cannot be used: {error.strerror}. Free space or give access to it; "
            "the store has every round, and the next start adds the lines that are missing."
        )


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
