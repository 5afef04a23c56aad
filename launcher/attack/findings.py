"""What a lying provider has computed, as it writes it down for whoever shows it."""

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

FINDINGS_FILE: Final = "attack.json"

Lie = Literal["false-correction", "named-and-included"]


class Finding(BaseModel):
    """The outcome of one lie about one gateway in one round.

    `lanes` are import and export in 0.1 Wh and the contributor count, as signed words modulo 2**64: the victim's frame
    after everything that the provider could take off. `needed` of `holders` shares would open its self-mask (0 in a
    suite without one), and `shares` came.
    """

    model_config = ConfigDict(frozen=True)

    lie: Lie
    network: int
    suite: str
    round: int
    victim: str
    neighbors: int
    holders: int
    needed: int
    shares: int
    lanes: tuple[int, int, int]


_ADAPTER: Final = TypeAdapter(list[Finding])


def encode_findings(findings: list[Finding]) -> bytes:
    """The content of the file."""
    return _ADAPTER.dump_json(findings, indent=2)


def read_findings(home: Path) -> list[Finding]:
    """What a lying provider with this home directory has written so far."""
    try:
        return _ADAPTER.validate_json((home / FINDINGS_FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return []
