"""The model of liveness and the real cores: with the same missing and late members, rounds end in the same way."""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

import numpy as np
import pytest

from common.frames import Notification, decode
from common.identifiers import ClientId, NetworkId, RoundNumber
from common.payloads import Release, Superposition
from common.suites import HARDENED
from launcher.simulation.liveness import NEVER, Conditions, Ending, Outcome, Rows, play
from launcher.simulation.world import World
from provider.core.events import Message, Publish, RoundStatus
from tests.simulation.quiet import quiet

NETWORK: Final = NetworkId(1)
MEMBERS: Final = 60
DRAWS: Final = 12
"""So many drawn that a few missing take others along."""

SETTLED: Final = 9
"""By then everybody is expected, and knows who counts on whom."""

PAUSE: Final = 4
"""Within so many rounds everybody is back."""


@dataclass(slots=True)
class Burden:
    """What the provider does not hear: frames of the missing, and shares of the late until their time has come."""

    missing: dict[RoundNumber, set[ClientId]] = field(default_factory=dict)
    late: dict[RoundNumber, dict[ClientId, int]] = field(default_factory=dict)
    last: int = 0

    def says(self, publish: Publish, _now_ms: int) -> list[Publish]:
        """Whatever the machine wants; it is looked at for the round that has ended."""
        frame = decode(publish.payload).frame
        if frame.notification is Notification.FINAL:
            self.last = max(self.last, int.from_bytes(frame.data[1:9]))
        return [publish]

    def relays(self, _message: Message, _now_ms: int) -> list[Publish]:
        """Nothing."""
        return []

    def hears(self, message: Message) -> bool:
        """Whether the time of this message has come."""
        frame = decode(message.payload).frame
        if frame.notification is Notification.SUPERPOSITION:
            return frame.client not in self.missing.get(Superposition.decode(frame.data).round, set())
        if frame.notification is Notification.RELEASE:
            round_ = Release.decode(frame.data).round
            return self.last >= round_ + self.late.get(round_, {}).get(frame.client, 0)
        return True


def settled(seed: int) -> tuple[World, Burden]:
    """A network without faults in which everybody has drawn, and whatever stands between its provider and the bus."""
    scenario = quiet(seed, gateways=MEMBERS, networks=1, suite="hardened")
    rules = replace(scenario.parameters, draws=DRAWS, degree_max=64, members_min=5, masks_min=3)
    world = World(replace(scenario, parameters=rules, growth={}))
    burden = Burden()
    world.provider.liar = burden
    world.provider.start()
    for _ in range(MEMBERS):
        world.population.join(is_counted=True)
    for gateway in world.gateways:
        gateway.is_meter_whole = True
    run_rounds(world, SETTLED)
    return world, burden


def run_rounds(world: World, count: int) -> None:
    """Up to the last moment of a round, when everything about it is said."""
    period_ms = world.scenario.parameters.schedule.period_ms
    world.timeline.run_until((world.timeline.now // period_ms + count + 1) * period_ms - 1)


def drawn(world: World) -> Rows:
    """Whom each member has drawn, as its vault has it."""
    contents = sorted(
        (gateway.vault.contents for gateway in world.gateways), key=lambda c: c.membership.client if c.membership else 0
    )
    return np.array([[slot.client - 1 for slot in each.slots] for each in contents])


def ending_of(world: World, burden: Burden, round_: RoundNumber) -> Outcome:
    """How the cores ended this round; its sum came after so many later ones."""
    included = len(world.audit.finals[NETWORK, round_].included)
    is_corrected = bool(burden.missing[round_])
    waited = 0
    while (NETWORK, round_) not in world.audit.closed:
        assert burden.last < round_ + 20
        waited = burden.last + 1 - round_
        run_rounds(world, 1)
    status = world.audit.closed[NETWORK, round_].status
    return Outcome(included, is_corrected, NEVER if status is RoundStatus.LOST else waited)


@pytest.mark.parametrize("seed", [1])
def test_the_model_and_the_real_cores_end_rounds_in_the_same_way(seed: int) -> None:
    world, burden = settled(seed)
    assert world.scenario.suite is HARDENED
    rng = Random(seed)
    endings = set[Ending]()
    for missing, late in ((0, 0), (3, 0), (0, 9), (4, 6), (6, 5)):
        assert len(world.audit.finals[NETWORK, RoundNumber(burden.last)].expected) == MEMBERS
        round_ = RoundNumber(burden.last + 1)
        chosen = [ClientId(client) for client in rng.sample(range(1, MEMBERS + 1), missing + late)]
        burden.missing[round_] = set(chosen[:missing])
        burden.late[round_] = {client: rng.choice((1, 2, NEVER)) for client in chosen[missing:]}
        is_missing = np.array([client in burden.missing[round_] for client in range(1, MEMBERS + 1)])
        waits = np.array([burden.late[round_].get(ClientId(client), 0) for client in range(1, MEMBERS + 1)])
        expected = play(drawn(world), is_missing, waits, Conditions(members=MEMBERS, draws=DRAWS))
        run_rounds(world, 1)
        found = ending_of(world, burden, round_)
        assert (found.included, found.ending) == (expected.included, expected.ending)
        assert found.ending in {Ending.COMPLETE, Ending.CORRECTED, Ending.LOST} or found.waited == expected.waited
        endings.add(found.ending)
        run_rounds(world, PAUSE)
    assert len(endings) >= 3
