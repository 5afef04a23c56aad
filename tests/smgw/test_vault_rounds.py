"""What a vault gives back of the last rounds, and what it keeps of the provider's offenses."""

from dataclasses import replace
from pathlib import Path

import pytest

from common.identifiers import ClientId, NetworkId
from common.roster import RosterRoot
from smgw.core.events import Departed, KnownRoster, MemberGone, Membership, Offense, VaultContents
from smgw.core.reading import ReadingStatus
from smgw.evidence import read_evidence
from smgw.vault import EVIDENCE_KEPT
from tests.smgw.records import MEMBERSHIP, closed, edge, evidence, sent
from tests.smgw.vaults import contents, enrolled_home, keep


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return enrolled_home(tmp_path)


@pytest.mark.parametrize("status", ReadingStatus)
def test_the_last_sent_frame_returns(home: Path, status: ReadingStatus) -> None:
    keep(home, MEMBERSHIP, sent(10, frame=b"ten"), sent(11, frame=b"first"))
    corrected = sent(11, attempt=1, frame=b"corrected", status=status)
    keep(home, corrected)
    assert contents(home).sent == (sent(10, frame=b"ten"), corrected)


@pytest.mark.parametrize("neighbors", [(), (1,), tuple(range(1, 100)), (2**32 - 1,)])
def test_whose_masks_were_under_the_first_frame_returns(home: Path, neighbors: tuple[int, ...]) -> None:
    keep(home, MEMBERSHIP, sent(10, neighbors=neighbors))
    assert contents(home).sent == (sent(10, neighbors=neighbors),)


def test_the_last_closed_rounds_return_in_order_with_the_names_of_their_finals(home: Path) -> None:
    keep(home, MEMBERSHIP, closed(12, view=bytes(range(8))), closed(11, is_included=False))
    assert contents(home).closed == (closed(11, is_included=False), closed(12, view=bytes(range(8))))


def test_of_the_last_nine_rounds_each_last_frame_and_closing_returns(home: Path) -> None:
    rounds = range(10, 30)
    keep(home, MEMBERSHIP, *(sent(number) for number in rounds), *map(closed, rounds))
    keep(home, *(sent(number, attempt=2, frame=b"corrected") for number in (21, 24)))
    kept = contents(home)
    assert [each.round for each in kept.sent] == [each.round for each in kept.closed] == list(range(21, 30))
    assert {each.round for each in kept.sent if each.attempt} == {21, 24}


def test_whom_a_gateway_holds_for_returns_and_may_be_learned_later(home: Path) -> None:
    keep(home, edge(1), edge(2, holds=True))
    assert [each.holds for each in contents(home).edges] == [False, True]
    keep(home, edge(1, holds=True))
    assert contents(home).edges == (edge(1, holds=True), edge(2, holds=True))


def test_evidence_is_kept_byte_for_byte_with_the_network(home: Path) -> None:
    proofs = [evidence(number, offense) for number, offense in enumerate(Offense)]
    keep(home, MEMBERSHIP, *proofs)
    assert [(each.network, each.evidence) for each in read_evidence(home)] == [
        (MEMBERSHIP.network, proof) for proof in proofs
    ]


def test_evidence_outlives_the_membership(home: Path) -> None:
    keep(home, MEMBERSHIP, evidence(), Departed())
    assert [each.evidence for each in read_evidence(home)] == [evidence()]


def test_only_so_much_evidence_is_kept_and_its_numbers_go_on(home: Path) -> None:
    keep(home, MEMBERSHIP, *(evidence(number) for number in range(EVIDENCE_KEPT + 7)))
    kept = read_evidence(home)
    assert (len(kept), kept[0].evidence.round, kept[-1].evidence.round) == (EVIDENCE_KEPT, 7, EVIDENCE_KEPT + 6)
    assert [each.number for each in kept] == list(range(8, EVIDENCE_KEPT + 8))


def test_when_it_was_left_out_in_the_last_day_returns(home: Path) -> None:
    day_ms, now_ms = 86_400_000, 1_800_000_000_000
    times = (now_ms - day_ms - 1, now_ms - day_ms, now_ms - day_ms + 1, now_ms - 5, now_ms)
    keep(home, MEMBERSHIP, *(evidence(10, Offense.LEFT_OUT, time_ms=time_ms) for time_ms in times))
    keep(home, evidence(11, Offense.TWO_FINALS, time_ms=now_ms))
    assert contents(home).left_out_ms == times[2:]


def test_being_left_out_often_pushes_out_no_proof(home: Path) -> None:
    keep(home, MEMBERSHIP, evidence(1, Offense.TWO_FINALS))
    keep(home, *(evidence(number, Offense.LEFT_OUT) for number in range(EVIDENCE_KEPT + 5)))
    kept = [each.evidence for each in read_evidence(home)]
    assert kept[0] == evidence(1, Offense.TWO_FINALS)
    assert [each.round for each in kept[1:]] == list(range(5, EVIDENCE_KEPT + 5))


def test_up_to_when_energy_was_reported_is_known_in_whichever_network(home: Path) -> None:
    roster = KnownRoster(MEMBERSHIP.network, RosterRoot(1, 8, 8, bytes(32)), bytes(32), 900_000)
    keep(home, MEMBERSHIP, roster, sent(10))
    keep(home, Departed(), Membership(NetworkId(3), ClientId(1)))
    assert contents(home).sent == ()
    assert contents(home).metered_until_ms == 10 * 900_000


def test_members_that_are_proven_to_have_left_return_until_the_gateway_has_another_place(home: Path) -> None:
    keep(home, MEMBERSHIP, MemberGone(ClientId(4)), MemberGone(ClientId(2**32 - 1)), MemberGone(ClientId(4)))
    assert contents(home).gone == frozenset({4, 2**32 - 1})
    keep(home, replace(MEMBERSHIP, is_leaving=True))
    assert contents(home).gone == frozenset({4, 2**32 - 1})
    keep(home, Membership(NetworkId(3), ClientId(1)))
    assert contents(home).gone == frozenset()


def test_departure_forgets_who_has_left(home: Path) -> None:
    keep(home, MEMBERSHIP, MemberGone(ClientId(4)), Departed())
    assert contents(home) == VaultContents()
