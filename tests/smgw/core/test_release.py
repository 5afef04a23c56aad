"""RELEASE: for whom a gateway gives the shares that it holds, in which rounds, and for whom it never does."""

import pytest

from common.frames import Notification
from common.identifiers import RoundNumber
from common.payloads import NO_VIEW
from common.refusal import Refusal
from smgw.core.events import Closed, Connected, EdgeErased, Publish, Refuse, Store
from tests.smgw.core.builders import (
    ALL,
    MIDNIGHT,
    PEERS,
    SELF,
    after,
    announced,
    before,
    final,
    of_neighbor,
    published,
    refusals,
    reported,
    tunnel,
    view,
)
from tests.smgw.core.hardened import (
    BEFORE,
    MESH,
    VIEW,
    calls_missing,
    closes,
    given,
    holds,
    member_of_mesh,
    releases,
    reports,
    sealed,
    share,
    shares,
    waiting,
)
from tests.smgw.core.rosters import ROUND, SCHEDULE

DEADLINE = SCHEDULE.deadline(ROUND, 0)


def test_a_final_that_includes_a_gateway_is_stored_and_then_answered_with_all_shares_that_it_holds() -> None:
    bench, said = sealed(), closes()
    effects = bench.handle(said, at_ms=DEADLINE)
    assert given(effects) == shares(*PEERS)
    (release,) = releases(effects)
    assert (release.suite, release.round, release.view) == (2, ROUND, view(said))
    assert effects[0] == Store(Closed(ROUND, True, view(said)))
    assert [isinstance(effect, Publish) for effect in effects] == [False, True]


def test_a_release_is_worth_sending_as_long_as_the_sum_may_wait_for_it() -> None:
    (release,) = (e for e in sealed().handle(closes(), at_ms=DEADLINE) if isinstance(e, Publish))
    assert release.expires_ms == SCHEDULE.start(after(ROUND, 9))


def test_nothing_is_released_for_who_is_not_in_the_sum() -> None:
    assert given(sealed().handle(closes(included=ALL - {2, 6}), at_ms=DEADLINE)) == shares(1, 3, 5, 7)


def test_nothing_is_released_for_a_member_whose_mask_a_correction_took_off() -> None:
    bench = sealed()
    bench.handle(calls_missing(5), at_ms=DEADLINE)
    assert given(bench.handle(closes(included=ALL))) == shares(1, 2, 3, 6, 7)


def test_a_share_is_released_for_a_member_whom_a_refused_correction_named() -> None:
    """Its mask is still under the frame: that correction would have left too few."""
    bench = sealed()
    assert refusals(bench.handle(calls_missing(5, 6), at_ms=DEADLINE)) == ["TOO_FEW_DRAWN"]
    assert given(bench.handle(closes(included=ALL))) == shares(*PEERS)


def test_nothing_is_released_for_a_member_whose_mask_was_never_under_the_frame() -> None:
    bench = sealed(expected=ALL - {7})
    assert given(bench.handle(closes(of_view=bench.sent.view), at_ms=DEADLINE), PEERS[:-1]).keys() == {1, 2, 3, 5, 6}


def test_nothing_is_released_for_a_member_whose_seed_is_erased() -> None:
    bench = sealed()
    assert Store(EdgeErased(tunnel(5))) in bench.handle(of_neighbor(5, Notification.EXIT))
    assert given(bench.handle(closes(), at_ms=DEADLINE)) == shares(1, 2, 3, 6, 7)


@pytest.mark.parametrize("included", [PEERS, ()])
def test_a_gateway_that_is_not_in_the_sum_releases_nothing(included: tuple[int, ...]) -> None:
    effects = sealed().handle(closes(included=included), at_ms=DEADLINE)
    assert releases(effects) == []
    assert refusals(effects) == []


def test_a_gateway_that_did_not_send_releases_nothing() -> None:
    bench, _ = waiting()
    assert releases(bench.handle(closes(), at_ms=DEADLINE)) == []


