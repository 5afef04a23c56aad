"""The key agreement in a tunnel, from both ends: what each message brings, and what its loss or repetition does not."""

import random
from dataclasses import replace

import pytest

from common.agreement import CONFIRM, HELLO, KEY_BYTES, REPLY, STORED, Ends, Initiator, Responder
from common.frames import Notification, decode
from common.identifiers import ClientId
from common.masks import Seed
from common.payloads import Entered, Role, TunnelMessage
from common.schedule import DAY_MS
from common.secret import Secret
from smgw.core.events import Edge, EdgeErased, Effect, Publish, Received, Store
from tests.smgw.core.builders import (
    NETWORK,
    OWN,
    RULES,
    SELF,
    START,
    STRANGER,
    Bench,
    contents,
    edge,
    identity,
    of_neighbor,
    opening,
    published,
    refusals,
    said,
    tunnel,
)

PEER = 9
TUNNEL = tunnel(PEER)
DAY = START // DAY_MS
THEIRS = Secret(b"\x0e" * KEY_BYTES)
OURS = Secret(random.Random(1).randbytes(KEY_BYTES))


def opened(role: Role) -> tuple[Bench, list[Effect]]:
    """A member with a tunnel to client 9, in which it has this role; and what it said at once."""
    bench = Bench(replace(contents(), edges=()), now_ms=START)
    return bench, bench.handle(opening(PEER, role))


def responder() -> Responder:
    """The other end, when the gateway is the initiator."""
    return Responder(Ends(NETWORK, TUNNEL, OWN.public_key, identity(PEER).public_key), ClientId(PEER), THEIRS)


def initiator() -> Initiator:
    """The other end, when the gateway is the responder."""
    return Initiator(Ends(NETWORK, TUNNEL, identity(PEER).public_key, OWN.public_key), ClientId(PEER), THEIRS)


def heard(step: int, body: bytes, *, by: int = PEER) -> Received:
    return of_neighbor(PEER, Notification.TUNNEL, TunnelMessage(TUNNEL, step, body).encode(), by=identity(by))


def saying(step: int, body: bytes, at_ms: int = START) -> Publish:
    return said(Notification.TUNNEL, TunnelMessage(TUNNEL, step, body).encode(), at_ms, 20_000)


def answer(effects: list[Effect]) -> bytes:
    """The body of the one tunnel message that the gateway sent."""
    (sent,) = (e for e in effects if isinstance(e, Publish))
    return TunnelMessage.decode(decode(sent.payload).frame.data).body


def standing(seed: Seed) -> Edge:
    return Edge(TUNNEL, ClientId(PEER), identity(PEER).public_key, seed, is_started=False, stood_ms=START)


def test_the_initiator_speaks_first_and_reports_the_edge_when_the_other_end_has_stored_it() -> None:
    bench, effects = opened(Role.INITIATOR)
    other = responder()
    ours = Initiator(Ends(NETWORK, TUNNEL, OWN.public_key, identity(PEER).public_key), SELF, OURS)
    assert effects == [saying(HELLO, ours.hello)]
    reply = other.reply(ours.hello)
    confirm = ours.confirm(reply, DAY - 1)
    assert bench.handle(heard(REPLY, reply)) == [saying(CONFIRM, confirm)]
    agreed, stored = other.agree(confirm)
    assert agreed.peer == SELF
    assert bench.handle(heard(STORED, stored)) == [
        Store(standing(agreed.seed)),
        said(Notification.ENTERED, Entered((TUNNEL,), ()).encode(), START),
    ]


def test_the_responder_stores_the_seed_before_it_says_so() -> None:
    bench, effects = opened(Role.RESPONDER)
    assert effects == []
    other = initiator()
    reply = bench.handle(heard(HELLO, other.hello))
    confirm = other.confirm(answer(reply), DAY)
    effects = bench.handle(heard(CONFIRM, confirm))
    agreed = other.finish(answer(effects))
    assert agreed.peer == SELF
    assert effects[0] == Store(standing(agreed.seed))
    assert published(effects) == [Notification.TUNNEL]


