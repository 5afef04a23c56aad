"""How a round that waits for shares opens: with which of them, which RELEASE is refused, and what is asked again."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from itertools import combinations

import pytest

from common import topics
from common.frames import Notification, decode
from common.identifiers import ClientId, RoundNumber
from common.payloads import Hold, Release
from common.refusal import RefusedError
from common.sealing import Bits
from common.superposition import Lanes, signed
from provider.core.events import Message, PendingRecord, RoundResult
from provider.core.opening import Opening
from smgw.core.events import VaultContents
from tests.provider.core.builders import NETWORK, SCHEDULE, message
from tests.provider.core.certified import identity, name
from tests.provider.core.crashing import COUNT, NOBODY, Memory, World
from tests.provider.core.scenario import ALL_HERE, grown, rounds
from tests.provider.core.village import FIRST

NEEDED = 4
Shares = Mapping[int, Mapping[int, int]]
"""By who is opened, and by holder."""


@cache
def history() -> World:
    return rounds()


def waiting() -> Opening:
    """The round with everybody, right after its FINAL."""
    (record,) = (r for _, r in history().kept if isinstance(r, PendingRecord) and r.round == ALL_HERE)
    frames = (said.payload for party, said in history().said if party == NOBODY)
    (final,) = {raw for raw in frames if is_final(raw)}
    return Opening.decode(NETWORK, final, record.data)


def is_final(raw: bytes) -> bool:
    frame = decode(raw).frame
    return frame.notification is Notification.FINAL and SCHEDULE.round_at(frame.timestamp_ms) == ALL_HERE


@cache
def releases() -> dict[int, Release]:
    """What each gateway released in that round."""
    found = dict[int, Release]()
    for party, said in history().said:
        frame = decode(said.payload).frame
        if frame.notification is Notification.RELEASE and Release.decode(frame.data).round == ALL_HERE:
            found[party] = Release.decode(frame.data)
    return found


def neighbors(client: int) -> list[ClientId]:
    return [ClientId(other) for other in range(1, COUNT + 1) if other != client]


def only(sender: int, clients: Iterable[int]) -> Release:
    """The RELEASE of this gateway, with the shares for these alone."""
    whole = releases()[sender]
    shares = dict(zip(whole.members.among(neighbors(sender)), whole.shares, strict=True))
    chosen = set(clients)
    bits = Bits.of(client in chosen for client in neighbors(sender))
    return replace(whole, members=bits, shares=tuple(shares[c] for c in neighbors(sender) if c in chosen))


def given(opening: Opening, senders: Iterable[int]) -> Lanes | None:
    """The sum, after all that these have released."""
    for sender in senders:
        opening.accept(ClientId(sender), releases()[sender])
    return opening.open()


def total() -> tuple[int, int, int]:
    """What the sum of that round was."""
    (result,) = (r for _, r in history().kept if isinstance(r, RoundResult) and r.round == ALL_HERE)
    assert result.import_dwh is not None
    return result.import_dwh, result.export_dwh or 0, result.contributors or 0


@pytest.mark.parametrize("holders", list(combinations(range(1, COUNT), NEEDED)))
def test_exactly_as_many_shares_as_are_needed_open_a_self_mask_whichever_they_are(holders: tuple[int, ...]) -> None:
    opening, last = waiting(), COUNT
    for sender in range(1, COUNT + 1):
        rest = [client for client in neighbors(sender) if client != last or sender in holders]
        opening.accept(ClientId(sender), only(sender, rest))
    lanes = opening.open()
    assert lanes is not None
    assert signed(lanes) == total()


@pytest.mark.parametrize("holders", list(combinations(range(1, COUNT), NEEDED - 1)))
def test_with_one_share_less_than_needed_the_sum_stays_closed(holders: tuple[int, ...]) -> None:
    opening, last = waiting(), COUNT
    for sender in range(1, COUNT + 1):
        rest = [client for client in neighbors(sender) if client != last or sender in holders]
        opening.accept(ClientId(sender), only(sender, rest))
    assert opening.open() is None
    assert opening.covered == 1
    assert opening.lacking() == sorted(set(neighbors(last)) - set(holders))


@pytest.mark.parametrize("silent", range(1, COUNT + 1))
def test_one_of_six_may_be_silent(silent: int) -> None:
    lanes = given(waiting(), set(releases()) - {silent})
    assert lanes is not None
    assert signed(lanes) == total()


@pytest.mark.parametrize("silent", list(combinations(range(1, COUNT + 1), 2)))
def test_two_of_six_may_not(silent: tuple[int, ...]) -> None:
    assert given(waiting(), set(releases()).difference(silent)) is None


def test_shares_that_come_twice_count_once() -> None:
    opening = waiting()
    assert given(opening, [1, 2, 3, 1, 2, 3]) is None
    assert given(opening, [4, 5]) is not None


def test_the_first_of_two_different_shares_counts() -> None:
    opening = waiting()
    given(opening, [1, 2, 3, 4])
    assert opening.accept(ClientId(1), replace(releases()[1], shares=(7,) * 5)) == ()
    lanes = given(opening, [5])
    assert lanes is not None
    assert signed(lanes) == total()


def test_who_gives_fewer_shares_than_are_wanted_of_it_is_told_once_for_whom_it_holds() -> None:
    opening = waiting()
    assert opening.accept(ClientId(1), releases()[1]) == ()
    assert opening.accept(ClientId(2), only(2, [1, 3])) == (4, 5, 6)
    assert opening.accept(ClientId(2), only(2, [1, 3])) == ()


@pytest.mark.parametrize(
    ("sender", "release", "reason"),
    [
        (7, releases, "NOT_INCLUDED"),
        (1, lambda: {1: replace(releases()[1], view=b"another.")}, "WRONG_VIEW"),
        (1, lambda: {1: replace(releases()[1], members=Bits(b"\x3f"), shares=(1,) * 6)}, "BAD_DATA"),
    ],
)
def test_a_release_that_does_not_fit_the_round_is_refused(sender: int, release: object, reason: str) -> None:
    assert callable(release)
    said = release().get(sender, releases()[1])
    with pytest.raises(RefusedError) as refused:
        waiting().accept(ClientId(sender), said)
    assert refused.value.reason.name == reason


def test_what_waits_is_the_same_after_it_was_stored() -> None:
    opening = waiting()
    again = Opening.decode(NETWORK, opening.frame, opening.encode())
    assert again.encode() == opening.encode()
    assert given(again, [1, 2, 3, 4, 5]) == given(opening, [1, 2, 3, 4, 5])


# At the provider


def fresh(until: int) -> World:
    """A new network, in which nobody knows yet who holds for whom."""
    world = World(Memory((VaultContents(),) * COUNT, grown().store.__class__()), SCHEDULE.start(FIRST))
    world.begin()
    world.run(SCHEDULE.start(RoundNumber(until)))
    return world


def heard_holds(world: World) -> list[tuple[str, tuple[ClientId, ...]]]:
    """To whom a HOLD went, and whom it named."""
    frames = [(said.topic, decode(said.payload).frame) for party, said in world.said if party == NOBODY]
    return [(topic, Hold.decode(f.data).clients) for topic, f in frames if f.notification is Notification.HOLD]


def test_in_the_first_round_each_holder_is_told_for_whom_it_holds_and_never_again() -> None:
    world = fresh(FIRST + 8)
    told = dict(heard_holds(world))
    assert told == {topics.down(NETWORK, name(n)): tuple(neighbors(n)) for n in range(1, COUNT + 1)}
    assert len(heard_holds(world)) == COUNT
    assert [result.contributors for result in world.shown if result.import_dwh is not None][:1] == [COUNT]


def test_who_knows_for_whom_it_holds_is_told_nothing() -> None:
    assert heard_holds(history()) == []


def said_by(client: int, release: Release, at_ms: int) -> Message:
    return message(client, Notification.RELEASE, release.encode(), at_ms=at_ms, by=identity(client))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"suite": 1}, "WRONG_SUITE"),
        ({"round": RoundNumber(ALL_HERE - 2)}, "LATE"),
        ({"round": RoundNumber(ALL_HERE + 1)}, "LATE"),
        ({"view": b"another."}, "WRONG_VIEW"),
        ({"members": Bits(b"\x80"), "shares": (1,)}, "BAD_DATA"),
        ({"members": Bits(b"\x01"), "shares": (2**127 - 1,)}, "BAD_DATA"),
        ({"members": Bits(b"\x01"), "shares": ()}, "BAD_DATA"),
    ],
)
def test_a_release_is_refused_with_its_exact_reason(change: dict[str, object], reason: str) -> None:
    world = World(grown(), SCHEDULE.start(RoundNumber(ALL_HERE - 1)) + 300_000)
    world.begin()
    world.run(SCHEDULE.deadline(ALL_HERE, 0))
    release = replace(releases()[1], **change)  # type: ignore[arg-type]
    assert world.hears(said_by(1, release, world.now_ms)) == [reason]


def test_a_release_is_refused_in_a_round_that_is_open_and_forgotten() -> None:
    world = rounds()
    assert world.hears(said_by(1, releases()[1], world.now_ms)) == ["LATE"]
