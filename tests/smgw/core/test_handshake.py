"""The key agreement in a tunnel, from both ends: what each message brings, and what its loss or repetition does not.

Client 2 is the other end when the gateway speaks first, client 9 when it is spoken to: of two the higher asks.
"""

import random
from dataclasses import replace

import pytest

from common.agreement import CONFIRM, HELLO, KEY_BYTES, REPLY, STORED, Ends, Initiator, Introduction, Responder
from common.frames import Notification, decode
from common.identifiers import ClientId
from common.masks import Seed
from common.payloads import Entered
from common.refusal import Refusal
from common.schedule import DAY_MS
from common.secret import Secret
from common.tunnels import Kind, Role, TunnelMessage
from smgw.core.events import Connected, Edge, EdgeErased, Effect, Level, Notice, Publish, Received, Refuse, Store
from tests.provider.core.certified import YEARS, certificate, identity
from tests.smgw.core.builders import (
    RULES,
    SELF,
    START,
    STRANGER,
    Bench,
    contents,
    edge,
    of_neighbor,
    opening,
    published,
    refusals,
    roster,
    said,
    tunnel,
)
from tests.smgw.core.rosters import NETWORK, leaf, root

PEER = {Role.INITIATOR: 2, Role.RESPONDER: 9}
NOBODY: frozenset[ClientId] = frozenset()
DAY = START // DAY_MS
THEIRS = Secret(b"\x0e" * KEY_BYTES)


def opened(role: Role) -> tuple[Bench, list[Effect]]:
    """A member with a tunnel in which it has this role, and no edges; and what it said at once."""
    bench = Bench(replace(contents(gone=NOBODY), edges=()), now_ms=START)
    bench.handle(Connected(), roster())
    return bench, bench.handle(opening(PEER[role], role))


def ends(initiator: int, responder: int) -> Ends:
    other = responder if initiator == SELF else initiator
    return Ends(NETWORK, tunnel(other), Kind.MESH, root(), leaf(initiator), leaf(responder))


def responder() -> Responder:
    """The other end, when the gateway is the initiator."""
    return Responder(ends(SELF, 2), THEIRS)


def initiator() -> Initiator:
    """The other end, when the gateway is the responder."""
    return Initiator(ends(9, SELF), THEIRS)


def introduced(peer: int, *, day: int = DAY - 1) -> Introduction:
    return Introduction(certificate(peer), day=day)


def heard(step: int, body: bytes, *, by: int | None = None, peer: int | None = None) -> Received:
    """A message of the other end, which is told by the step."""
    peer = peer or (PEER[Role.INITIATOR] if step in {REPLY, STORED} else PEER[Role.RESPONDER])
    data = TunnelMessage(tunnel(peer), step, body).encode()
    return of_neighbor(peer, Notification.TUNNEL, data, by=identity(by or peer))


def saying(peer: int, step: int, body: bytes, at_ms: int = START) -> Publish:
    return said(Notification.TUNNEL, TunnelMessage(tunnel(peer), step, body).encode(), at_ms, 20_000)


def answer(effects: list[Effect]) -> bytes:
    """The body that the gateway sent in the tunnel."""
    (frame,) = (effect.payload for effect in effects if isinstance(effect, Publish))
    return TunnelMessage.decode(decode(frame).frame.data).body


def standing(peer: int, seed: Seed) -> Edge:
    key = identity(peer).public_key
    return Edge(tunnel(peer), ClientId(peer), key, peer, YEARS.end_ms, seed, is_started=False, stood_ms=START)


def confirmed(other: Initiator, bench: Bench, own: Introduction) -> list[Effect]:
    """What the gateway does about message 3 with this introduction."""
    other.meet(answer(bench.handle(heard(HELLO, other.hello))))
    return bench.handle(heard(CONFIRM, other.confirm(own)))


def in_vain(peer: int, reason: Refusal) -> list[Effect]:
    text = f"No seed was agreed with client {peer}: {reason.sentence}."
    return [Refuse(reason, Notification.TUNNEL), Notice(Level.WARNING, text)]


def test_the_initiator_speaks_first_and_stores_the_edge_when_the_other_end_has_stored_it() -> None:
    bench, effects = opened(Role.INITIATOR)
    other = responder()
    ours = Initiator(ends(SELF, 2), ephemeral_of(bench))
    assert effects == [saying(2, HELLO, ours.hello)]
    reply = other.reply(ours.hello, introduced(2))
    ours.meet(reply)
    confirm = ours.confirm(introduced(SELF))
    assert bench.handle(heard(REPLY, reply)) == [saying(2, CONFIRM, confirm)]
    own, seed, stored = other.meet(confirm)
    assert own == introduced(SELF)
    assert bench.handle(heard(STORED, stored)) == [
        Store(standing(2, seed)),
        said(Notification.ENTERED, Entered((tunnel(2),), ()).encode(), START),
    ]