def test_nothing_is_released_when_fewer_members_than_the_minimum_are_in_the_sum() -> None:
    bench = sealed()
    effects = bench.handle(closes(included=[SELF, 1, 2, 3]), at_ms=DEADLINE)
    assert refusals(effects) == ["TOO_FEW_MEMBERS"]
    assert releases(effects) == []
    bench = sealed()
    assert given(bench.handle(closes(included=[SELF, 1, 2, 3, 5]), at_ms=DEADLINE)) == shares(1, 2, 3, 5)


@pytest.mark.parametrize("of_view", [NO_VIEW, b"another."])
def test_a_final_of_another_chain_than_the_frame_closes_the_round_and_opens_nothing(of_view: bytes) -> None:
    bench, said = sealed(), closes(of_view=of_view)
    effects = bench.handle(said, at_ms=DEADLINE)
    assert releases(effects) == []
    assert Store(Closed(ROUND, True, view(said))) in effects
    assert releases(bench.handle(closes())) == []


def test_a_final_that_calls_the_round_void_opens_nothing() -> None:
    bench = sealed()
    later = closes(after(ROUND), void_from=ROUND)
    assert releases(bench.handle(later, at_ms=SCHEDULE.deadline(after(ROUND), 0))) == []
    assert refusals(bench.handle(closes())) == ["CONTRADICTION"]


def test_the_same_final_again_is_answered_with_the_same_shares() -> None:
    bench, said = sealed(), closes()
    first = bench.handle(said, at_ms=DEADLINE)
    again = bench.handle(said, at_ms=DEADLINE + 60_000)
    assert releases(again) == releases(first)
    assert published(again) == [Notification.RELEASE]


def test_after_a_restart_the_same_final_is_answered_with_the_same_shares() -> None:
    bench, said = sealed(), closes()
    first = bench.handle(said, at_ms=DEADLINE)
    records = len(bench.records)
    bench.restart()
    bench.handle(Connected(), announced(MESH))
    assert releases(bench.handle(said)) == releases(first)
    assert bench.records[records:] == []


@pytest.mark.parametrize("is_closed", [True, False])
@pytest.mark.parametrize(("rounds", "opens"), [(1, True), (8, True), (9, False)])
def test_a_final_is_answered_up_to_eight_rounds_later(rounds: int, opens: bool, is_closed: bool) -> None:
    """Whether it was heard before or comes late."""
    bench, said, now = sealed(), closes(), RoundNumber(ROUND + rounds)
    if is_closed:
        bench.handle(said, at_ms=DEADLINE)
    if rounds > 1:
        bench.handle(closes(now - 1, of_view=b"chained."), at_ms=SCHEDULE.start(now))
    effects = bench.handle(said, at_ms=SCHEDULE.deadline(now, 0) - 60_000)
    assert given(effects) == (shares(*PEERS) if opens else {})
    assert refusals(effects) == ([] if opens else ["STALE"])


def test_a_late_final_closes_its_round_before_anything_is_released() -> None:
    bench, said = sealed(), closes()
    bench.handle(closes(after(ROUND), of_view=view(said)), at_ms=SCHEDULE.deadline(after(ROUND), 0))
    effects = bench.handle(said)
    assert effects[0] == Store(Closed(ROUND, True, view(said)))
    assert given(effects) == shares(*PEERS)
    assert refusals(bench.handle(closes(included=PEERS))) == ["CONTRADICTION"]
    assert refusals(bench.handle(calls_missing(5))) == ["ROUND_CLOSED"]


@pytest.mark.parametrize(("of_view", "suite", "reason"), [(b"another.", 2, "WRONG_VIEW"), (VIEW, 1, "WRONG_SUITE")])
def test_a_late_final_that_does_not_fit_the_frame_is_refused(of_view: bytes, suite: int, reason: str) -> None:
    bench = sealed()
    bench.handle(closes(after(ROUND), of_view=view(closes())), at_ms=SCHEDULE.deadline(after(ROUND), 0))
    effects = bench.handle(closes(of_view=of_view, suite=suite))
    assert (refusals(effects), releases(effects)) == ([reason], [])


