"""A network of real cores in virtual time, for counting: what its rounds send, how long they take, how they end.

Provider and gateways are the cores of the product on the bus of the simulation, which delivers like the real broker and
delays each message by up to 30 ms each way. The only faults are outages: a gateway's connection ends, and comes back.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final

from common.frames import HEADER_BYTES, Notification
from common.identifiers import NetworkId, RoundNumber
from common.parameters import Parameters
from common.schedule import DAY_MS, Schedule
from common.suites import SUITES, Suite
from common.topics import PROVIDER_FILTERS
from launcher.errors import LauncherError
from launcher.simulation import credentials
from launcher.simulation.bus import Bus
from launcher.simulation.pipes import Fates, Letter
from launcher.simulation.scenario import MessageFaults
from launcher.simulation.timeline import Alarm, Timeline
from launcher.simulation.trace import Tally, Trace
from provider.core import events as provider_events
from provider.core.machine import ProviderMachine
from provider.core.trust import Trust
from smgw.core import events as gateway_events
from smgw.core.member import Member
from smgw.core.reading import Reading, ReadingStatus
from smgw.core.situation import MemberRules

SCHEDULE: Final = Schedule(period_ms=900_000, window_ms=60_000, grace_ms=30_000, correction_ms=60_000, attempts_max=3)
"""The defaults of a provider."""

NETWORK: Final = NetworkId(1)
REGION: Final = "north"
BEGIN_MS: Final = (credentials.FIRST_DAY + 1) * DAY_MS
JOIN_ROUNDS_MAX: Final = 12
MQTT_BYTES: Final = 12
"""What MQTT 3.1.1 adds to topic and payload of a message with QoS 1: fixed header 3, length of the topic 2, packet
identifier 2, PUBACK 4, and one more for payloads that need three digits of length (sections 2.2 and 3.3)."""


def draws_of(suite: int) -> int:
    """How many neighbors each gateway draws by default."""
    return SUITES[suite].draws


def parameters_of(suite: Suite) -> Parameters:
    """The rules of the measured network: the product's defaults for this suite."""
    return Parameters(suite.code, REGION, SCHEDULE, draws=draws_of(suite.code))


@dataclass(slots=True)
class Traffic:
    """Messages and bytes (MQTT packets with their acknowledgments, without TLS and TCP) by notification."""

    messages: Counter[Notification] = field(default_factory=Counter)
    octets: Counter[Notification] = field(default_factory=Counter)

    def count(self, letter: Letter) -> None:
        """One message on one gateway's connection."""
        notification = Notification(letter.payload[HEADER_BYTES - 3])
        self.messages[notification] += 1
        self.octets[notification] += len(letter.payload) + len(letter.topic) + MQTT_BYTES

    def clear(self) -> None:
        """Begin anew."""
        self.messages.clear()
        self.octets.clear()


@final
class Household:
    """One gateway: the real core, a meter that always answers, and no vault, since nothing ever restarts."""

    def __init__(self, network: "CountedNetwork", rules: MemberRules, party: credentials.Credentials) -> None:
        self.name: Final = rules.name
        self.core: Final = Member(
            party.identity, rules, gateway_events.VaultContents(), network.stream(self.name), network.timeline.now
        )
        self._network: Final = network
        self._alarm: Final = Alarm(network.timeline, lambda: self._feed(gateway_events.Tick()))

    def begin(self) -> None:
        """Start the clock."""
        self._alarm.set(self.core.deadline)

    def on_connected(self) -> None:
        """See `bus.Client`."""
        self._feed(gateway_events.Connected())

    def on_disconnected(self) -> None:
        """See `bus.Client`."""
        self._feed(gateway_events.Disconnected())

    def on_message(self, letter: Letter) -> None:
        """See `bus.Client`."""
        self._network.down.count(letter)
        self._feed(gateway_events.Received(letter.topic, letter.payload, letter.is_retained))

    def _feed(self, event: gateway_events.Event) -> None:
        network = self._network
        for effect in self.core.handle(event, network.timeline.now):
            match effect:
                case gateway_events.Publish(topic, payload, expires_ms):
                    network.bus.publish(self.name, Letter(topic, payload, expires_at=expires_ms))
                case gateway_events.Subscribe(topic_filter):
                    network.bus.subscribe(self.name, topic_filter)
                case gateway_events.TakeReading(round_):
                    reading = Reading(round_, 1_250, 0, ReadingStatus.VALID)
                    network.timeline.after(0, lambda r=reading: self._feed(gateway_events.ReadingTaken(r)))  # type: ignore[misc]
                case gateway_events.Refuse(reason, notification):
                    network.refused[f"gateway: {reason.name} {notification.name if notification else ''}".strip()] += 1
                case _:
                    pass
        self._alarm.set(_later(self.core.deadline, network.timeline))


