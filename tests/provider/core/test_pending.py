"""Rounds that wait: said, asked for again, opened by whoever returns within eight rounds, given up after."""

from collections.abc import Callable

import pytest

from common import topics
from common.frames import Notification, decode
from common.identifiers import RoundNumber
from common.payloads import ExitConfirmed, RoundFinal
from provider.core.events import MemberState, RoundResult, RoundStatus, Why
from provider.core.opening import PENDING_ROUNDS
from tests.provider.core.builders import NETWORK, SCHEDULE
from tests.provider.core.certified import identity, name
from tests.provider.core.crashing import COUNT, NOBODY, World
from tests.provider.core.scenario import grown
from tests.provider.core.village import FIRST

WAITS = RoundNumber(FIRST + 6)
"""The round whose sum waits: everybody sends, and two are deaf from then on."""


def start(number: int) -> int:
    return SCHEDULE.start(RoundNumber(number))


def silenced() -> tuple[World, list[int]]:
    """A network whose round `WAITS` is closed, and lacks the shares of these two, whose line is cut."""
    world = World(grown(), start(WAITS - 2) + 300_000)
    world.begin()
    first = sorted(range(1, COUNT + 1), key=lambda n: SCHEDULE.send_at(WAITS, identity(n).public_key))[:2]
    for number in first:
        world.run(SCHEDULE.send_at(WAITS, identity(number).public_key) + 1)
        world.leaves(number)
    world.run(start(WAITS + 1) - 1)
    return world, first


def ends(world: World, number: int = WAITS) -> list[tuple[RoundStatus, Why]]:
    """What people were told of a round, in order."""
    return [(result.status, result.why) for result in world.shown if result.round == number]


def results(world: World, number: int = WAITS) -> list[RoundResult]:
    return [record for _, record in world.kept if isinstance(record, RoundResult) and record.round == number]


def asked(world: World, since: int) -> set[str]:
    """Into whose inboxes the FINAL of the waiting round went."""
    found = set[str]()
    for party, said in world.said[since:]:
        frame = decode(said.payload).frame
        if party == NOBODY and frame.notification is Notification.FINAL and "/down/" in said.topic:
            assert RoundFinal.decode(frame.data).round == WAITS
            found.add(said.topic)
    return found


def inboxes(*numbers: int) -> set[str]:
    return {topics.down(NETWORK, name(number)) for number in numbers}


PENDING = (RoundStatus.PENDING, Why.SHARES)
COMPLETE = (RoundStatus.COMPLETE, Why.NONE)
GIVEN_UP = (RoundStatus.LOST, Why.SHARES_LOST)


def test_a_round_whose_shares_lack_is_said_to_wait_when_the_next_one_is_closed() -> None:
    world, _ = silenced()
    assert ends(world) == []
    world.run(start(WAITS + 2))
    assert ends(world) == [PENDING]
    (result,) = (result for result in world.shown if result.round == WAITS)
    assert (result.import_dwh, result.present, result.missing) == (None, COUNT, 0)
    assert results(world) == []


def test_that_a_round_waits_is_said_once() -> None:
    world, _ = silenced()
    world.run(start(WAITS + 6))
    assert ends(world) == [PENDING]


def test_only_those_whose_shares_lack_and_who_are_there_are_asked_again() -> None:
    world, silent = silenced()
    before = len(world.said)
    world.run(start(WAITS + 3))
    assert asked(world, before) == set()
    world.returns(silent[0])
    world.run(start(WAITS + 4))
    assert asked(world, before) == inboxes(silent[0])


@pytest.mark.parametrize("rounds", [1, 2, 7])
def test_one_holder_that_returns_within_eight_rounds_opens_the_sum(rounds: int) -> None:
    world, silent = silenced()
    world.run(start(WAITS + rounds) + 100)
    world.returns(silent[0])
    world.run(start(WAITS + rounds + 1))
    (result,) = results(world)
    assert (result.status, result.contributors) == (RoundStatus.COMPLETE, COUNT)
    assert ends(world) == [PENDING, COMPLETE][rounds == 1 :]


def test_after_eight_rounds_the_sum_is_given_up_and_says_so() -> None:
    world, silent = silenced()
    world.run(start(WAITS + PENDING_ROUNDS))
    assert ends(world) == [PENDING]
    world.run(start(WAITS + PENDING_ROUNDS + 1))
    assert ends(world) == [PENDING, GIVEN_UP]
    assert [result.import_dwh for result in results(world)] == [None]
    for number in silent:
        world.returns(number)
    world.run(start(WAITS + PENDING_ROUNDS + 3))
    assert ends(world) == [PENDING, GIVEN_UP]


def test_a_provider_that_restarts_asks_everybody_again_and_opens_what_waited() -> None:
    """The shares themselves are not stored: each gateway gives the same ones as often as it is asked."""
    world, silent = silenced()
    world.run(start(WAITS + 2) + 1_000)
    before = len(world.said)
    world.restart(NOBODY)
    assert asked(world, before) == inboxes(*set(range(1, COUNT + 1)).difference(silent))
    world.returns(silent[1])
    world.run(start(WAITS + 4))
    assert [(r.status, r.contributors) for r in results(world)] == [(RoundStatus.COMPLETE, COUNT)]


def test_a_holder_that_restarts_opens_nothing_and_one_that_was_only_away_opens_what_waited() -> None:
    """A gateway trusts its store with no round that an earlier life left open: it might be a copy that was put back."""
    world, silent = silenced()
    world.run(start(WAITS + 2) + 1_000)
    world.restart(silent[0])
    world.returns(silent[0])
    world.run(start(WAITS + 3))
    assert results(world) == []
    world.returns(silent[1])
    world.run(start(WAITS + 4))
    assert [(r.status, r.contributors) for r in results(world)] == [(RoundStatus.COMPLETE, COUNT)]


def states(world: World) -> dict[int, MemberState]:
    return {member.client: member.state for member in world.memory.store.members}


def confirmed(world: World, number: int) -> bool:
    """Whether the provider has told this gateway that it has left."""
    frames = [decode(said.payload).frame for _, said in world.said if said.topic in inboxes(number)]
    orders = [frame for frame in frames if frame.notification is Notification.EXIT_CONFIRMED]
    return any(ExitConfirmed.decode(order.data).leaver == number for order in orders)


def opens(world: World, silent: list[int]) -> None:
    world.returns(silent[0])
    world.run(start(WAITS + 4))
    assert ends(world)[-1] == COMPLETE


def gives_up(world: World, _: list[int]) -> None:
    world.run(start(WAITS + PENDING_ROUNDS + 1))
    assert ends(world)[-1] == GIVEN_UP


@pytest.mark.parametrize("ending", [opens, gives_up])
def test_a_member_that_is_in_a_sum_that_waits_leaves_when_it_is_open_or_given_up(
    ending: Callable[[World, list[int]], None],
) -> None:
    world, silent = silenced()
    leaver = next(number for number in range(1, COUNT + 1) if number not in silent)
    world.run(start(WAITS + 1) + 1_000)
    world.wants_to_leave(leaver)
    world.run(start(WAITS + 3))
    assert states(world)[leaver] is MemberState.LEAVING
    assert not confirmed(world, leaver)
    ending(world, silent)
    world.run(world.now_ms + 2 * SCHEDULE.period_ms)
    assert states(world)[leaver] is MemberState.LEFT
    assert confirmed(world, leaver)
