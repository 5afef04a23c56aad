"""Every reason for which the provider refuses a message, with the message that has it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from common import topics
from common.frames import Notification, decode
from common.identifiers import NetworkId, RoundNumber, TunnelId
from common.payloads import Entered, Registration, Release, Resumed, Superposition
from common.refusal import Refusal
from common.sealing import Bits
from common.signing import Direction
from common.tunnels import TunnelMessage
from provider.core.events import EdgeState, Message, Refuse
from tests.provider.core.bench import Bench, operating
from tests.provider.core.builders import (
    DEADLINE,
    NETWORK,
    PROVIDER,
    ROUND,
    SCHEDULE,
    START,
    STRANGER,
    edge,
    everybody,
    member,
    message,
    refusals,
    registration,
    stored,
    tunnel,
    wanting,
)
from tests.provider.core.certified import YEARS, certificate, draw_root, identity, name, revocations

Make = Callable[[Bench], Message]
NAMESAKE = certificate(1, key=20, serial=20)
EXPIRED = certificate(20, term=replace(YEARS, end_ms=START - 1_000))
UP = topics.up(NETWORK, name(1))
S = Notification.SUPERPOSITION


def changed(make: Make, at: int, octet: int) -> Make:
    """The same message with one octet changed."""

    def build(bench: Bench) -> Message:
        said = make(bench)
        return replace(said, payload=said.payload[:at] + bytes([octet]) + said.payload[at + 1 :])

    return build


def good(bench: Bench) -> Message:
    return bench.frame(1)


def other(**fields: object) -> Make:
    """A superposition of client 1 with other fields in its order, signed well."""

    def build(bench: Bench) -> Message:
        data = Superposition.decode(decode(bench.frame(1).payload).frame.data)
        return message(1, S, replace(data, **fields).encode())  # type: ignore[arg-type]

    return build


def said(client: int, notification: Notification, data: bytes = b"", **how: object) -> Make:
    return lambda bench: message(client, notification, data, **how)  # type: ignore[arg-type]


def released() -> bytes:
    """No shares: in suite `basic` nobody holds any."""
    return Release(1, RoundNumber(ROUND - 1), bytes(8), Bits(b""), ()).encode()


def tunneled(a: int, b: int) -> bytes:
    return TunnelMessage(tunnel(a, b), 1, b"hello").encode()


MISPLACED_EXIT = replace(message(1, Notification.EXIT), topic=topics.register(name(1)))
MISPLACED_TUNNEL = replace(message(1, Notification.TUNNEL, tunneled(1, 2)), topic=UP)
INSIDE = message(1, Notification.REGISTER, Registration(draw_root(1), certificate(1)).encode())

CASES: list[tuple[Refusal, Notification | None, Make]] = [
    (Refusal.TOO_SHORT, None, lambda _: Message(UP, bytes(87))),
    (Refusal.TOO_LONG, None, lambda _: Message(UP, bytes(65_624))),
    (Refusal.WRONG_PROTOCOL, None, changed(good, 0, 0)),
    (Refusal.WRONG_VERSION, None, changed(good, 3, 2)),
    (Refusal.RESERVED_BIT, None, changed(good, 12, 0x81)),
    (Refusal.WRONG_LENGTH, None, changed(good, 23, 1)),
    (Refusal.UNKNOWN_NOTIFICATION, None, changed(good, 21, 99)),
    (Refusal.BAD_DATA, S, changed(good, 12, 0)),
    (Refusal.BAD_DATA, Notification.ENTERED, said(1, Notification.ENTERED, b"\x01")),
    (Refusal.BAD_DATA, Notification.EXIT, said(1, Notification.EXIT, b"\x01")),
    (Refusal.BAD_DATA, Notification.REGISTER, lambda _: replace(registration(20), payload=uncertified(31))),
    (Refusal.BAD_DATA, Notification.DRAWN, said(1, Notification.DRAWN, b"\x00\x01")),
    (Refusal.BAD_DATA, Notification.DRAWN, lambda _: wanting(1, *range(2, 67))),
    (Refusal.BAD_DATA, Notification.DRAWN, lambda _: wanting(1, 1)),
    (Refusal.BAD_DATA, Notification.DRAWN, lambda _: wanting(1, 0)),
    (Refusal.BAD_DATA, Notification.CLOCK, said(1, Notification.CLOCK, b"\x01")),
    (Refusal.RETAINED, S, lambda bench: replace(good(bench), is_retained=True)),
    (Refusal.WRONG_TOPIC, S, lambda bench: replace(good(bench), topic="dcnet/1/7/up")),
    (Refusal.WRONG_TOPIC, S, lambda bench: replace(good(bench), topic=topics.up(NETWORK, name(2)))),
    (Refusal.WRONG_TOPIC, S, lambda bench: replace(good(bench), topic=topics.tunnel(NETWORK, name(1)))),
    (Refusal.WRONG_TOPIC, Notification.REGISTER, lambda _: registration(20, topic="gw-21")),
    (Refusal.WRONG_TOPIC, Notification.EXIT, lambda _: MISPLACED_EXIT),
    (Refusal.WRONG_TOPIC, Notification.TUNNEL, lambda _: MISPLACED_TUNNEL),
    (Refusal.WRONG_NETWORK, S, lambda bench: replace(good(bench), topic=topics.up(NetworkId(8), name(1)))),
    (Refusal.WRONG_NETWORK, S, lambda bench: replace(changed(good, 7, 9)(bench), topic=UP)),
    (Refusal.WRONG_NETWORK, Notification.REGISTER, lambda _: replace(INSIDE, topic=topics.register(name(1)))),
    (Refusal.UNKNOWN_CLIENT, S, changed(good, 11, 99)),
    (Refusal.UNKNOWN_CLIENT, Notification.EXIT, said(99, Notification.EXIT)),
    (Refusal.BAD_SIGNATURE, S, changed(good, 60, 1)),
    (Refusal.BAD_SIGNATURE, Notification.EXIT, said(1, Notification.EXIT, by=STRANGER)),
    (Refusal.BAD_SIGNATURE, Notification.EXIT, said(1, Notification.EXIT, by=PROVIDER)),
    (Refusal.BAD_SIGNATURE, Notification.TUNNEL, said(1, Notification.TUNNEL, tunneled(1, 2), by=STRANGER)),
    (Refusal.BAD_SIGNATURE, Notification.REGISTER, lambda _: registration(20, by=21)),
    (Refusal.STALE, Notification.EXIT, said(1, Notification.EXIT, at_ms=START - SCHEDULE.period_ms - 1)),
    (Refusal.STALE, Notification.REGISTER, lambda _: registration(20, at_ms=START - 60_001)),
    (Refusal.FUTURE, Notification.EXIT, said(1, Notification.EXIT, at_ms=START + 9_001)),
    (Refusal.FUTURE, Notification.REGISTER, lambda _: registration(20, at_ms=START + 9_001)),
    (Refusal.UNEXPECTED, Notification.FINAL, said(1, Notification.FINAL)),
    (Refusal.BAD_DATA, Notification.RELEASE, said(1, Notification.RELEASE)),
    (Refusal.WRONG_SUITE, Notification.RELEASE, said(1, Notification.RELEASE, released())),
    (Refusal.UNEXPECTED, Notification.REGISTER, lambda _: INSIDE),
    (Refusal.UNEXPECTED, S, lambda bench: bench.frame(1, attempt=1)),
    (Refusal.WRONG_SUITE, S, other(suite=2)),
    (Refusal.WRONG_ROUND, S, other(round=RoundNumber(ROUND + 1))),
    (Refusal.LATE, S, other(round=RoundNumber(ROUND - 1))),
    (Refusal.NOT_EXPECTED, S, said(8, S, Superposition(1, ROUND, bytes(8), bytes(34)).encode())),
    (Refusal.WRONG_VIEW, S, other(view=bytes(8))),
    (Refusal.WRONG_MASKS, S, lambda bench: bench.saying(1, (0, 0, 0), [tunnel(1, 2)])),
    (Refusal.NAME_TAKEN, Notification.REGISTER, lambda _: registration(20, topic=name(1), cert=NAMESAKE)),
    (Refusal.UNKNOWN_REGION, Notification.REGISTER, lambda _: registration(20, cert=certificate(20, region="south"))),
    (Refusal.BAD_CERTIFICATE, Notification.REGISTER, lambda _: replace(registration(20), payload=uncertified(40))),
    (Refusal.BAD_CERTIFICATE, Notification.REGISTER, lambda _: registration(20, cert=certificate(20, by=300_001))),
    (Refusal.CERTIFICATE_EXPIRED, Notification.REGISTER, lambda _: registration(20, cert=EXPIRED)),
    (Refusal.CERTIFICATE_REVOKED, Notification.REGISTER, lambda _: registration(20, cert=certificate(20, serial=666))),
    (Refusal.WRONG_SUBJECT, Notification.REGISTER, lambda _: registration(1, root=draw_root(2))),
    (Refusal.UNKNOWN_ROSTER, Notification.DRAWN, lambda _: wanting(1, 2, epoch=2)),
    (Refusal.UNKNOWN_ROSTER, Notification.DRAWN, lambda _: wanting(1, 2, epoch=0)),
    (Refusal.UNKNOWN_ROSTER, Notification.DRAWN, lambda _: wanting(1, 9)),
    (Refusal.NOT_AN_END, Notification.TUNNEL, said(3, Notification.TUNNEL, tunneled(1, 2))),
    (Refusal.NOT_AN_END, Notification.ENTERED, said(2, Notification.ENTERED, Entered((tunnel(1, 2),), ()).encode())),
    (Refusal.TUNNEL_CLOSED, Notification.TUNNEL, said(1, Notification.TUNNEL, tunneled(1, 99))),
]  # fmt: skip


def uncertified(count: int) -> bytes:
    """A REGISTER with so many bytes in place of draw root and certificate."""
    return message(0, Notification.REGISTER, bytes(count), network=NetworkId(0)).payload


def eight() -> Bench:
    """Seven members that are expected, and an eighth that is away."""
    waiting = edge(1, 8, EdgeState.STANDING)
    contents = stored(everybody(7), range(1, 8), ROUND - 2, others=[member(8)], edges=[waiting])
    return operating(everybody(7), contents=contents, revocations=revocations(2, 666))


@pytest.mark.parametrize(
    ("reason", "notification", "make"),
    CASES,
    ids=[f"{r.name}-{n.name if n else 'BYTES'}-{i}".lower() for i, (r, n, _) in enumerate(CASES)],
)
def test_a_message_is_refused_with_its_exact_reason(
    reason: Refusal, notification: Notification | None, make: Make
) -> None:
    bench = eight()
    bad = make(bench)
    effects = bench.receive(bad)
    assert effects[0] == Refuse(reason, notification, bad.topic)
    assert bench.records == []
    assert [result.contributors for result in bench.results] == []


def test_a_refused_message_stops_nothing() -> None:
    bench = eight()
    bench.receive(*(make(bench) for _, _, make in CASES))
    effects = bench.report(1, 2, 3, 4, 5, 6, 7)
    assert refusals(effects) == []
    assert bench.results[0].contributors == 7


@pytest.mark.parametrize(
    "notification", [Notification.ENTERED, Notification.RESUME, Notification.EXIT], ids=lambda n: n.name.lower()
)
def test_what_was_accepted_is_refused_when_it_is_repeated(notification: Notification) -> None:
    bench = eight()
    said_once = message(
        1,
        notification,
        b"" if notification is Notification.EXIT else bytes(4 if notification is Notification.ENTERED else 2),
    )
    assert refusals(bench.receive(said_once)) == []
    assert refusals(bench.receive(said_once)) == ["REPEATED"]


def test_a_repeated_registration_is_refused() -> None:
    bench = eight()
    assert refusals(bench.receive(registration(20), registration(20))) == ["REPEATED"]


def test_a_frame_after_its_sender_was_declared_missing_is_late() -> None:
    bench = eight()
    bench.report(2, 3, 4, 5, 6, 7)
    bench.tick(DEADLINE)
    assert refusals(bench.receive(good(bench))) == ["LATE"]


def test_the_list_of_reasons_is_whole() -> None:
    """Reasons that only a gateway gives are left: handshake, draws, rosters, its own masks, members and rounds."""
    provider = {reason for reason, _, _ in CASES}
    provider |= {Refusal.REPEATED, Refusal.NETWORK_FULL, Refusal.REVOCATIONS_EXPIRED, Refusal.NOT_INCLUDED}
    gateway = {r for r in Refusal if Refusal.TOO_FEW_MASKS <= r < Refusal.BAD_CERTIFICATE}
    gateway |= {r for r in Refusal if r >= Refusal.BAD_DRAW} - {Refusal.UNKNOWN_ROSTER}
    gateway |= {Refusal.BAD_HANDSHAKE, Refusal.TOO_MANY_NEIGHBORS}
    assert provider | gateway == set(Refusal)
    assert not provider & gateway


def test_a_frame_signed_for_the_other_direction_is_refused() -> None:
    bench = eight()
    frame = decode(message(1, Notification.EXIT).payload).frame
    turned = Message(UP, frame.signed(identity(1), Direction.DOWN))
    assert refusals(bench.receive(turned)) == ["BAD_SIGNATURE"]


def test_a_tunnel_that_never_was_is_reported_without_harm() -> None:
    bench = eight()
    report = Entered((TunnelId(5),), (TunnelId(6),)).encode()
    assert bench.receive(message(1, Notification.ENTERED, report)) == []
    assert bench.receive(message(1, Notification.RESUMED, Resumed(()).encode()))[0:1] == [
        Refuse(Refusal.UNEXPECTED, Notification.RESUMED, UP)
    ]
