"""Certificates that end: whoever holds them is not expected any more, and leaves without a word of its own."""

from dataclasses import replace

import pytest

from common import topics
from common.frames import Frame, Notification
from common.identifiers import EVERYONE
from common.payloads import ExitConfirmed, Holdings
from common.refusal import Refusal, RefusedError
from common.signing import Direction
from provider.core.events import (
    Connected,
    Disconnected,
    EdgeRemoved,
    Effect,
    MemberState,
    NetworkSetup,
    Notice,
    Publish,
    RevocationsRenewed,
    Store,
)
from provider.core.trust import Trust
from tests.provider.core.bench import Bench, operating
from tests.provider.core.builders import (
    DEADLINE,
    NETWORK,
    PROVIDER,
    ROUND,
    SCHEDULE,
    START,
    after,
    everybody,
    forwarded,
    member,
    members,
    message,
    ordered,
    published,
    refusals,
    registration,
    stored,
    tunnel,
)
from tests.provider.core.certified import AUTHORITY, TRUST, YEARS, certificate, revocations

SEVEN = (1, 2, 3, 4, 5, 6, 7)
SIX = SEVEN[:6]


def told(list_: bytes, at_ms: int) -> Publish:
    """REVOCATIONS, exactly."""
    frame = Frame(NETWORK, EVERYONE, at_ms, Notification.REVOCATIONS, list_).signed(PROVIDER, Direction.DOWN)
    return Publish(f"{topics.ROOT}/{NETWORK}/all/revocations", frame, at_ms + 1_800_000, is_retained=True)


def revoking(bench: Bench, number: int, *serials: int) -> list[Effect]:
    return bench.handle(RevocationsRenewed(revocations(number, *serials)))


def test_a_newer_list_is_told_to_everybody_and_kept_by_the_broker() -> None:
    bench = operating(everybody(7))
    assert revoking(bench, 2) == [
        Notice("list 2 of revoked certificates is in force"),
        told(revocations(2), START),
    ]
    assert bench.handle(Disconnected(), Connected())[0] == told(revocations(2), START)


@pytest.mark.parametrize(
    ("list_", "why"),
    [
        (revocations(3), Refusal.REPEATED),
        (revocations(2), Refusal.REPEATED),
        (revocations(4, by=300_001), Refusal.BAD_CERTIFICATE),
        (b"no list", Refusal.BAD_CERTIFICATE),
    ],
    ids=["the same", "older", "of another authority", "nonsense"],
)
def test_any_other_list_changes_nothing_and_the_staff_is_told(list_: bytes, why: Refusal) -> None:
    bench = operating(everybody(7))
    revoking(bench, 3)
    text = f"a list of revoked certificates was not taken: {why.sentence}"
    assert bench.handle(RevocationsRenewed(list_)) == [Notice(text, is_warning=True)]


def test_a_list_too_long_for_a_frame_is_not_taken() -> None:
    long = revocations(2, *range(2**100, 2**100 + 4_000))
    with pytest.raises(RefusedError) as refused:
        TRUST.renewed(long)
    assert refused.value.reason is Refusal.TOO_LONG
    with pytest.raises(ValueError, match="members could not be told"):
        Trust(AUTHORITY, AUTHORITY.revocations(long))


def test_whose_certificate_is_revoked_is_not_expected_from_the_next_final_on() -> None:
    bench = operating(everybody(7))
    effects = revoking(bench, 2, 7)
    assert effects[0] == Store(member(7, MemberState.LEAVING))
    assert effects[-1] == Notice("client 7 has to leave: its certificate is revoked", is_warning=True)
    bench.report(*SEVEN)
    assert bench.results[-1].contributors == 7
    assert bench.last.expected == members(*SIX)
    bench.now_ms = SCHEDULE.start(after(ROUND))
    bench.report(*SIX)
    assert bench.results[-1].contributors == 6