def test_the_responder_answers_a_repeated_message_as_it_did_and_stores_nothing_again() -> None:
    bench, _ = opened(Role.RESPONDER)
    other = initiator()
    reply = bench.handle(heard(HELLO, other.hello))
    assert bench.handle(heard(HELLO, other.hello)) == reply
    confirm = heard(CONFIRM, other.confirm(answer(reply), DAY))
    stored = bench.handle(confirm)
    assert bench.handle(confirm) == [effect for effect in stored if isinstance(effect, Publish)]
    assert refusals(bench.handle(heard(HELLO, other.hello))) == ["REPEATED"]


def test_the_initiator_answers_a_repeated_reply_and_refuses_what_comes_after_the_end() -> None:
    bench, effects = opened(Role.INITIATOR)
    other = responder()
    reply = heard(REPLY, other.reply(answer(effects)))
    confirm = bench.handle(reply)
    assert bench.handle(reply) == confirm
    stored = heard(STORED, other.agree(answer(confirm))[1])
    bench.handle(stored)
    assert refusals(bench.handle(stored, reply)) == ["TUNNEL_CLOSED", "TUNNEL_CLOSED"]
    assert len(bench.records) == 1


@pytest.mark.parametrize("answered", [False, True], ids=["hello", "confirm"])
def test_what_the_initiator_said_last_is_repeated_every_three_seconds(answered: bool) -> None:
    bench, effects = opened(Role.INITIATOR)
    if answered:
        effects = bench.handle(heard(REPLY, responder().reply(answer(effects))))
    step, last = (CONFIRM if answered else HELLO), answer(effects)
    assert bench.run(START + 9_000) == [saying(step, last, START + wait) for wait in (3_000, 6_000, 9_000)]


def test_a_handshake_that_takes_too_long_is_reported_as_failed() -> None:
    bench, _ = opened(Role.INITIATOR)
    bench.run(START + 19_999)
    failed = said(Notification.ENTERED, Entered((), (TUNNEL,)).encode(), START + 20_000)
    assert bench.tick(START + 20_000) == [failed]
    assert refusals(bench.handle(heard(REPLY, bytes(100)))) == ["TUNNEL_CLOSED"]


def test_the_responder_forgets_a_handshake_that_takes_too_long_and_reports_nothing() -> None:
    bench, _ = opened(Role.RESPONDER)
    assert bench.run(START + 20_000) == []
    assert refusals(bench.handle(heard(HELLO, initiator().hello))) == ["TUNNEL_CLOSED"]


def test_what_the_other_end_did_not_sign_is_refused_and_ends_nothing() -> None:
    bench, effects = opened(Role.INITIATOR)
    other = responder()
    reply = other.reply(answer(effects))
    forged = heard(REPLY, reply, by=1)
    assert refusals(bench.handle(forged)) == ["BAD_SIGNATURE"]
    assert published(bench.handle(heard(REPLY, reply))) == [Notification.TUNNEL]


@pytest.mark.parametrize("body", [b"", bytes(32), bytes(100)])
def test_a_reply_that_does_not_hold_ends_the_handshake(body: bytes) -> None:
    bench, _ = opened(Role.INITIATOR)
    assert refusals(bench.handle(heard(REPLY, body))) == ["BAD_HANDSHAKE"]
    assert published(bench.tick(START + 1)) == [Notification.ENTERED]


@pytest.mark.parametrize(("role", "step"), [(Role.INITIATOR, STORED), (Role.RESPONDER, CONFIRM), (Role.RESPONDER, 9)])
def test_a_message_out_of_turn_ends_the_handshake(role: Role, step: int) -> None:
    bench, _ = opened(role)
    assert refusals(bench.handle(heard(step, bytes(80)))) == ["BAD_HANDSHAKE"]
    assert bench.records == []


