"""A whole network of real cores in virtual time, without a bus: every message arrives at once and in order.

The benchmark needs many members quickly, and wants to know what each phase of a round costs over all of them.
"""

import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from common import topics
from common.draws import DrawValues
from common.identifiers import NetworkId
from common.parameters import Parameters
from common.schedule import Schedule
from common.secret import Secret
from common.signing import Identity
from common.suites import BASIC, HARDENED, Suite
from provider.core import events as provider_events
from provider.core.machine import ProviderMachine
from provider.core.trust import Trust
from smgw.core import events as gateway_events
from smgw.core.member import Member
from smgw.core.situation import MemberRules
from tests.benchmark import papers, wire
from tests.benchmark.founding import Charter, Founder, found
from tests.benchmark.stopwatch import Laps

NETWORK: Final = NetworkId(1)
REGION: Final = "north"
SCHEDULE: Final = Schedule(period_ms=60_000, window_ms=1_000, grace_ms=2_000, correction_ms=2_000, attempts_max=3)
PARAMETERS: Final = {
    suite.code: Parameters(suite.code, REGION, SCHEDULE, draws=suite.draws) for suite in (BASIC, HARDENED)
}
BEGIN_MS: Final = 30_000_000 * SCHEDULE.period_ms + 1_000


@dataclass(slots=True)
class Traffic:
    """Messages, payload bytes and bytes on the wire of all gateways together."""

    messages: int = 0
    payload_bytes: int = 0
    wire_bytes: int = 0

    def count(self, topic: str, payload: bytes) -> None:
        """One message over one gateway's connection."""
        self.messages += 1
        self.payload_bytes += len(payload)
        self.wire_bytes += wire.exchange_bytes(topic, len(payload))


@dataclass(slots=True)
class Joining:
    """What it cost all gateways and the provider together until the first FINAL was in every gateway."""

    up: Traffic = field(default_factory=Traffic)
    down: Traffic = field(default_factory=Traffic)
    gateways: Laps = field(default_factory=Laps)
    provider: Laps = field(default_factory=Laps)


class NotAsExpectedError(Exception):
    """The cores did not do what the benchmark measures: its numbers would say nothing."""


