"""Closed rounds as the demonstration shows them, judged against what the gateways metered."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, field_validator

from launcher.truth import TrueSum

_SUMLESS = ("import_dwh", "export_dwh", "contributors")


class RoundMessage(BaseModel):
    """A round as the provider publishes it: the JSON of the result topic, or a line of its results file."""

    model_config = ConfigDict(frozen=True)

    network: int
    region: str
    round: int
    status: str
    why: str
    members: int
    present: int
    missing: int
    away: int
    attempts: int
    import_dwh: int | None
    export_dwh: int | None
    contributors: int | None
    duration_ms: int
    warning: str = ""

    @field_validator(*_SUMLESS, mode="before")
    @classmethod
    def _is_empty(cls, value: object) -> object:
        """A CSV file has no null."""
        return None if value == "" else value

    @property
    def has_sum(self) -> bool:
        """Whether a sum was published."""
        return self.import_dwh is not None

    @classmethod
    def absent(cls, like: Self, round_: int) -> Self:
        """A round of which nothing was heard, in the network of another one."""
        nothing: dict[str, Any] = dict.fromkeys(_SUMLESS) | dict.fromkeys(("present", "missing", "away", "attempts"), 0)
        return like.model_copy(update={"round": round_, "status": "lost", "why": "", "duration_ms": 0, **nothing})


def read_results(path: Path, network: int) -> dict[int, RoundMessage]:
    """The rounds of one network in the provider's results file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [RoundMessage.model_validate(row) for row in csv.DictReader(file)]
    return {row.round: row for row in rows if row.network == network}


@dataclass(frozen=True, slots=True)
class ClosedRound:
    """One closed round. `number` counts from the first one with all gateways; it is 0 before.

    `truth` is None when there is no sum, or nobody heard who is included in it.
    """

    number: int
    message: RoundMessage
    truth: TrueSum | None

    @property
    def is_exact(self) -> bool | None:
        """Whether the published sum is what the included gateways metered; None when none was published."""
        message, truth = self.message, self.truth
        if not message.has_sum:
            return None
        if truth is None or truth.unknown:
            return False
        metered = (truth.import_dwh, truth.export_dwh, truth.contributors)
        return metered == (message.import_dwh, message.export_dwh, message.contributors)

    @property
    def is_good(self) -> bool:
        """Whether it has an exact sum, or a reason why there is none."""
        return self.message.why != "" if self.is_exact is None else self.is_exact

    def as_json(self) -> Mapping[str, object]:
        """The fields of `dcnet demo --json`."""
        known = self.truth if self.message.has_sum else None
        return {
            "network": self.message.network,
            "region": self.message.region,
            "round": self.message.round,
            "number": self.number,
            **self.message.model_dump(include={"status", "why", "members", "present", "missing", "away", "attempts"}),
            **self.message.model_dump(include=set(_SUMLESS)),
            "expected_import_dwh": known and known.import_dwh,
            "expected_export_dwh": known and known.export_dwh,
            "expected_contributors": known and known.contributors,
            "exact": self.is_exact,
            "duration_ms": self.message.duration_ms,
            "warning": self.message.warning,
        }