def test_a_client_identifier_that_is_not_the_senders_ends_the_handshake() -> None:
    bench, effects = opened(Role.INITIATOR)
    ends = Ends(NETWORK, TUNNEL, OWN.public_key, identity(PEER).public_key)
    other = Responder(ends, ClientId(8), THEIRS)
    confirm = bench.handle(heard(REPLY, other.reply(answer(effects))))
    assert refusals(bench.handle(heard(STORED, other.agree(answer(confirm))[1]))) == ["BAD_HANDSHAKE"]
    assert bench.records == []


@pytest.mark.parametrize(("days", "stands"), [(-3, False), (-2, True), (-1, True), (0, True), (1, False)])
def test_a_seed_may_count_from_two_days_ago_to_today_and_no_other(days: int, stands: bool) -> None:
    bench, _ = opened(Role.RESPONDER)
    other = initiator()
    reply = bench.handle(heard(HELLO, other.hello))
    effects = bench.handle(heard(CONFIRM, other.confirm(answer(reply), DAY + days)))
    assert refusals(effects) == ([] if stands else ["BAD_HANDSHAKE"])
    assert bool(bench.records) == stands


def test_a_seed_agreed_anew_replaces_the_one_that_no_final_has_started() -> None:
    waiting, running = edge(PEER, is_started=False, generation=1), edge(PEER, generation=2)
    bench = Bench(replace(contents(), edges=(waiting, running)), now_ms=START)
    bench.handle(opening(PEER, Role.RESPONDER))
    other = initiator()
    reply = bench.handle(heard(HELLO, other.hello))
    effects = bench.handle(heard(CONFIRM, other.confirm(answer(reply), DAY)))
    assert effects[0] == Store(EdgeErased(waiting.tunnel))
    assert [e.tunnel for e in bench.kept.edges] == [running.tunnel, TUNNEL]


def test_a_tunnel_that_is_open_or_stands_is_not_opened_again() -> None:
    bench, _ = opened(Role.INITIATOR)
    assert refusals(bench.handle(opening(PEER, Role.INITIATOR))) == ["REPEATED"]
    assert refusals(Bench(now_ms=START).handle(opening(5, Role.INITIATOR))) == ["REPEATED"]


def test_an_old_order_to_open_a_tunnel_is_refused() -> None:
    bench = Bench(now_ms=START)
    assert refusals(bench.handle(opening(PEER, Role.INITIATOR, at_ms=START - 20_001))) == ["STALE"]


def test_a_tunnel_to_itself_is_refused() -> None:
    assert refusals(Bench(now_ms=START).handle(opening(SELF, Role.INITIATOR))) == ["UNEXPECTED"]


def test_more_neighbors_than_it_may_have_are_refused_and_a_renewal_is_not() -> None:
    bench = Bench(rules=replace(RULES, degree_max=6), now_ms=START)
    assert refusals(bench.handle(opening(PEER, Role.RESPONDER))) == ["TOO_MANY_NEIGHBORS"]
    assert refusals(bench.handle(opening(5, Role.RESPONDER, generation=1))) == []


def test_open_tunnels_count_as_neighbors() -> None:
    bench = Bench(rules=replace(RULES, degree_max=7), now_ms=START)
    effects = bench.handle(opening(PEER, Role.RESPONDER), opening(10, Role.RESPONDER))
    assert refusals(effects) == ["TOO_MANY_NEIGHBORS"]


def test_a_stranger_in_the_tunnel_is_not_heard() -> None:
    bench, _ = opened(Role.RESPONDER)
    data = TunnelMessage(TUNNEL, HELLO, initiator().hello).encode()
    assert refusals(bench.handle(of_neighbor(PEER, Notification.TUNNEL, data, by=STRANGER))) == ["BAD_SIGNATURE"]
