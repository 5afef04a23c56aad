"""Either the mask toward a neighbor or its share, and never both: whatever the provider says, in whatever order.

A machine of Hypothesis lies: corrections of any list, FINALs true and false, HOLDs, all of it again and again, with
crashes in between, before or after what happened was stored. Who had both could read the neighbor.
"""

from collections import defaultdict
from itertools import combinations
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from common.frames import Frame, Notification, decode
from common.identifiers import ClientId, RoundNumber
from common.payloads import NO_VIEW, Release, Superposition
from common.suites import HARDENED, fingerprint
from smgw.core.events import Closed, Connected, Effect, Publish, ReadingTaken, Received, Store, Tick
from tests.smgw.core.builders import PEERS, SELF, announced, tunnel, valid, view
from tests.smgw.core.hardened import BEFORE, MESH, calls_missing, closes, holds, member_of_mesh, share, waiting
from tests.smgw.core.memory import remembered
from tests.smgw.core.rosters import ROUND, SCHEDULE

COVERED: Final = {
    fingerprint(tunnel(peer) for peer in kept): frozenset(kept)
    for count in range(len(PEERS) + 1)
    for kept in combinations(PEERS, count)
}
"""Whose masks are under a frame, by what it tells of its edges."""

some = st.frozensets(st.sampled_from([SELF, *PEERS]))
most = st.frozensets(st.sampled_from([SELF, *PEERS]), max_size=2).map(frozenset({SELF, *PEERS}).difference)
sets = most | some


