"""A provider on the bench: its machine, and a store that keeps what it stores; gateways say what a test lets them."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from common.frames import Notification, decode
from common.identifiers import ClientId, RoundNumber, TunnelId
from common.parameters import Parameters
from common.payloads import RoundFinal, Superposition, view_of
from common.suites import BASIC, fingerprint, toward
from common.superposition import Lanes, add
from provider.core.events import (
    Connected,
    EdgeRecord,
    EdgeRemoved,
    EdgeState,
    Effect,
    Event,
    FinalRecord,
    MemberRecord,
    MemberState,
    Message,
    NetworkSetup,
    PendingRecord,
    Received,
    Record,
    RosterRecord,
    RoundClosed,
    RoundResult,
    Store,
    StoreContents,
    Tick,
)
from provider.core.machine import ProviderMachine
from provider.core.trust import Trust
from tests.provider.core.builders import (
    NETWORK,
    PARAMETERS,
    PROVIDER,
    ROUND,
    SCHEDULE,
    START,
    Pairs,
    after,
    message,
    reading,
    stored,
    toy_mask,
)
from tests.provider.core.certified import TRUST


@dataclass(slots=True)
class Bench:
    """One provider with one or more networks. Each list of effects is checked, and what it stores is kept."""

    setups: tuple[NetworkSetup, ...]
    now_ms: int
    entropy: random.Random = field(default_factory=lambda: random.Random(1))
    trust: Trust = TRUST
    machine: ProviderMachine = field(init=False)
    records: list[Record] = field(default_factory=list)
    results: list[RoundResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self.machine = ProviderMachine(PROVIDER, self.setups, self.entropy, self.now_ms, self.trust)

    def restart(self, at_ms: int) -> list[Effect]:
        """A new machine from what the store holds, with a bus at once."""
        self.now_ms = at_ms
        self._start()
        return self.handle(Connected())

    def handle(self, *events: Event, at_ms: int | None = None) -> list[Effect]:
        """Give events to the machine, and return all effects."""
        self.now_ms = self.now_ms if at_ms is None else at_ms
        effects: list[Effect] = []
        for event in events:
            out = self.machine.handle(event, self.now_ms)
            require_stored_first(out)
            for effect in out:
                if isinstance(effect, Store):
                    self._keep(effect.record)
                if isinstance(effect, RoundClosed):
                    self.results.append(effect.result)
            effects += out
        return effects

    def receive(self, *messages: Message, at_ms: int | None = None) -> list[Effect]:
        return self.handle(Received(messages), at_ms=at_ms)

    def tick(self, at_ms: int) -> list[Effect]:
        return self.handle(Tick(), at_ms=at_ms)

    def run(self, until_ms: int) -> list[Effect]:
        """Tick at every deadline up to this moment."""
        effects: list[Effect] = []
        while (due := self.machine.deadline) is not None and due <= until_ms:
            effects += self.tick(max(due, self.now_ms))
        self.now_ms = until_ms
        return effects

    @property
    def contents(self) -> StoreContents:
        return self.setups[0].contents

    @property
    def last(self) -> RoundFinal:
        """The last FINAL."""
        assert self.contents.final is not None
        return RoundFinal.decode(decode(self.contents.final).frame.data)

    @property
    def view(self) -> bytes:
        """The name of the last FINAL."""
        assert self.contents.final is not None
        return view_of(self.contents.final)

    def state(self, client: int) -> MemberState:
        return next(m.state for m in self.contents.members if m.client == client)

    def edges(self, *states: EdgeState) -> set[TunnelId]:
        return {e.tunnel for e in self.contents.edges if not states or e.state in states}

    def frame(
        self, client: int, *, missing: Collection[int] = (), attempt: int = 0, lanes: Lanes | None = None
    ) -> Message:
        """The superposition that this client should send now, as the last FINAL and the store have it."""
        covered = reading(client) if lanes is None else lanes
        tunnels = []
        for edge in self.contents.edges:
            ends = {edge.initiator, edge.responder}
            if edge.state is not EdgeState.STARTED or client not in ends:
                continue
            (peer,) = ends - {client}
            if peer in self.last.expected and peer not in missing:
                tunnels.append(edge.tunnel)
                covered = add(covered, toward(ClientId(client), peer, toy_mask(edge.tunnel)))
        return self.saying(client, covered, tunnels, attempt)

    def saying(self, client: int, lanes: Lanes, tunnels: Sequence[TunnelId], attempt: int = 0) -> Message:
        """A superposition with exactly these lanes."""
        body = BASIC.body.pack(*lanes, attempt, len(tunnels), fingerprint(tunnels))
        data = Superposition(BASIC.code, after(self.last.round), self.view, body).encode()
        return message(client, Notification.SUPERPOSITION, data, at_ms=self.now_ms)

    def report(self, *clients: int, missing: Collection[int] = (), attempt: int = 0) -> list[Effect]:
        """These clients send what they should, in one batch."""
        return self.receive(*(self.frame(client, missing=missing, attempt=attempt) for client in clients))

    def _keep(self, record: Record) -> None:
        self.records.append(record)
        self.setups = tuple(
            replace(setup, contents=with_record(setup.contents, record)) if setup.network == record.network else setup
            for setup in self.setups
        )


def with_record(
    contents: StoreContents,
    record: Record,
) -> StoreContents:
    """What the store holds with one record more."""
    match record:
        case MemberRecord():
            others = {m.client: m for m in contents.members}
            return replace(contents, members=tuple({**others, record.client: record}.values()))
        case EdgeRecord():
            edges = {e.tunnel: e for e in contents.edges}
            return replace(contents, edges=tuple({**edges, record.tunnel: record}.values()))
        case EdgeRemoved():
            return replace(contents, edges=tuple(e for e in contents.edges if e.tunnel != record.tunnel))
        case RosterRecord():
            assert record.epoch == len(contents.rosters) + 1
            return replace(contents, rosters=(*contents.rosters, record))
        case FinalRecord():
            return replace(contents, final=record.frame)
        case PendingRecord():
            assert contents.final is not None, "a round waits for shares when its FINAL is stored"
            return replace(contents, pending=(*contents.pending, (contents.final, record)))
        case RoundResult():
            waiting = tuple(pair for pair in contents.pending if pair[1].round != record.round)
            return replace(contents, pending=waiting)


def require_stored_first(effects: Sequence[Effect]) -> None:
    """What is sent may depend on all that is stored: every Store stands before every other effect."""
    kinds = [isinstance(effect, Store) for effect in effects]
    assert kinds == sorted(kinds, reverse=True), effects


def empty(parameters: Parameters = PARAMETERS, at_ms: int = START, revocations: bytes = b"") -> Bench:
    """A provider whose one network has no member yet; the bus is there."""
    trust = TRUST.renewed(revocations) if revocations else TRUST
    bench = Bench((NetworkSetup(NETWORK, parameters, StoreContents()),), at_ms, trust=trust)
    bench.handle(Connected())
    return bench


def operating(
    pairs: Pairs,
    *,
    parameters: Parameters = PARAMETERS,
    contents: StoreContents | None = None,
    revocations: bytes = b"",
) -> Bench:
    """A provider at the start of `ROUND`, which expects everybody in `pairs`; the bus was there all the time."""
    setup = NetworkSetup(NETWORK, parameters, contents or stored(pairs, number=ROUND - 2, parameters=parameters))
    trust = TRUST.renewed(revocations) if revocations else TRUST
    bench = Bench((setup,), SCHEDULE.deadline(RoundNumber(ROUND - 2), 0), trust=trust)
    bench.handle(Connected())
    bench.now_ms = SCHEDULE.start(RoundNumber(ROUND - 1))
    bench.report(*bench.last.expected)
    bench.now_ms = START
    bench.records.clear()
    bench.results.clear()
    return bench
