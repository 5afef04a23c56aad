"""A gateway on the bench in suite `hardened`: client 4 of a mesh of which seven are left.

It needs five of its six neighbors, and all of them count on it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from common.frames import Frame, Notification, decode
from common.identifiers import ClientId, RoundNumber, TunnelId
from common.payloads import NO_VIEW, Hold, Release, RoundFinal
from common.roster import RosterRoot
from common.suites import HARDENED
from common.topics import Broadcast
from smgw.core.events import Connected, Effect, Evidence, Publish, ReadingTaken, Received, Store, VaultContents
from tests.smgw.core.builders import (
    ALL,
    PEERS,
    RULES,
    SELF,
    SEND_AT,
    START,
    Bench,
    announced,
    announcement,
    before,
    contents,
    correction,
    edge,
    members,
    order,
    seed,
    valid,
    view,
)
from tests.smgw.core.rosters import NETWORK, PARAMETERS, ROUND, SCHEDULE, known_as, root, roster_of

RULED: Final = replace(PARAMETERS, suite=HARDENED.code)
STRICT: Final = replace(RULES, suite=HARDENED)
MESH: Final = roster_of(root(), parameters=RULED)
NEEDED: Final = 5


def member_of_mesh(peers: Iterable[int] = PEERS, holds_for: Iterable[int] = PEERS) -> VaultContents:
    """A member that shares a started edge with each of `peers`, of whom these count on it."""
    edges = tuple(replace(edge(peer), holds=peer in set(holds_for)) for peer in peers)
    return replace(contents(), edges=edges, rosters=(known_as(MESH),))


def closes(
    number: int = ROUND,
    *,
    of_view: bytes | None = None,
    included: Iterable[int] = ALL,
    expected: Iterable[int] = ALL,
    void_from: int | None = None,
    at_ms: int | None = None,
    started: Sequence[TunnelId] = (),
    suite: int = HARDENED.code,
    at: RosterRoot = MESH.at,
) -> Received:
    """A FINAL, which continues from the one before `ROUND` unless it is said otherwise."""
    closed, first = RoundNumber(number), RoundNumber(number if void_from is None else void_from)
    chained = VIEW if of_view is None else of_view
    sets = members(included), members(expected)
    data = RoundFinal(suite, closed, chained, first, at.epoch, at.root, *sets, tuple(started))
    at_ms = SCHEDULE.deadline(closed, 0) if at_ms is None else at_ms
    return announcement(Broadcast.FINAL, Notification.FINAL, data.encode(), at_ms)


BEFORE: Final = closes(ROUND - 1, of_view=NO_VIEW)
VIEW: Final = view(BEFORE)
"""The name of the FINAL before `ROUND`."""


def calls_missing(*missing: int, attempt: int = 1, number: int = ROUND, of_view: bytes = VIEW) -> Received:
    """Notification 4."""
    return correction(*missing, attempt=attempt, number=number, of_view=of_view, suite=HARDENED.code)


def holds(*clients: int, at_ms: int = START) -> Received:
    """HOLD: these count on the gateway."""
    return order(Notification.HOLD, Hold(tuple(map(ClientId, clients))).encode(), at_ms=at_ms)


def waiting(start: VaultContents | None = None, *, expected: Iterable[int] = ALL) -> tuple[Bench, bytes]:
    """A member shortly before `ROUND`, and the name of the FINAL that expects these in it."""
    said = closes(ROUND - 1, of_view=NO_VIEW, expected=expected)
    bench = Bench(start or member_of_mesh(), STRICT)
    bench.handle(Connected(), announced(MESH))
    bench.handle(said, at_ms=SCHEDULE.deadline(before(ROUND), 0))
    return bench, view(said)


def reports(bench: Bench, number: int = ROUND) -> list[Effect]:
    """What it does when it is to send in this round, with a reading."""
    bench.tick(SCHEDULE.start(RoundNumber(number)))
    bench.handle(ReadingTaken(valid(number)))
    return bench.tick(SCHEDULE.send_at(RoundNumber(number), bench.member.situation.identity.public_key))


def sealed(start: VaultContents | None = None, *, expected: Iterable[int] = ALL) -> Bench:
    """A member that has sent in `ROUND`."""
    bench, _ = waiting(start, expected=expected)
    reports(bench)
    assert bench.sent.round == ROUND
    assert bench.now_ms == SEND_AT
    return bench


def share(peer: int, number: int = ROUND, of_view: bytes = VIEW) -> int:
    """The share that the gateway holds of this neighbor's self-mask, by the seed that the test knows."""
    round_ = RoundNumber(number)
    pad = seed(peer).on(SCHEDULE.day(round_)).pad(NETWORK, round_, of_view)
    return pad.low if peer < SELF else pad.high


def shares(*peers: int) -> dict[int, int]:
    """Those of `ROUND`, by neighbor."""
    return {peer: share(peer) for peer in peers}


def releases(effects: Iterable[Effect]) -> list[Release]:
    """Every RELEASE that was published."""
    frames = (decode(effect.payload).frame for effect in effects if isinstance(effect, Publish))
    return [Release.decode(frame.data) for frame in frames if is_release(frame)]


def is_release(frame: Frame) -> bool:
    return frame.notification is Notification.RELEASE


def given(effects: Iterable[Effect], neighbors: Sequence[int] = PEERS) -> dict[int, int]:
    """The shares of the one RELEASE that was published, by neighbor; none when there was none."""
    said = releases(effects)
    assert len(said) <= 1
    for release in said:
        clients = release.members.among([ClientId(peer) for peer in neighbors])
        return dict(zip(clients, release.shares, strict=True))
    return {}


def evidence(effects: Iterable[Effect]) -> list[Evidence]:
    """What was kept to be shown."""
    records = (effect.record for effect in effects if isinstance(effect, Store))
    return [record for record in records if isinstance(record, Evidence)]
