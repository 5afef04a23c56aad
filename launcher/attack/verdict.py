"""What a lying provider has learned, beside what the victim's own ledger says, in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broker.credentials import AUTHORITY_FILE, stored
from broker.home import HomeError
from broker.pem import CERTIFICATE
from common.certificates import Authority
from launcher.attack.findings import Finding
from launcher.evidence.commands import document_of
from launcher.evidence.judging import judge
from smgw.core.events import Offense
from smgw.evidence import read_evidence
from smgw.ledger import read_ledger


@dataclass(frozen=True, slots=True)
class Truth:
    """A reading as its own gateway metered it, in 0.1 Wh."""

    import_dwh: int
    export_dwh: int

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{self.import_dwh / 10:.1f} Wh import, {self.export_dwh / 10:.1f} Wh export"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finding beside the truth; `proofs` are the verdicts on what the gateways kept as evidence of this lie."""

    finding: Finding
    truth: Truth
    proofs: tuple[str, ...] = ()

    @property
    def is_read(self) -> bool:
        """Whether the provider holds the reading."""
        return self.finding.lanes == (self.truth.import_dwh, self.truth.export_dwh, 1)

    @property
    def claim(self) -> str:
        """What came out."""
        if self.is_read:
            return Truth(*self.finding.lanes[:2]).sentence
        return f"{self.finding.lanes[0]} (modulo 2^64)"

    @property
    def why(self) -> str:
        """What it is, or why it is not the reading."""
        found = self.finding
        if self.is_read:
            return f"READ: the masks of its {found.neighbors} neighbors were all that hid it"
        if not found.needed:
            return "NOT READ: this is another number; the round was disturbed"
        shares = f"{found.shares} of the {found.needed} shares that open it"
        if found.lie == "false-correction":
            reason = "no gateway gives one for a member that is not in the FINAL"
        else:
            reason = "whoever took its mask toward the victim off its frame gives none, whatever a FINAL says"
        return f"NOT READ: the self-mask is still on it; the provider has {shares}, since {reason}"

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            **self.finding.model_dump(),
            "ledger_import_dwh": self.truth.import_dwh,
            "ledger_export_dwh": self.truth.export_dwh,
            "is_read": self.is_read,
            "evidence": len(self.proofs),
        }


def truth_of(home: Path, finding: Finding) -> Truth:
    """What the victim's own ledger says of the round.

    Raises:
        HomeError: It cannot be read, or has no such round.
    """
    for entry in read_ledger(home):
        if (entry.network, entry.round) == (finding.network, finding.round):
            return Truth(entry.reading.import_dwh, entry.reading.export_dwh)
    raise HomeError(f"The ledger in {home} has no round {finding.round}. Look at the gateway's log.")


def proofs_of(homes: Sequence[Path], finding: Finding) -> tuple[str, ...]:
    """The verdicts on the evidence that these gateways have of the second lie, each checked as anybody could.

    Raises:
        HomeError: A vault cannot be read.
    """
    proofs = []
    for home in homes:
        authority = Authority(stored(home / AUTHORITY_FILE, CERTIFICATE))
        for kept in read_evidence(home):
            if kept.evidence.offense is Offense.NAMED_AND_INCLUDED and kept.evidence.round == finding.round:
                verdict = judge(document_of(home, kept), authority)
                proofs += [verdict.text] * verdict.holds
    return tuple(proofs)