class LyingProvider(RuleBasedStateMachine):
    """Talks to one gateway, and watches what it gives away."""

    said = Bundle("said")

    @initialize(holds_for=some)
    def begin(self, holds_for: frozenset[ClientId]) -> None:
        self.bench, _ = waiting(member_of_mesh(holds_for=holds_for))
        self.frames: dict[tuple[int, int], bytes] = {}
        self.neighbors: dict[int, list[ClientId]] = {}
        self.disclosed: dict[int, set[ClientId]] = defaultdict(set)
        self.released: dict[int, dict[ClientId, int]] = defaultdict(dict)
        self.opened_by: dict[int, set[bytes]] = defaultdict(set)
        self.closed_by: dict[int, set[bytes]] = defaultdict(set)
        self.chain = [view(BEFORE)]
        self.report()
        assert (ROUND, 0) in self.frames

    # What the provider says

    @rule(target=said, missing=some.filter(bool), attempt=st.integers(1, 3), ago=st.integers(0, 1))
    def correct(self, missing: frozenset[ClientId], attempt: int, ago: int) -> Received:
        number = self.current - ago
        return self.say(calls_missing(*missing, attempt=attempt, number=number, of_view=self.sent_in(number)))

    @rule(target=said, included=sets, expected=sets, ago=st.integers(0, 2), void=st.integers(0, 1))
    def close(self, included: frozenset[ClientId], expected: frozenset[ClientId], ago: int, void: int) -> Received:
        number = self.current - ago
        of_view, first = self.sent_in(number), number - void
        return self.say(closes(number, of_view=of_view, included=included, expected=expected, void_from=first))

    @rule(target=said, of_view=st.sampled_from([NO_VIEW, b"another."]))
    def close_in_another_chain(self, of_view: bytes) -> Received:
        return self.say(closes(self.current, of_view=of_view))

    @rule(target=said)
    def close_truly(self) -> Received:
        return self.say(closes(self.current, of_view=self.sent_in(self.current)))

    @rule(target=said, clients=some)
    def hold(self, clients: frozenset[ClientId]) -> Received:
        return self.say(holds(*clients, at_ms=self.bench.now_ms))

    @rule(target=said, again=st.lists(said, min_size=1, max_size=3))
    def say_again(self, again: list[Received]) -> object:
        for order in again:
            self.say(order)
        return multiple()

    # What else happens

    @rule(rounds=st.integers(1, 3))
    def later(self, rounds: int) -> None:
        """Rounds pass; the last of their FINALs is true, so that the gateway sends again."""
        last = RoundNumber(self.current + rounds - 1)
        self.chain.append(view(order := closes(last, of_view=self.sent_in(last))))
        self.bench.now_ms = SCHEDULE.deadline(last, 0)
        self.say(order)
        self.bench.now_ms = SCHEDULE.start(RoundNumber(last + 1))
        self.report()

    @rule(milliseconds=st.integers(1, 60_000))
    def wait(self, milliseconds: int) -> None:
        self.bench.now_ms += milliseconds
        self.watch(self.bench.handle(Tick()))

    @rule()
    def restart(self) -> None:
        """From what is stored; the broker has the newest roster, and FINALs come when they are said again."""
        self.bench.restart()
        self.watch(self.bench.handle(Connected(), announced(MESH)))

    @rule(order=said, is_stored=st.booleans())
    def crash(self, order: Received, is_stored: bool) -> None:
        """While the gateway hears this, before or after all that is to be stored is, and before anything is sent."""
        effects = self.bench.member.handle(order, self.bench.now_ms)
        for effect in effects:
            if isinstance(effect, Store) and is_stored:
                self.bench.kept = remembered(self.bench.kept, effect.record)
        self.restart()

    # What the gateway does

    @property
    def current(self) -> RoundNumber:
        return SCHEDULE.round_at(self.bench.now_ms)

    def sent_in(self, number: int) -> bytes:
        """What the frame of this round continues from; of any other round the last FINAL."""
        known = {sent.round: sent.view for sent in self.bench.kept.sent}
        return known.get(RoundNumber(number), self.chain[-1])

    def report(self) -> None:
        number = max(self.current, ROUND)
        self.bench.now_ms = max(self.bench.now_ms, SCHEDULE.start(number))
        self.watch(self.bench.handle(Tick(), ReadingTaken(valid(number))))
        self.bench.now_ms = SCHEDULE.send_at(number, self.bench.member.situation.identity.public_key)
        self.watch(self.bench.handle(Tick()))

    def say(self, order: Received) -> Received:
        self.watch(self.bench.handle(order))
        return order

    def watch(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Store) and isinstance(effect.record, Closed):
                self.closed_by[effect.record.round].add(effect.record.view)
            if isinstance(effect, Publish):
                self.read(effect.payload, decode(effect.payload).frame)

    def read(self, raw: bytes, frame: Frame) -> None:
        if frame.notification is Notification.SUPERPOSITION:
            order = Superposition.decode(frame.data)
            body = HARDENED.read(order.body)
            assert self.frames.setdefault((order.round, body.attempt), raw) == raw
            first = self.neighbors.setdefault(order.round, sorted(COVERED[body.edges]))
            assert body.attempt or first == sorted(COVERED[body.edges])
            self.disclosed[order.round] |= set(first) - COVERED[body.edges]
        elif frame.notification is Notification.RELEASE:
            release = Release.decode(frame.data)
            clients = release.members.among(self.neighbors[release.round])
            self.opened_by[release.round].add(release.view)
            self.released[release.round].update(zip(clients, release.shares, strict=True))

    @invariant()
    def nobody_is_both_disclosed_and_released(self) -> None:
        for number, shares in self.released.items():
            assert not self.disclosed[number] & shares.keys()

    @invariant()
    def a_round_has_one_final(self) -> None:
        assert all(len(views) <= 1 for views in self.opened_by.values())
        assert all(len(views) <= 1 for views in self.closed_by.values())

    @invariant()
    def a_share_is_what_its_edge_gives(self) -> None:
        known = {sent.round: sent.view for sent in self.bench.kept.sent}
        for number, shares in self.released.items():
            of_view = known.get(RoundNumber(number))
            assert of_view is None or shares == {peer: share(peer, number, of_view) for peer in shares}


LyingProvider.TestCase.settings = settings(max_examples=150, stateful_step_count=25)
TestEitherTheMaskOrTheShare = LyingProvider.TestCase


def test_a_copy_of_the_vault_that_was_put_back_gives_no_share_of_a_round_that_was_open() -> None:
    """The vault is of before an answer to a correction, which it has forgotten; then FINAL comes."""
    machine = LyingProvider()
    machine.begin(frozenset(PEERS))
    copy = machine.bench.kept
    machine.correct(frozenset({PEERS[0]}), 1, 0)
    machine.nobody_is_both_disclosed_and_released()
    machine.bench.kept = copy
    machine.restart()
    machine.close_truly()
    machine.nobody_is_both_disclosed_and_released()
    assert machine.disclosed[ROUND] == {PEERS[0]}
    assert machine.released == {}