def test_who_counts_on_the_gateway_without_its_knowledge_gets_a_share_when_the_provider_says_so() -> None:
    bench = sealed(member_of_mesh(holds_for=PEERS[:4]))
    assert given(bench.handle(closes(), at_ms=DEADLINE)) == shares(1, 2, 3, 5)
    effects = bench.handle(holds(6, 7, 9))
    assert given(effects) == shares(1, 2, 3, 5, 6, 7)
    assert {edge.peer for edge in bench.kept.edges if edge.holds} == set(PEERS)
    assert bench.handle(holds(6, 7, 9)) == []


def test_a_hold_is_remembered_over_a_restart_and_a_round_that_was_open_then_gets_no_share() -> None:
    """Its store might be a copy that was put back, and lack that a mask was taken off since."""
    bench = sealed(member_of_mesh(holds_for=()))
    assert releases(bench.handle(holds(*PEERS))) == []
    bench.restart()
    bench.handle(Connected(), announced(MESH), BEFORE)
    assert {edge.peer for edge in bench.kept.edges if edge.holds} == set(PEERS)
    effects = bench.handle(closes(), at_ms=DEADLINE)
    assert releases(effects) == []
    assert Refuse(Refusal.FORGOTTEN, Notification.RELEASE) in effects


def test_a_hold_for_a_member_that_was_corrected_out_gives_nothing_for_it() -> None:
    bench = sealed(member_of_mesh(holds_for=()))
    bench.handle(calls_missing(5), at_ms=DEADLINE)
    bench.handle(closes(included=ALL))
    assert given(bench.handle(holds(*PEERS))) == shares(1, 2, 3, 6, 7)


def test_what_a_refused_hold_made_the_gateway_remember_is_on_the_disk_too() -> None:
    bench = sealed(member_of_mesh(holds_for=()))
    bench.handle(closes(included=[SELF, 1, 2, 3]), at_ms=DEADLINE)
    effects = bench.handle(holds(*PEERS))
    assert (refusals(effects), releases(effects)) == (["TOO_FEW_MEMBERS"], [])
    assert {edge.peer for edge in bench.kept.edges if edge.holds} == set(PEERS)


def test_in_suite_basic_nothing_is_ever_released() -> None:
    bench, _ = reported()
    assert releases(bench.handle(final(ROUND), at_ms=DEADLINE)) == []
    assert releases(bench.handle(final(ROUND), holds(*PEERS))) == []


def test_of_two_rounds_each_is_opened_with_its_own_shares() -> None:
    bench, said = sealed(), closes()
    bench.handle(said, at_ms=DEADLINE)
    reports(bench, after(ROUND))
    later = closes(after(ROUND), of_view=view(said))
    effects = bench.handle(later, at_ms=SCHEDULE.deadline(after(ROUND), 0))
    assert given(effects) == {peer: share(peer, after(ROUND), view(said)) for peer in PEERS}
    assert given(bench.handle(said)) == shares(*PEERS)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_with_a_clock_set_back_over_midnight_a_seed_that_was_ratcheted_gives_no_share(is_restarted: bool) -> None:
    bench, last, far = sealed(), before(MIDNIGHT), after(MIDNIGHT, 8)
    bench.handle(closes(before(last)), at_ms=SCHEDULE.deadline(before(last), 0))
    reports(bench, last)
    bench.handle(closes(far), at_ms=SCHEDULE.deadline(far, 0))
    assert {edge.seed.day for edge in bench.kept.edges} == {SCHEDULE.day(MIDNIGHT)}
    bench.now_ms = SCHEDULE.start(MIDNIGHT)
    if is_restarted:
        bench.restart()
        bench.handle(Connected(), announced(MESH))
    assert given(bench.handle(closes(last, of_view=bench.sent.view))) == {}


def test_who_is_named_long_after_the_last_final_gets_no_share() -> None:
    bench = sealed(member_of_mesh(holds_for=()))
    bench.handle(closes(), at_ms=DEADLINE)
    late_ms = SCHEDULE.start(after(ROUND, 9))
    effects = bench.handle(holds(*PEERS, at_ms=late_ms), at_ms=late_ms)
    assert releases(effects) == []
    assert Refuse(Refusal.STALE, Notification.RELEASE) in effects
