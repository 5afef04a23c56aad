"""What the gateway keeps of the provider's offenses, as its owner reads it.

Any process of the owner's account may read it while the agent runs. Source: docs/protocol.md, "Evidence".
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from common.identifiers import NetworkId, RoundNumber
from smgw.core.events import Evidence, Offense
from smgw.vault_file import VAULT_FILE, open_vault, understood

_SENTENCES: Final = {
    Offense.TWO_FINALS: "the provider signed two different FINALs for this round",
    Offense.TWO_CORRECTIONS: "the provider signed two lists of the missing that contradict each other",
    Offense.NAMED_AND_INCLUDED: "the provider called members missing, and then put them into its sum",
    Offense.LEFT_OUT: "the provider left this gateway out although it had sent",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """One offense as the vault keeps it; numbers count up from 1 and are never given again."""

    number: int
    network: NetworkId
    evidence: Evidence

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.evidence.time_ms / 1000, UTC).isoformat(" ", "seconds")
        where = f"network {self.network}, round {self.evidence.round}"
        return f"{self.number:>6}  {at}  {where}: {_SENTENCES[self.evidence.offense]}"


def read_evidence(home: Path) -> list[Kept]:
    """Everything that is kept in this home directory, oldest first.

    Raises:
        HomeError: There is no vault, or it cannot be read.
    """
    path = home / VAULT_FILE
    query = "SELECT number, network, time_ms, round, offense, first, second FROM evidence ORDER BY number"
    with closing(open_vault(path, "ro")) as db, understood(path):
        rows = db.execute(query).fetchall()
    return [
        Kept(number, NetworkId(network), Evidence(time_ms, RoundNumber(round_), Offense[offense], first, second))
        for number, network, time_ms, round_, offense, first, second in rows
    ]


def summary(kept: Iterable[Kept]) -> str:
    """How much there is of each, in a sentence; empty when there is nothing."""
    counts = Counter(each.evidence.offense for each in kept)
    left_out = counts.pop(Offense.LEFT_OUT, 0)
    parts = []
    if proofs := counts.total():
        parts.append(f"{_times(proofs)} the provider signed what contradicts itself, which anybody can check")
    if left_out:
        parts.append(f"{_times(left_out)} it left this gateway out although it had sent, which may be an accident")
    return f"{'; '.join(parts)} (dcnet smgw evidence)." if parts else ""


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
