"""A gateway whose vault is a copy of an earlier one gives no second kind for a round of which it forgot the first."""

from dataclasses import dataclass, field, replace
from typing import Final

import pytest

from common import topics
from common.clients import ClientSet
from common.frames import Frame, Notification, decode
from common.identifiers import RoundNumber
from common.payloads import Correction, Superposition
from common.refusal import Refusal
from common.schedule import Schedule
from common.signing import Direction
from launcher.simulation import credentials
from launcher.simulation.trace import ViolationError
from launcher.simulation.world import World
from provider.core.events import Message, Publish
from smgw.core.events import VaultContents
from smgw.core.rounds import Rounds
from tests.simulation.quiet import quiet

SETTLED: Final = 8
CONNECTED_MS: Final = 5_000
"""After so long a process that has started hears what the broker has kept."""


@dataclass(slots=True)
class Deceiver:
    """Calls a neighbor missing to the first gateway, which has just sent, and copies its vault before it answers."""

    world: World
    round: RoundNumber
    backup: VaultContents = field(default_factory=VaultContents)

    def says(self, publish: Publish, _now_ms: int) -> list[Publish]:
        """Whatever the machine wants."""
        return [publish]

    def hears(self, _message: Message) -> bool:
        """Everything."""
        return True

    def relays(self, message: Message, now_ms: int) -> list[Publish]:
        """The false correction."""
        frame, victim = decode(message.payload).frame, self.world.gateways[0]
        if frame.notification is not Notification.SUPERPOSITION or (frame.network, frame.client) != victim.member:
            return []
        shown = Superposition.decode(frame.data)
        if shown.round != self.round or self.backup.membership is not None:
            return []
        self.backup = victim.vault.contents
        missing = ClientSet.of(self.backup.sent[-1].neighbors[:1])
        data = Correction(shown.suite, shown.round, shown.view, 1, missing).encode()
        order = Frame(frame.network, frame.client, now_ms, Notification.CORRECTION, data)
        payload = order.signed(credentials.provider().identity, Direction.DOWN)
        return [Publish(topics.down(frame.network, victim.name), payload, now_ms + 60_000)]


def restored(lives: int = 1) -> World:
    """The first gateway has answered a correction; then its vault is put back to before, and it hears the FINAL.

    With more `lives` it starts again and again after that, and hears the FINAL each time.
    """
    scenario = quiet(2, gateways=10, networks=1, suite="hardened")
    schedule = Schedule(60_000, 10_000, 2_000, 5_000, 3)
    world = World(replace(scenario, parameters=replace(scenario.parameters, schedule=schedule)))
    period_ms = schedule.period_ms
    begin_ms = (world.scenario.start_ms // period_ms + SETTLED) * period_ms
    world.provider.start()
    for _ in range(10):
        world.population.join(is_counted=True)
    for gateway in world.gateways:
        gateway.is_meter_whole = True
    world.timeline.run_until(begin_ms - 1)
    deceiver = Deceiver(world, RoundNumber(begin_ms // period_ms))
    world.provider.liar = deceiver
    world.timeline.run_until(begin_ms + period_ms // 2)
    victim = world.gateways[0]
    sent = victim.vault.contents.sent[-1]
    assert (sent.round, sent.attempt) == (deceiver.round, 1)
    victim.kill()
    victim.restore(deceiver.backup)
    victim.start()
    for _ in range(lives):
        world.timeline.run_until(world.timeline.now + CONNECTED_MS)
        victim.restart()
    world.timeline.run_until(begin_ms + 2 * period_ms)
    return world


@pytest.mark.parametrize("lives", [0, 1, 2])
def test_a_restored_gateway_gives_no_share_for_whom_it_may_have_unmasked(lives: int) -> None:
    assert restored(lives).gateways[0].refusals[Refusal.FORGOTTEN] > lives


def test_one_that_trusts_its_copy_gives_both_kinds_and_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rounds, "is_forgotten", lambda *_: False)
    with pytest.raises(ViolationError, match=r"both kinds|not masked toward"):
        restored()
