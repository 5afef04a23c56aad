"""The real core of a gateway, under every order of a lying provider, ends in one of the states that are enumerated.

The meshes that are searched exhaustively take for granted that a member takes off few enough masks, and gives shares
for others only. Here one member hears every sequence of some orders, restarts and orders that come again among them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import Final

from common.frames import Notification, decode
from common.identifiers import RoundNumber
from common.payloads import NO_VIEW, Correction, Hold, Release, RoundFinal, view_of
from common.suites import HARDENED
from common.thresholds import needed
from common.topics import Broadcast
from launcher.simulation.meshes import Choice, Mesh
from smgw.core.events import Connected, Effect, Publish, Received, Sent, VaultContents
from tests.smgw.core.builders import (
    ALL,
    PEERS,
    RULES,
    SELF,
    START,
    Bench,
    announced,
    announcement,
    before,
    contents,
    members,
    order,
    reported,
)
from tests.smgw.core.rosters import PARAMETERS, ROUND, SCHEDULE, known_as, root, roster_of

MESH: Final = Mesh(len(ALL), 0, needed(len(PEERS)))
"""Client n is member n - 1 of it."""

DEADLINE: Final = SCHEDULE.deadline(ROUND, 0)
AT: Final = root(len(ALL))
ROSTER: Final = roster_of(AT, parameters=replace(PARAMETERS, suite=HARDENED.code))
RESTART: Final = "restart"


def final(number: RoundNumber, view: bytes, included: Iterable[int]) -> Received:
    sets = (members(included), members(ALL))
    order_ = RoundFinal(HARDENED.code, number, view, number, AT.epoch, AT.root, *sets, ())
    return announcement(Broadcast.FINAL, Notification.FINAL, order_.encode(), SCHEDULE.deadline(number, 0))


FINAL_BEFORE: Final = final(before(ROUND), NO_VIEW, ALL)
VIEW: Final = view_of(FINAL_BEFORE.payload)


def correction(attempt: int, *missing: int) -> Received:
    data = Correction(HARDENED.code, ROUND, VIEW, attempt, members(missing)).encode()
    return announcement(Broadcast.CORRECTION, Notification.CORRECTION, data, DEADLINE)


STEPS: Final[Sequence[Received | str]] = (
    correction(1, 1),
    correction(1, 2),
    correction(2, 1),
    correction(2, 1, 2),
    final(ROUND, VIEW, ALL),
    final(ROUND, VIEW, ALL - {1}),
    final(ROUND, VIEW, ALL - {SELF}),
    order(Notification.HOLD, Hold((PEERS[1],)).encode(), at_ms=DEADLINE),
    RESTART,
)


def begun() -> Bench:
    """A member that has sent in `ROUND`. All neighbors count on it, as far as it knows all but client 2."""
    edges = tuple(replace(held, holds=held.peer != PEERS[1]) for held in contents().edges)
    start = VaultContents(contents().membership, edges, rosters=(known_as(ROSTER),))
    bench = Bench(start, replace(RULES, suite=HARDENED))
    bench.handle(Connected(), announced(ROSTER))
    bench.handle(FINAL_BEFORE, at_ms=SCHEDULE.deadline(before(ROUND), 0))
    bench.now_ms = START - 1_000
    return reported(bench)[0]


def after(steps: Iterable[Received | str]) -> tuple[Bench, list[Effect]]:
    """What it does when it hears all this at the first deadline, and again what a broker would have retained."""
    bench, effects = begun(), list[Effect]()
    for step in steps:
        if isinstance(step, Received):
            effects += bench.handle(step, at_ms=DEADLINE)
        else:
            bench.restart()
            effects += bench.handle(Connected(), announced(ROSTER), FINAL_BEFORE, at_ms=DEADLINE)
    return bench, effects


def ending(bench: Bench, effects: Iterable[Effect]) -> Choice:
    """Whose masks are not under all frames that were made, and for whom shares were given."""
    made = [record for record in bench.records if isinstance(record, Sent)]
    peers = {edge.tunnel: edge.peer for edge in bench.kept.edges}
    kept = frozenset(PEERS).intersection(*({peers[tunnel] for tunnel in sent.tunnels} for sent in made))
    frames = [decode(effect.payload).frame for effect in effects if isinstance(effect, Publish)]
    releases = [Release.decode(frame.data) for frame in frames if frame.notification is Notification.RELEASE]
    released = {peer for release in releases for peer in release.members.among(PEERS)}
    return Choice(bits(set(PEERS) - kept), bits(released))


def bits(clients: Iterable[int]) -> int:
    return sum(1 << client - 1 for client in clients)


def test_under_every_sequence_of_orders_a_member_ends_in_a_state_that_is_enumerated() -> None:
    allowed = set(MESH.choices(SELF - 1, with_neither=True))
    ended = {ending(*after(steps)) for steps in product(STEPS, repeat=3)}
    assert ended <= allowed


def test_the_states_that_tell_most_are_reached() -> None:
    allowed = {choice for choice in MESH.choices(SELF - 1) if not choice.dropped & ~bits({1, 2})}
    hold, everybody = STEPS[7], final(ROUND, VIEW, ALL)
    sequences: list[list[Received | str]] = [[], [correction(1, 1)], [correction(1, 2)]]
    ended = {ending(*after([*steps, hold, everybody])) for steps in sequences}
    assert ended == allowed