@final
class Office:
    """The provider: the real core; messages of one millisecond come as one batch."""

    def __init__(self, network: "CountedNetwork", core: ProviderMachine) -> None:
        self.results: Final[list[tuple[int, provider_events.RoundResult]]] = []
        """What was said of rounds, and when (Unix milliseconds of virtual time)."""
        self._network: Final = network
        self._core: Final = core
        self._alarm: Final = Alarm(network.timeline, lambda: self._feed(provider_events.Tick()))
        self._inbox: list[provider_events.Message] = []

    def begin(self) -> None:
        """Start the clock."""
        self._alarm.set(self._core.deadline)

    def on_connected(self) -> None:
        """See `bus.Client`."""
        self._feed(provider_events.Connected())

    def on_disconnected(self) -> None:
        """See `bus.Client`: its connection never ends."""

    def on_message(self, letter: Letter) -> None:
        """See `bus.Client`."""
        self._network.up.count(letter)
        if not self._inbox:
            self._network.timeline.after(1, self._take)
        self._inbox.append(provider_events.Message(letter.topic, letter.payload, letter.is_retained))

    def _take(self) -> None:
        messages, self._inbox = tuple(self._inbox), []
        self._feed(provider_events.Received(messages))

    def _feed(self, event: provider_events.Event) -> None:
        network = self._network
        for effect in self._core.handle(event, network.timeline.now):
            match effect:
                case provider_events.Publish(topic, payload, expires_ms, is_retained):
                    network.bus.publish(credentials.PROVIDER, Letter(topic, payload, is_retained, expires_ms))
                case provider_events.RoundClosed(result, _):
                    self.results.append((network.timeline.now, result))
                case provider_events.Refuse(reason):
                    network.refused[f"provider: {reason.name}"] += 1
                case _:
                    pass
        self._alarm.set(_later(self._core.deadline, network.timeline))


def _later(deadline: int | None, timeline: Timeline) -> int | None:
    """A deadline in the past rings a millisecond from now: never twice at one instant."""
    return None if deadline is None else max(deadline, timeline.now + 1)


@final
class CountedNetwork:
    """`members` gateways and their provider. `join` first; then `cut` and `mend` gateways, and let time pass."""

    def __init__(self, suite: Suite, members: int, seed: int) -> None:
        self.timeline: Final = Timeline(BEGIN_MS)
        self.up: Final = Traffic()
        self.down: Final = Traffic()
        self.refused: Final[Counter[str]] = Counter()
        self.parameters: Final = parameters_of(suite)
        self._seed = seed
        fates = Fates(self.stream("bus"), MessageFaults(), Tally(), 0)
        self.bus: Final = Bus(self.timeline, fates, Trace(self.timeline, is_on=False), lambda _: None)
        administrator = credentials.Administrator({REGION: members}, BEGIN_MS)
        authority = credentials.authority()
        setup = provider_events.NetworkSetup(NETWORK, self.parameters, provider_events.StoreContents())
        trust = Trust(authority, authority.revocations(administrator.newest))
        identity = credentials.provider().identity
        core = ProviderMachine(identity, [setup], self.stream(credentials.PROVIDER), BEGIN_MS, trust)
        self.office: Final = Office(self, core)
        self.households: Final = [self._household(suite, number, administrator) for number in range(members)]

    def stream(self, purpose: str) -> random.Random:
        """Random numbers for one purpose."""
        return random.Random(f"{self._seed} {purpose}")  # noqa: S311 -- nothing here is secret

    def _household(self, suite: Suite, number: int, administrator: credentials.Administrator) -> Household:
        party, authority, rules = credentials.gateway(REGION, number), credentials.authority(), self.parameters
        member_rules = MemberRules(
            name=credentials.name_of(number),
            region=REGION,
            suite=suite,
            authority=authority,
            certificate=party.certificate,
            provider_key=credentials.provider().identity.public_key,
            revocations=authority.revocations(administrator.newest),
            values=party.values,
            draws_min=rules.draws,
        )
        return Household(self, member_rules, party)

    def join(self) -> None:
        """Let everybody register and agree on all seeds, until one round was complete with all of them.

        Raises:
            LauncherError: that did not happen.
        """
        self.bus.attach(credentials.PROVIDER, self.office, is_lossless=True)
        self.bus.start(credentials.PROVIDER)
        for topic_filter in PROVIDER_FILTERS:
            self.bus.subscribe(credentials.PROVIDER, topic_filter)
        self.office.begin()
        for household in self.households:
            self.bus.attach(household.name, household)
            self.bus.start(household.name)
            household.begin()
        for _ in range(JOIN_ROUNDS_MAX):
            self.play(1)
            if self.office.results and self.office.results[-1][1].contributors == len(self.households):
                return
        raise LauncherError(
            f"The {len(self.households)} simulated gateways were not all in a sum after {JOIN_ROUNDS_MAX} rounds;"
            f" refused: {dict(self.refused)}."
        )

    @property
    def round_number(self) -> RoundNumber:
        """The round that the present moment lies in."""
        return SCHEDULE.round_at(self.timeline.now)

    def play(self, rounds: int, progress: Callable[[int], None] = lambda _: None) -> None:
        """Let so many rounds pass; at the end the next one is about to begin."""
        for done in range(1, rounds + 1):
            self.timeline.run_until(SCHEDULE.start(RoundNumber(self.round_number + 1)))
            progress(done)
