"""What is kept of the provider's offenses, as the owner reads it."""

from pathlib import Path

import pytest

from broker.home import HomeError
from common.identifiers import RoundNumber
from smgw.core.events import Evidence, Offense
from smgw.evidence import read_evidence, summary
from smgw.vault import EVIDENCE_KEPT
from tests.smgw import vaults
from tests.smgw.records import MEMBERSHIP
from tests.smgw.vaults import enrolled_home

PROOF = Evidence(1_800_000_000_123, RoundNumber(50), Offense.TWO_FINALS, b"one", b"two")
COMPLAINT = Evidence(1_800_000_060_000, RoundNumber(51), Offense.LEFT_OUT, b"own", b"final")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return enrolled_home(tmp_path)


def keep(home: Path, *records: Evidence) -> None:
    vaults.keep(home, MEMBERSHIP, *records)


def test_offenses_are_read_as_they_were_kept(home: Path) -> None:
    keep(home, PROOF, COMPLAINT)
    kept = read_evidence(home)
    assert [(each.number, each.network, each.evidence) for each in kept] == [
        (1, MEMBERSHIP.network, PROOF),
        (2, MEMBERSHIP.network, COMPLAINT),
    ]
    where = f"network {MEMBERSHIP.network}, round 50"
    assert str(kept[0]) == (
        f"     1  2027-01-15 08:00:00+00:00  {where}: the provider signed two different FINALs for this round"
    )


def test_every_offense_has_a_sentence(home: Path) -> None:
    keep(home, *(Evidence(1, RoundNumber(1), offense, b"1", b"2") for offense in Offense))
    lines = [str(each) for each in read_evidence(home)]
    assert len(set(lines)) == len(Offense)
    assert all("the provider " in line for line in lines)


def test_the_counts_are_told_in_a_sentence(home: Path) -> None:
    keep(home, PROOF, PROOF, COMPLAINT)
    assert summary(read_evidence(home)) == (
        "2 times the provider signed what contradicts itself, which anybody can check; once it left this gateway out"
        " although it had sent, which may be an accident (dcnet smgw evidence)."
    )
    assert summary([]) == ""


def test_many_complaints_push_out_no_proof(home: Path) -> None:
    keep(home, PROOF, *[COMPLAINT] * (EVIDENCE_KEPT + 5))
    kept = [each.evidence.offense for each in read_evidence(home)]
    assert (kept[0], kept.count(Offense.LEFT_OUT)) == (Offense.TWO_FINALS, EVIDENCE_KEPT)


def test_the_evidence_of_a_missing_vault_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="No such file"):
        read_evidence(tmp_path)
