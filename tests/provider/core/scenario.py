"""Some rounds of six members in suite `hardened`, in which somebody may be killed.

One scenario has a round with everybody, one with a missing member and its correction, and one whose sum waits for two
silent holders; others are the founding of a network, and the exit of a member while the rounds go on.
"""

from functools import cache
from typing import Final

from common.identifiers import RoundNumber
from provider.core.events import StoreContents
from smgw.core.events import VaultContents
from tests.provider.core.builders import SCHEDULE
from tests.provider.core.certified import identity
from tests.provider.core.crashing import COUNT, Memory, Point, World
from tests.provider.core.village import FIRST


@cache
def grown() -> Memory:
    """What is on the disks once the members of a new network have agreed their seeds, and know who holds for whom."""
    world = World(Memory((VaultContents(),) * COUNT, StoreContents()), SCHEDULE.start(FIRST))
    world.begin()
    world.run(SCHEDULE.start(RoundNumber(FIRST + 4)))
    return world.memory


ALL_HERE: Final = RoundNumber(FIRST + 5)
ONE_MISSING: Final = RoundNumber(FIRST + 6)
TWO_SILENT: Final = RoundNumber(FIRST + 7)
"""They send, and hear nothing from then on: its sum waits for their shares."""
TOO_FEW: Final = RoundNumber(FIRST + 8)
RETURN: Final = RoundNumber(FIRST + 9)
"""They are back, and give the shares of `TWO_SILENT`."""
WHOLE: Final = RoundNumber(FIRST + 10)
LAST: Final = RoundNumber(FIRST + 12)


def rounds(point: Point | None = None, forgets: type | None = None) -> World:
    """Rounds of all kinds, with a crash at this point; without one, the points are counted up to the end of `WHOLE`."""
    world = World(grown(), SCHEDULE.start(RoundNumber(ALL_HERE - 1)) + 300_000, point, forgets=forgets)
    world.begin()
    world.run(SCHEDULE.start(ONE_MISSING) - 100_000)
    world.leaves(3)
    world.run(SCHEDULE.start(TWO_SILENT) - 200_000)
    world.returns(3)
    silent = sorted(range(1, COUNT + 1), key=lambda n: SCHEDULE.send_at(TWO_SILENT, identity(n).public_key))[:2]
    for number in silent:
        world.run(SCHEDULE.send_at(TWO_SILENT, identity(number).public_key) + 1)
        world.leaves(number)
    world.run(SCHEDULE.start(RETURN) + 10_000)
    for number in silent:
        world.returns(number)
    return _to_the_end(world, WHOLE)


def founding(point: Point | None = None) -> World:
    """Registration, handshakes and the first two rounds."""
    world = World(Memory((VaultContents(),) * COUNT, StoreContents()), SCHEDULE.start(FIRST), point)
    world.begin()
    return _to_the_end(world, RoundNumber(FIRST + 2))


def leaving(point: Point | None = None) -> World:
    """A member leaves within a round."""
    world = World(grown(), SCHEDULE.start(RoundNumber(ALL_HERE - 1)) + 300_000, point)
    world.begin()
    world.run(SCHEDULE.start(ALL_HERE) + 10_000)
    world.wants_to_leave(2)
    return _to_the_end(world, RoundNumber(ALL_HERE + 1))


def _to_the_end(world: World, until: RoundNumber) -> World:
    """Up to the end of this round somebody may be killed; then come more rounds, in which all must be well again."""
    world.run(SCHEDULE.start(RoundNumber(until + 1)) - 1)
    points = list(world.points)
    world.run(SCHEDULE.start(RoundNumber(LAST + 1)) - 1)
    world.points = points
    return world