def ephemeral_of(bench: Bench) -> Secret:
    """The secret that the gateway took for its first tunnel: its entropy is seeded, and asking for time took some."""
    entropy = random.Random(1)
    entropy.random()
    assert bench.member.deadline is not None
    return Secret(entropy.randbytes(KEY_BYTES))


def test_the_responder_stores_the_seed_before_it_says_so() -> None:
    bench, effects = opened(Role.RESPONDER)
    assert effects == []
    other = initiator()
    effects = confirmed(other, bench, introduced(9))
    assert effects[0] == Store(standing(9, other.finish(answer(effects))))
    assert published(effects) == [Notification.TUNNEL]


def test_the_responder_answers_a_repeated_message_as_it_did_and_stores_nothing_again() -> None:
    bench, _ = opened(Role.RESPONDER)
    other = initiator()
    reply = bench.handle(heard(HELLO, other.hello))
    assert bench.handle(heard(HELLO, other.hello)) == reply
    other.meet(answer(reply))
    confirm = heard(CONFIRM, other.confirm(introduced(9)))
    stored = bench.handle(confirm)
    assert bench.handle(confirm) == [effect for effect in stored if isinstance(effect, Publish)]
    assert refusals(bench.handle(heard(HELLO, other.hello))) == ["REPEATED"]


def test_the_initiator_answers_a_repeated_reply_and_refuses_what_comes_after_the_end() -> None:
    bench, effects = opened(Role.INITIATOR)
    other = responder()
    reply = heard(REPLY, other.reply(answer(effects), introduced(2)))
    confirm = bench.handle(reply)
    assert bench.handle(reply) == confirm
    stored = heard(STORED, other.meet(answer(confirm))[2])
    bench.handle(stored)
    assert refusals(bench.handle(stored, reply)) == ["TUNNEL_CLOSED", "TUNNEL_CLOSED"]
    assert [type(record) for record in bench.records] == [Edge]


@pytest.mark.parametrize("answered", [False, True], ids=["hello", "confirm"])
def test_what_the_initiator_said_last_is_repeated_every_three_seconds(answered: bool) -> None:
    bench, effects = opened(Role.INITIATOR)
    if answered:
        effects = bench.handle(heard(REPLY, responder().reply(answer(effects), introduced(2))))
    step, last = (CONFIRM if answered else HELLO), answer(effects)
    assert bench.run(START + 9_000) == [saying(2, step, last, START + wait) for wait in (3_000, 6_000, 9_000)]


def test_a_handshake_that_takes_too_long_is_reported_as_failed() -> None:
    bench, _ = opened(Role.INITIATOR)
    bench.run(START + 19_999)
    failed = said(Notification.ENTERED, Entered((), (tunnel(2),)).encode(), START + 20_000)
    assert bench.tick(START + 20_000) == [failed]
    assert refusals(bench.handle(heard(REPLY, bytes(100)))) == ["TUNNEL_CLOSED"]


def test_the_responder_forgets_a_handshake_that_takes_too_long_and_reports_nothing() -> None:
    bench, _ = opened(Role.RESPONDER)
    assert Notification.ENTERED not in published(bench.run(START + 20_000))
    assert refusals(bench.handle(heard(HELLO, initiator().hello))) == ["TUNNEL_CLOSED"]


def test_what_the_other_end_did_not_sign_is_refused_and_ends_nothing() -> None:
    bench, effects = opened(Role.INITIATOR)
    reply = responder().reply(answer(effects), introduced(2))
    assert refusals(bench.handle(heard(REPLY, reply, by=1))) == ["BAD_SIGNATURE"]
    assert published(bench.handle(heard(REPLY, reply))) == [Notification.TUNNEL]


def test_the_owner_reads_of_forged_messages_when_nothing_came_of_the_handshake() -> None:
    bench, _ = opened(Role.INITIATOR)
    bench.handle(heard(REPLY, bytes(100), by=1))
    assert in_vain(2, Refusal.BAD_SIGNATURE)[1] in bench.run(START + 20_000)


def test_forged_messages_in_a_tunnel_where_a_seed_stands_are_not_told() -> None:
    bench, _ = opened(Role.RESPONDER)
    confirmed(initiator(), bench, introduced(9))
    bench.handle(heard(CONFIRM, bytes(100), by=1))
    assert not [effect for effect in bench.run(START + 20_000) if isinstance(effect, Notice)]


