"""LEAVES: beyond 25 members all leaves are told in parts of 128, before the roster that adds them."""

from common import topics
from common.frames import Notification, decode
from common.merkle import Tree
from common.payloads import Holdings
from common.roster import LeafPart
from common.signing import Direction
from provider.core.events import Connected, Disconnected, Effect, Publish
from provider.core.leaves import AGAIN_MS, AGAIN_MS_MAX, KEPT_MS
from tests.provider.core.bench import Bench, empty, operating
from tests.provider.core.builders import (
    NETWORK,
    PROVIDER,
    SCHEDULE,
    START,
    after,
    everybody,
    leaf,
    message,
    parts,
    published,
    registration,
    ring,
    rosters,
)

LEAVES = Notification.LEAVES
ROSTER = Notification.ROSTER


def joining(bench: Bench, first: int, last: int) -> list[Effect]:
    """These gateways register at once; what the epoch that adds them says."""
    at_ms = bench.now_ms
    bench.receive(*(registration(number, at_ms=at_ms) for number in range(first, last + 1)))
    return bench.tick(at_ms + 1_000)


def frames(effects: list[Effect]) -> dict[str, bytes]:
    """The frames of LEAVES by topic."""
    said = [effect for effect in effects if isinstance(effect, Publish)]
    return {each.topic: each.payload for each in said if decode(each.payload).frame.notification is LEAVES}


def numbers(effects: list[Effect]) -> list[int]:
    """Which parts were told."""
    return [part.part for part in parts(effects).values()]


def test_in_a_mesh_the_roster_lists_them_and_no_parts_are_told() -> None:
    bench = empty()
    assert published(joining(bench, 1, 25)) == [ROSTER]
    assert published(bench.handle(Disconnected(), Connected())) == [Notification.REVOCATIONS, ROSTER]


def test_beyond_25_all_leaves_are_told_before_the_roster_and_kept_by_the_broker() -> None:
    effects = joining(empty(), 1, 300)
    assert published(effects) == [LEAVES, LEAVES, LEAVES, ROSTER]
    told = parts(effects)
    assert list(told) == [topics.leaves(NETWORK, part) for part in range(3)]
    assert [len(part.leaves) for part in told.values()] == [128, 128, 44]
    listed = [each for part in told.values() for each in part.leaves]
    assert listed == [leaf(client) for client in range(1, 301)]
    (begun,) = rosters(effects)
    assert Tree(each.encode() for each in listed).root() == begun.at.root
    said = [effect for effect in effects if isinstance(effect, Publish) and effect.topic in told]
    assert all(each.is_retained and each.expires_ms == START + 1_000 + KEPT_MS for each in said)
    for each in said:
        signed = decode(each.payload)
        assert signed.frame.client == 0
        assert signed.is_signed_by(PROVIDER.public_key, Direction.DOWN)


def test_a_network_that_outgrows_its_mesh_tells_the_leaves_that_were_listed_too() -> None:
    bench = empty()
    joining(bench, 1, 25)
    (part,) = parts(joining(bench, 26, 26)).values()
    assert part == LeafPart(0, tuple(leaf(client, epoch=1 + client // 26) for client in range(1, 27)))


def test_an_epoch_tells_only_the_parts_that_it_changed() -> None:
    bench = empty()
    joining(bench, 1, 100)
    assert numbers(joining(bench, 101, 128)) == [0]
    assert numbers(joining(bench, 129, 129)) == [1]
    assert numbers(joining(bench, 130, 300)) == [1, 2]


def test_an_epoch_without_new_leaves_tells_none() -> None:
    bench = operating(ring(40, reach=4))
    bench.receive(*(message(client, Notification.EXIT) for client in (1, 11, 21, 31, 40)))
    assert published(bench.report(*range(1, 41))).count(ROSTER) == 1
    bench.now_ms = SCHEDULE.start(after(bench.last.round))
    effects = bench.report(*bench.last.expected)
    assert (numbers(effects), len(bench.contents.rosters)) == ([], 2)


def test_a_part_is_signed_once_for_all_the_times_that_it_is_told() -> None:
    bench = empty()
    first = frames(joining(bench, 1, 200))
    bench.now_ms += 5_000
    assert frames(bench.handle(Disconnected(), Connected())) == first
    second = frames(joining(bench, 201, 201))
    again = frames(bench.handle(Disconnected(), Connected()))
    assert again == first | second
    assert again != first


def test_a_part_that_was_signed_before_the_clock_was_set_back_is_signed_again() -> None:
    bench = empty()
    joining(bench, 1, 30)
    bench.now_ms = START - SCHEDULE.period_ms
    (again,) = frames(bench.handle(Disconnected(), Connected())).values()
    assert decode(again).frame.timestamp_ms == START - SCHEDULE.period_ms


def test_whenever_the_bus_is_there_and_after_a_restart_all_parts_are_told_before_the_roster() -> None:
    bench = empty()
    joining(bench, 1, 200)
    expected = [Notification.REVOCATIONS, LEAVES, LEAVES, ROSTER]
    assert published(bench.handle(Disconnected(), Connected())) == expected
    assert published(bench.restart(bench.now_ms + 1)) == expected


# When somebody asked


def asking(bench: Bench, client: int) -> list[Effect]:
    """A member asks to be taken back; what the next FINAL brings."""
    bench.now_ms = SCHEDULE.start(after(bench.last.round))
    sent = [bench.frame(each) for each in bench.last.expected]
    return bench.receive(message(client, Notification.RESUME, Holdings(()).encode(), at_ms=bench.now_ms), *sent)


def test_when_somebody_asked_the_parts_are_told_again_with_the_roster() -> None:
    bench = operating(ring(40, reach=4))
    effects = asking(bench, 3)
    announced = {Notification.FINAL, Notification.REVOCATIONS, LEAVES, ROSTER}
    told = [each for each in published(effects) if each in announced]
    assert told == [Notification.FINAL, Notification.REVOCATIONS, LEAVES, ROSTER]


def test_when_nobody_asked_nothing_is_told_again() -> None:
    bench = operating(ring(40, reach=4))
    assert published(bench.report(*range(1, 41))) == [Notification.FINAL]


def test_in_a_mesh_an_asker_brings_no_parts() -> None:
    effects = asking(operating(everybody(7)), 3)
    assert ROSTER in published(effects)
    assert numbers(effects) == []


def test_the_more_parts_there_are_the_less_often_all_are_told_again_and_once_a_day_at_least() -> None:
    bench = empty()
    joining(bench, 1, 300)
    leaves = bench.machine.networks[NETWORK].rosters.remind
    begun = bench.now_ms
    assert numbers(leaves(begun + 3 * AGAIN_MS - 1)) == []
    assert numbers(leaves(begun + 3 * AGAIN_MS)) == [0, 1, 2]
    assert numbers(leaves(begun + 3 * AGAIN_MS + 1)) == []
    assert AGAIN_MS_MAX < KEPT_MS


def test_without_a_roster_nothing_is_told() -> None:
    assert empty().machine.networks[NETWORK].rosters.remind(START) == []