def test_its_edges_go_with_the_final_and_nobody_is_sent_a_word_of_its_own() -> None:
    bench = operating(everybody(7))
    revoking(bench, 2, 7)
    effects = bench.report(*SEVEN)
    removed = {e.record.tunnel for e in effects if isinstance(e, Store) and isinstance(e.record, EdgeRemoved)}
    assert removed == {tunnel(7, peer) for peer in SIX}
    assert bench.state(7) is MemberState.LEFT
    assert published(effects) == [Notification.FINAL, Notification.ROSTER]


def test_a_revoked_member_that_had_said_that_it_leaves_is_told_of_by_its_own_word() -> None:
    bench = operating(everybody(7))
    revoking(bench, 2, 7)
    said = message(7, Notification.EXIT)
    assert bench.receive(said) == [Store(replace(member(7, MemberState.LEAVING), exit_frame=said.payload))]
    effects = bench.report(*SEVEN)
    assert forwarded(said, 1, START) in effects
    assert ordered(7, Notification.EXIT_CONFIRMED, ExitConfirmed(member(7).client).encode(), START) in effects


def test_a_certificate_that_expires_ends_the_membership_too() -> None:
    ending = certificate(7, term=replace(YEARS, end_ms=DEADLINE))
    contents = stored(everybody(7), number=ROUND - 2)
    changed = replace(contents.members[6], certificate=ending)
    bench = operating(everybody(7), contents=replace(contents, members=(*contents.members[:6], changed)))
    bench.report(*SEVEN)
    assert bench.last.expected == members(*SEVEN)
    bench.now_ms = SCHEDULE.start(after(ROUND))
    effects = bench.report(*SEVEN)
    assert Notice(f"client 7 has to leave: {Refusal.CERTIFICATE_EXPIRED.sentence}", is_warning=True) in effects
    assert bench.last.expected == members(*SIX)


def test_a_list_that_is_too_old_ends_no_membership() -> None:
    old = revocations(2, term=replace(YEARS, end_ms=START - 1_000))
    bench = operating(everybody(7), revocations=old)
    bench.report(*SEVEN)
    assert bench.last.expected == members(*SEVEN)


def test_certificates_that_ended_while_the_provider_was_gone_are_found_at_the_next_final() -> None:
    bench = operating(everybody(7), revocations=revocations(2, 7))
    assert bench.last.expected == members(*SIX)
    assert bench.state(7) is MemberState.LEFT


def test_in_a_network_that_still_waits_the_revoked_leave_as_well() -> None:
    waiting = NetworkSetup(NETWORK, operating(everybody(7)).setups[0].parameters, stored(everybody(3)))
    bench = Bench((replace(waiting, contents=replace(waiting.contents, final=None)),), START)
    revoking(bench, 2, 2)
    bench.tick(DEADLINE)
    assert bench.state(2) is MemberState.LEFT


def test_a_revoked_member_cannot_come_back_and_with_a_new_certificate_it_is_another() -> None:
    bench = operating(everybody(7))
    revoking(bench, 2, 7)
    assert refusals(bench.receive(message(7, Notification.RESUME, Holdings(()).encode()))) == ["UNEXPECTED"]
    assert refusals(bench.receive(registration(7))) == ["CERTIFICATE_REVOKED"]
    renewed = certificate(7, serial=1_007)
    assert refusals(bench.receive(registration(7, cert=renewed))) == ["UNEXPECTED"]
    bench.report(*SEVEN)
    bench.receive(registration(7, cert=renewed, at_ms=START + 1))
    assert bench.state(8) is MemberState.JOINING
    assert bench.contents.members[7].name == "gw-7"


def test_a_store_of_another_administrator_stops_the_provider() -> None:
    contents = stored(everybody(7))
    strange = replace(contents.members[0], certificate=certificate(1, by=300_001))
    setup = operating(everybody(7)).setups[0]
    with pytest.raises(RefusedError):
        Bench((replace(setup, contents=replace(contents, members=(strange, *contents.members[1:]))),), START)