@pytest.mark.parametrize("body", [b"", bytes(32), bytes(100)])
def test_a_reply_that_does_not_hold_ends_the_handshake_and_the_owner_reads_why(body: bytes) -> None:
    bench, _ = opened(Role.INITIATOR)
    assert bench.handle(heard(REPLY, body)) == in_vain(2, Refusal.BAD_HANDSHAKE)
    assert bench.member.deadline == 0
    assert published(bench.tick(START + 1)) == [Notification.ENTERED]


@pytest.mark.parametrize(("role", "step"), [(Role.INITIATOR, STORED), (Role.RESPONDER, CONFIRM), (Role.RESPONDER, 9)])
def test_a_message_out_of_turn_ends_the_handshake(role: Role, step: int) -> None:
    bench, _ = opened(role)
    said_out_of_turn = heard(step, bytes(80), peer=PEER[role])
    assert bench.handle(said_out_of_turn) == in_vain(PEER[role], Refusal.BAD_HANDSHAKE)
    assert bench.kept.edges == ()


def test_a_client_identifier_in_the_header_that_is_not_the_leafs_ends_the_handshake() -> None:
    bench, effects = opened(Role.INITIATOR)
    data = TunnelMessage(tunnel(2), REPLY, responder().reply(answer(effects), introduced(2))).encode()
    assert bench.handle(of_neighbor(8, Notification.TUNNEL, data, by=identity(2))) == in_vain(2, Refusal.BAD_HANDSHAKE)


@pytest.mark.parametrize(("days", "stands"), [(-3, False), (-2, True), (-1, True), (0, True), (1, False)])
def test_a_seed_may_count_from_two_days_ago_to_today_and_no_other(days: int, stands: bool) -> None:
    bench, _ = opened(Role.RESPONDER)
    effects = confirmed(initiator(), bench, introduced(9, day=DAY + days))
    assert refusals(effects) == ([] if stands else ["BAD_HANDSHAKE"])
    assert bool(bench.kept.edges) == stands


def test_a_seed_agreed_anew_replaces_the_one_that_no_final_has_started() -> None:
    waiting, running = edge(9, is_started=False, generation=1), edge(9, generation=2)
    bench = Bench(replace(contents(gone=NOBODY), edges=(waiting, running)), now_ms=START)
    bench.handle(roster(), opening(9, Role.RESPONDER))
    effects = confirmed(initiator(), bench, introduced(9))
    assert effects[0] == Store(EdgeErased(waiting.tunnel))
    assert [e.tunnel for e in bench.kept.edges] == [running.tunnel, tunnel(9)]


def test_a_tunnel_that_is_open_or_stands_is_not_opened_again() -> None:
    bench, _ = opened(Role.INITIATOR)
    assert refusals(bench.handle(opening(2, Role.INITIATOR))) == ["REPEATED"]
    assert refusals(Bench(contents(gone=NOBODY), now_ms=START).handle(opening(5, Role.INITIATOR))) == ["REPEATED"]


def test_an_old_order_to_open_a_tunnel_is_refused() -> None:
    bench = Bench(contents(gone=NOBODY), now_ms=START)
    assert refusals(bench.handle(roster(), opening(9, Role.RESPONDER, at_ms=START - 20_001))) == ["STALE"]


def test_a_tunnel_to_itself_is_refused() -> None:
    assert refusals(Bench(now_ms=START).handle(roster(), opening(SELF, Role.INITIATOR))) == ["UNEXPECTED"]


def test_without_the_networks_rules_no_tunnel_is_entered() -> None:
    assert refusals(Bench(contents(gone=NOBODY), now_ms=START).handle(opening(9, Role.RESPONDER))) == ["UNKNOWN_ROSTER"]


def test_more_neighbors_than_it_may_have_are_refused_and_a_renewal_is_not() -> None:
    bench = Bench(contents(gone=NOBODY), replace(RULES, degree_max=6), START)
    assert refusals(bench.handle(roster(), opening(9, Role.RESPONDER))) == ["TOO_MANY_NEIGHBORS"]
    assert refusals(bench.handle(opening(5, Role.RESPONDER, generation=1))) == []


def test_open_tunnels_count_as_neighbors() -> None:
    bench = Bench(contents(gone=NOBODY), replace(RULES, degree_max=7), START)
    effects = bench.handle(roster(), opening(9, Role.RESPONDER), opening(10, Role.RESPONDER))
    assert refusals(effects) == ["TOO_MANY_NEIGHBORS"]


def test_a_stranger_in_the_tunnel_is_not_heard() -> None:
    bench, _ = opened(Role.RESPONDER)
    data = TunnelMessage(tunnel(9), HELLO, initiator().hello).encode()
    assert refusals(bench.handle(of_neighbor(9, Notification.TUNNEL, data, by=STRANGER))) == ["BAD_SIGNATURE"]
