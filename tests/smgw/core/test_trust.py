"""The administrator's word: newer lists of revoked certificates, edges whose neighbors lost theirs, and the own one."""

from dataclasses import replace

import pytest

from broker.gwa.issuing import Term
from common.certificates import RevocationList
from common.frames import Notification
from common.schedule import DAY_MS
from common.topics import Broadcast
from common.tunnels import Role
from smgw.core.events import (
    Connected,
    EdgeErased,
    Effect,
    KnownRevocations,
    Level,
    Notice,
    Received,
    RevocationsRenewed,
    Store,
)
from tests.provider.core.certified import AUTHORITY, YEARS, certificate, revocations
from tests.smgw.core.builders import (
    ALL,
    RULES,
    SELF,
    START,
    Bench,
    announcement,
    contents,
    edge,
    final,
    opening,
    published,
    refusals,
    reported,
    roster,
    settled,
    tunnel,
)
from tests.smgw.core.rosters import ROUND, SCHEDULE

DEADLINE = SCHEDULE.deadline(ROUND, 0)
OTHER_AUTHORITY = 301_000


def said(der: bytes) -> Received:
    return replace(announcement(Broadcast.REVOCATIONS, Notification.REVOCATIONS, der, START), is_retained=True)


def listed(der: bytes) -> RevocationList:
    return AUTHORITY.revocations(der)


def notices(effects: list[Effect]) -> list[str]:
    return [effect.text for effect in effects if isinstance(effect, Notice)]


def known(bench: Bench) -> int:
    return bench.member.situation.revocations.number


def test_a_newer_list_from_the_bus_replaces_the_one_that_is_known_and_is_stored() -> None:
    bench, newer = settled(), revocations(7, 99)
    assert bench.handle(said(newer)) == [Store(KnownRevocations(7, newer))]
    assert bench.handle(said(newer)) == []
    bench.restart()
    assert known(bench) == 7


def test_a_list_that_a_person_installs_counts_like_one_from_the_bus() -> None:
    bench, newer = settled(), revocations(7, 99)
    assert bench.handle(RevocationsRenewed(newer)) == [Store(KnownRevocations(7, newer))]
    assert refusals(bench.handle(RevocationsRenewed(revocations(6)))) == ["REPEATED"]
    assert known(bench) == 7


def test_the_list_that_is_known_and_an_older_one_that_revokes_the_same_change_nothing_and_are_no_refusal() -> None:
    bench = settled()
    bench.handle(said(revocations(7, 99)))
    for again in (revocations(7, 99), revocations(6, 99)):
        assert bench.handle(said(again)) == []
        assert known(bench) == 7


def test_an_older_list_is_refused() -> None:
    bench = settled()
    bench.handle(said(revocations(7)))
    assert refusals(bench.handle(said(revocations(6, SELF)))) == ["REPEATED"]


@pytest.mark.parametrize("der", [b"", b"no list", revocations(9, by=OTHER_AUTHORITY)], ids=["none", "text", "another"])
def test_what_is_not_the_administrators_list_is_refused_though_the_provider_signed_it(der: bytes) -> None:
    bench = settled()
    assert refusals(bench.handle(said(der))) == ["BAD_CERTIFICATE"]
    assert known(bench) == 1


def test_at_the_start_the_newer_one_of_home_and_vault_counts() -> None:
    newer = revocations(7)
    assert known(Bench(replace(contents(), revocations=newer))) == 7
    assert known(Bench(contents(), replace(RULES, revocations=listed(newer)))) == 7
    assert known(Bench(replace(contents(), revocations=revocations(9, by=OTHER_AUTHORITY)))) == 1


def test_the_edge_with_a_revoked_neighbor_goes_with_the_first_final_that_does_not_expect_it() -> None:
    bench, _ = reported()
    bench.handle(said(revocations(2, 5)))
    assert tunnel(5) in bench.member.situation.edges, "a correction of the open round may need its seed"
    bench.handle(final(ROUND), at_ms=DEADLINE)
    assert tunnel(5) in bench.member.situation.edges
    later = SCHEDULE.deadline(ROUND, 0) + SCHEDULE.period_ms
    effects = bench.handle(final(ROUND + 1, expected=ALL - {5}, at_ms=later), at_ms=later)
    assert Store(EdgeErased(tunnel(5))) in effects
    assert {each.peer for each in bench.kept.edges} == {1, 2, 3, 6, 7}


@pytest.mark.parametrize(("days", "is_erased"), [(0, False), (29, False), (31, True)])
def test_the_edge_with_a_neighbor_whose_certificate_has_expired_goes_after_a_month(days: int, is_erased: bool) -> None:
    """Its owner may have renewed it, and nobody but the provider has seen that."""
    expired = replace(edge(5), peer_until_ms=START - days * DAY_MS - 1)
    bench = Bench(replace(contents((1, 2, 3, 6, 7)), edges=(*contents((1, 2, 3, 6, 7)).edges, expired)))
    bench.handle(roster())
    assert Store(EdgeErased(expired.tunnel)) not in bench.handle(final(), at_ms=START)
    effects = bench.handle(final(ROUND, expected=ALL - {5}), at_ms=DEADLINE)
    assert (Store(EdgeErased(expired.tunnel)) in effects) == is_erased


def test_with_a_list_that_is_too_old_no_handshake_begins() -> None:
    old = listed(revocations(2, term=Term(YEARS.begin_ms, START - 1_000)))
    bench = Bench(rules=replace(RULES, revocations=old), now_ms=START)
    assert refusals(bench.handle(roster(), opening(5, Role.RESPONDER, generation=1))) == ["REVOCATIONS_EXPIRED"]


def test_the_owner_reads_once_a_day_that_the_list_is_too_old_and_no_more_when_it_is_renewed() -> None:
    old = listed(revocations(2, term=Term(YEARS.begin_ms, START - 1_000)))
    bench = Bench(rules=replace(RULES, revocations=old), now_ms=START)
    bench.handle(Connected(), roster())
    text = (
        "The list of revoked certificates, no. 2, is too old. No new neighbors are admitted before the provider or the"
        " gateway administrator hands out a newer one."
    )
    assert notices(bench.run(START + DAY_MS - 1)).count(text) == 1
    assert notices(bench.run(START + DAY_MS + SCHEDULE.period_ms)).count(text) == 1
    bench.handle(said(revocations(3)))
    assert text not in notices(bench.run(START + 3 * DAY_MS))


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (31, None),
        (29, "This gateway's certificate expires in 28 days. Ask the gateway administrator to renew it."),
        (-1, "This gateway's certificate has expired. Ask the gateway administrator to renew it."),
    ],
)
def test_the_owner_reads_that_the_gateways_certificate_has_to_be_renewed(days: int, text: str | None) -> None:
    own = certificate(SELF, term=Term(YEARS.begin_ms, START + days * DAY_MS))
    bench = Bench(rules=replace(RULES, certificate=own), now_ms=START)
    bench.handle(Connected(), roster())
    told = [notice for notice in notices(bench.run(START + DAY_MS // 2)) if "certificate" in notice]
    assert told == ([text] if text else [])


def test_the_owner_reads_that_the_gateways_certificate_is_revoked() -> None:
    bench = settled()
    bench.handle(said(revocations(2, SELF)))
    effects = bench.tick(START)
    text = "This gateway's certificate is revoked: no network admits it. The gateway administrator knows why."
    assert Notice(Level.FATAL, text) in effects
    assert Notification.SUPERPOSITION in published(reported(bench)[1]), "its FINAL still expects it"