class VirtualNetwork:
    """`size` gateways and their provider. Use `join` once, then whatever phases of rounds are to be measured.

    With `is_founded` the network stands already, without any handshake, and `join` lets everybody hear of it.
    """

    def __init__(self, size: int, suite: Suite = BASIC, *, is_founded: bool = False) -> None:
        self.now_ms = BEGIN_MS
        self.suite: Final = suite
        self.joining: Final = Joining()
        self._account = self.joining
        self._entropy: Final = random.Random(size)
        self.provider_seed: Final = self._entropy.randbytes(32)
        provider = Identity(Secret(self.provider_seed))
        founders = [self._founder(number) for number in range(size)]
        self.gateways: Final[dict[str, Member]] = {}
        if is_founded:
            self._begun = self._found(provider, founders)
        else:
            self._begun = provider_events.StoreContents()
            for each in founders:
                rules = self._rules(each, provider.public_key, DrawValues(each.identity, REGION))
                self._settle(each, rules, gateway_events.VaultContents())
        setup = provider_events.NetworkSetup(NETWORK, PARAMETERS[suite.code], self._begun)
        trust = Trust(papers.authority(), papers.revocations())
        self.provider: Final = ProviderMachine(provider, [setup], self._entropy, self.now_ms, trust)
        self.records: Final[list[provider_events.Record]] = []
        self.results: Final[list[provider_events.RoundResult]] = []
        self.broadcast: Final[dict[str, bytes]] = {}
        self.refused: Final[Counter[str]] = Counter()
        self._listening: Final[list[str]] = []
        self._to_provider: deque[provider_events.Message] = deque()
        self._to_gateways: deque[tuple[str, str, bytes]] = deque()

    def _founder(self, number: int) -> Founder:
        identity, name = Identity(Secret(self._entropy.randbytes(32))), f"gw-{number:05}"
        return Founder(name, identity, papers.certificate(name, REGION, identity.public_key, number + 1))

    def _found(self, provider: Identity, founders: Sequence[Founder]) -> provider_events.StoreContents:
        values = DrawValues(provider, REGION)
        number = SCHEDULE.round_at(self.now_ms)
        charter = Charter(NETWORK, PARAMETERS[self.suite.code], provider, values, number, self.now_ms)
        founded = found(charter, founders, self._entropy)
        for founder, vault in zip(founders, founded.vaults, strict=True):
            member = self._settle(founder, self._rules(founder, provider.public_key, values), vault)
            member.situation.leaves = founded.leaves
        return founded.store

    def _settle(self, founder: Founder, rules: MemberRules, vault: gateway_events.VaultContents) -> Member:
        member = Member(founder.identity, rules, vault, self._entropy, self.now_ms)
        self.gateways[founder.name] = member
        return member

    def _rules(self, founder: Founder, provider_key: bytes, values: DrawValues) -> MemberRules:
        return MemberRules(
            founder.name,
            REGION,
            self.suite,
            papers.authority(),
            founder.certificate,
            provider_key,
            papers.revocations(),
            values,
        )

    # Joining

    def join(self) -> None:
        """Register everybody, agree on all seeds, and let the first FINAL reach everybody."""
        self._provider(provider_events.Connected())
        for name in self.gateways:
            self._gateway_event(name, gateway_events.Connected())
        self._deliver()
        give_up_ms = self.now_ms + 10 * SCHEDULE.period_ms
        while not self.has_final:
            if self.now_ms > give_up_ms:
                raise NotAsExpectedError("no round began within ten periods")
            assert self.provider.deadline is not None
            self.now_ms = max(self.now_ms, self.provider.deadline)
            self._provider(provider_events.Tick())
            self._deliver()
        if self.refused:
            raise NotAsExpectedError(f"while joining, there were refused: {dict(self.refused)}")
        self._account = Joining()

    def return_missing(self) -> None:
        """Let those whom the last FINAL does not expect ask to be taken back; the next FINAL expects them again."""
        self.now_ms += SCHEDULE.window_ms
        for name, member in self.gateways.items():
            if not member.situation.is_expected:
                self._gateway_event(name, gateway_events.Tick())
        self._deliver()

    @property
    def is_whole(self) -> bool:
        """Whether all gateways are expected."""
        return all(member.situation.is_expected for member in self.gateways.values())

    @property
    def has_final(self) -> bool:
        """Whether the network operates."""
        return topics.broadcast(NETWORK, topics.Broadcast.FINAL) in self.broadcast

    @property
    def provider_contents(self) -> provider_events.StoreContents:
        """What the provider's store would hold by now, for a provider that starts elsewhere."""
        members = {r.client: r for r in self._begun.members}
        members |= {r.client: r for r in self.records if isinstance(r, provider_events.MemberRecord)}
        edges = {int(r.tunnel): r for r in self._begun.edges}
        for record in self.records:
            if isinstance(record, provider_events.EdgeRecord):
                edges[record.tunnel] = record
            elif isinstance(record, provider_events.EdgeRemoved):
                edges.pop(record.tunnel, None)
        rosters = tuple(r for r in (*self._begun.rosters, *self.records) if isinstance(r, provider_events.RosterRecord))
        final = self.broadcast[topics.broadcast(NETWORK, topics.Broadcast.FINAL)]
        return provider_events.StoreContents(tuple(members.values()), tuple(edges.values()), rosters, final)

    def _deliver(self) -> None:
        while self._to_provider or self._to_gateways:
            while self._to_provider:
                self._provider(provider_events.Received((self._to_provider.popleft(),)))
            while self._to_gateways:
                name, topic, payload = self._to_gateways.popleft()
                self._account.down.count(topic, payload)
                self._gateway_event(name, gateway_events.Received(topic, payload))

    def _provider(self, event: provider_events.Event) -> None:
        with self._account.provider.lap():
            effects = self.provider.handle(event, self.now_ms)
        for message in self.perform(effects):
            name = message.topic.rpartition("/")[2]
            names = [name] if name in self.gateways else self._listening
            self._to_gateways.extend((each, message.topic, message.payload) for each in names)

    def _gateway_event(self, name: str, event: gateway_events.Event) -> None:
        with self._account.gateways.lap():
            effects = self.gateways[name].handle(event, self.now_ms)
        for effect in effects:
            match effect:
                case gateway_events.Publish(topic, payload):
                    self._account.up.count(topic, payload)
                    self._to_provider.append(provider_events.Message(topic, payload))
                case gateway_events.Subscribe(topic_filter) if topic_filter.endswith("/all/+"):
                    self._listening.append(name)
                    self._to_gateways.extend((name, topic, payload) for topic, payload in self._retained())
                case gateway_events.Refuse(reason):
                    self.refused[reason.name] += 1
                case _:
                    pass

    def _retained(self) -> list[tuple[str, bytes]]:
        """What the broker keeps: FINAL first, which waits for the roster. Leaves are known already."""
        kept = [(topic, payload) for topic, payload in self.broadcast.items() if "/leaves-" not in topic]
        return sorted(kept, key=lambda item: item[0] != topics.broadcast(NETWORK, topics.Broadcast.FINAL))

    def perform(self, effects: list[provider_events.Effect]) -> list[provider_events.Publish]:
        """Note what the provider wants kept, closed or refused; return what it wants sent."""
        sent = []
        for effect in effects:
            match effect:
                case provider_events.Publish():
                    sent.append(effect)
                    if effect.is_retained:
                        self.broadcast[effect.topic] = effect.payload
                case provider_events.Store(record):
                    self.records.append(record)
                case provider_events.RoundClosed(result):
                    self.results.append(result)
                case provider_events.Refuse(reason):
                    self.refused[reason.name] += 1
                case _:
                    pass
        return sent
