"""The operator of a lying provider, between the real provider core and real gateways, in virtual time."""

from dataclasses import replace

from broker.events import BusEvent, Message
from common import topics
from common.frames import Frame, Notification, decode
from common.identifiers import EVERYONE, RoundNumber
from common.signing import Direction
from common.suites import BASIC, HARDENED, Suite
from common.topics import Broadcast
from launcher.attack.findings import Finding
from launcher.attack.liar import Between, Operator
from provider.core import events as provider
from provider.core.events import Effect, Event
from tests.provider.core.bench import Bench, empty
from tests.provider.core.builders import NETWORK, PARAMETERS, PROVIDER, SCHEDULE
from tests.provider.core.certified import name
from tests.provider.core.village import FIRST, Village

SIZE, VICTIM = 6, 3
READINGS = {number: 100 * number for number in range(1, SIZE + 1)}


class Crooked(Bench):
    """A provider whose operator stands between its machine and the village."""

    operator: Operator | None = None

    def receive(self, *messages: provider.Message, at_ms: int | None = None) -> list[Effect]:
        passed = [each for each in messages if not self.operator or self.operator.hear(decode(each.payload))]
        return Bench.receive(self, *passed, at_ms=at_ms)

    def handle(self, *events: Event, at_ms: int | None = None) -> list[Effect]:
        effects = Bench.handle(self, *events, at_ms=at_ms)
        return [said for effect in effects if (said := self._said(effect)) is not None]

    def _said(self, effect: Effect) -> Effect | None:
        if self.operator is None or not isinstance(effect, provider.Publish):
            return effect
        said = self.operator.say(decode(effect.payload))
        return None if said is None else replace(effect, payload=said)


def crooked(suite: Suite) -> tuple[Village, Operator, list[Finding]]:
    """A village of this suite whose provider is about to lie about one of its gateways."""
    findings: list[Finding] = []
    honest = empty(replace(PARAMETERS, suite=suite.code), at_ms=SCHEDULE.start(RoundNumber(FIRST - 1)))
    bench = Crooked(honest.setups, honest.now_ms, trust=honest.trust)
    bench.operator = Operator(bench.machine.networks[NETWORK].desk, name(VICTIM), SIZE, findings.append)
    found = Village(SIZE, dict(READINGS), bench)
    found.move_in(*range(1, SIZE + 1))
    return found, bench.operator, findings


def told(found: Village, sentence: str) -> list[int]:
    """The gateways whose owners were told so."""
    return [number for number in READINGS if found.is_said(number, sentence)]


def test_in_suite_basic_the_honest_machine_gives_the_reading_to_its_operator() -> None:
    found, _, findings = crooked(BASIC)
    found.run(FIRST + 12)
    assert [(each.lie, each.victim, each.lanes) for each in findings] == [
        ("false-correction", name(VICTIM), (READINGS[VICTIM], 0, 1))
    ]
    assert told(found, "left this gateway out of round") == [VICTIM]


def test_in_suite_hardened_neither_lie_gets_a_share_or_the_reading() -> None:
    found, _, findings = crooked(HARDENED)
    found.run(FIRST + 12)
    assert [(each.lie, each.shares, each.needed) for each in findings] == [
        ("false-correction", 0, 4),
        ("named-and-included", 0, 4),
    ]
    assert all(each.lanes[0] != READINGS[VICTIM] and each.lanes[2] != 1 for each in findings)
    assert told(found, "called members missing in round") == [*READINGS]


def test_a_round_in_which_somebody_else_is_missing_too_is_of_no_use_and_another_one_is_taken() -> None:
    found, operator, findings = crooked(BASIC)
    number = int(FIRST)
    while operator.lies_in is None:
        number += 1
        found.run(number)
    spoiled = operator.lies_in
    found.houses[name(5)].is_deaf = True
    found.run(spoiled + 1)
    assert not findings
    found.comes_back(5)
    found.run(spoiled + 12)
    assert [(each.round > spoiled, each.lanes[0]) for each in findings] == [(True, READINGS[VICTIM])]


class Bus:
    """Keeps what goes on to the broker."""

    def __init__(self, *events: BusEvent) -> None:
        self.events = [*events]
        self.sent: list[tuple[str, bytes]] = []

    async def next_batch(self, limit: int, timeout_s: float) -> list[BusEvent]:
        return self.events

    def publish_soon(
        self, topic: str, payload: bytes, *, retain: bool = False, expires_in_s: float | None = None
    ) -> bool:
        self.sent.append((topic, payload))
        return True


async def test_what_is_no_frame_or_of_no_network_goes_on_untouched() -> None:
    events = [Message("dcnet/1/7/up/gw-3", b"nonsense", False), Message("elsewhere", b"", False)]
    bus = Bus(*events)
    between = Between(bus, [])
    assert await between.next_batch(10, 1) == events
    final = Frame(NETWORK, EVERYONE, 0, Notification.EXIT).signed(PROVIDER, Direction.DOWN)
    for topic, payload in ((topics.result(NETWORK), b"{}"), (topics.broadcast(NETWORK, Broadcast.FINAL), final)):
        assert between.publish_soon(topic, payload)
    assert [payload for _, payload in bus.sent] == [b"{}", final]
