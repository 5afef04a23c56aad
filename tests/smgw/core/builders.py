"""A gateway on the bench: one member machine, the orders it may get, and the frames it should make.

The gateway under test is client 4 of network 7, a mesh of ten of which seven are left; its neighbors are 1, 2, 3, 5, 6
and 7, with seeds that every test knows. Gateway n has the certificate with serial n.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from common import topics
from common.clients import ClientSet
from common.frames import Frame, Notification, decode
from common.identifiers import EVERYONE, NO_NETWORK, ClientId, RoundNumber, TunnelId
from common.masks import Seed
from common.parameters import Parameters
from common.payloads import NO_VIEW, Correction, Registration, RoundFinal, Superposition, view_of
from common.refusal import Refusal
from common.roster import LEAVES_PER_PART, Leaf, LeafPart, Roster, RosterRoot
from common.secret import Secret
from common.signing import Direction, Identity
from common.suites import BASIC, Contribution, toward
from common.superposition import Lanes, subtract
from common.topics import Broadcast
from common.tunnels import Kind, Role, TunnelOpen
from smgw.core.events import (
    Connected,
    Edge,
    Effect,
    Event,
    Level,
    Membership,
    Notice,
    Publish,
    ReadingTaken,
    Received,
    Record,
    Refuse,
    Sent,
    Store,
    Tick,
    VaultContents,
)
from smgw.core.member import Member
from smgw.core.reading import Reading, ReadingStatus
from smgw.core.situation import MemberRules
from tests.provider.core.certified import YEARS, certificate, identity
from tests.smgw.core.memory import remembered
from tests.smgw.core.rosters import (
    NETWORK,
    PARAMETERS,
    PROVIDER,
    ROUND,
    SCHEDULE,
    known_as,
    leaf,
    proof,
    root,
    roster_of,
    rules,
    values,
)

SELF: Final = ClientId(4)
PEERS: Final = tuple(ClientId(number) for number in (1, 2, 3, 5, 6, 7))
ALL: Final = frozenset({SELF, *PEERS})
GONE: Final = frozenset(map(ClientId, (8, 9, 10)))
"""Members of the mesh that have left, as they have proven."""
NAME: Final = "gw-4"

START: Final = SCHEDULE.start(ROUND)
MIDNIGHT: Final = RoundNumber(2_000_064)
"""The first round of the next day."""


STRANGER: Final = identity(2_000)
OWN: Final = identity(SELF)
SEND_AT: Final = SCHEDULE.send_at(ROUND, OWN.public_key)


RULES: Final = rules(SELF)
REGISTRATION: Final = Registration(values(SELF).root, certificate(SELF)).encode()


def before(number: int, rounds: int = 1) -> RoundNumber:
    return RoundNumber(number - rounds)


def after(number: int, rounds: int = 1) -> RoundNumber:
    return RoundNumber(number + rounds)


def seed(peer: int, day: int = SCHEDULE.day(ROUND), generation: int = 0) -> Seed:
    return Seed(day, Secret(bytes([generation, peer]) * 16))


def tunnel(peer: int, generation: int = 0) -> TunnelId:
    return TunnelId(100 * (generation + 1) + peer)


def edge(peer: int, *, is_started: bool = True, generation: int = 0, stood_ms: int = START) -> Edge:
    key, secret = identity(peer).public_key, seed(peer, generation=generation)
    return Edge(tunnel(peer, generation), ClientId(peer), key, peer, YEARS.end_ms, secret, is_started, stood_ms)


def valid(number: int = ROUND, import_dwh: int = 1_234, export_dwh: int = 0) -> Reading:
    return Reading(RoundNumber(number), import_dwh, export_dwh, ReadingStatus.VALID)


def contents(peers: Iterable[int] = PEERS, gone: frozenset[ClientId] = GONE) -> VaultContents:
    """A member that shares a started edge with each of `peers`, and knows the first roster."""
    known = known_as(roster_of(root()))
    edges = tuple(edge(peer) for peer in peers)
    return VaultContents(Membership(NETWORK, SELF), edges, rosters=(known,), gone=gone)


def renewed() -> VaultContents:
    """The same, whose certificate was renewed since: it registers again, to show it."""
    return replace(contents(), membership=Membership(NETWORK, SELF, serial=77))


def members(clients: Iterable[int]) -> ClientSet:
    return ClientSet.of(ClientId(client) for client in clients)


# What the provider says


def order(
    notification: Notification, data: bytes, *, client: int = SELF, at_ms: int = START, by: Identity = PROVIDER
) -> Received:
    """An order in the gateway's inbox."""
    frame = Frame(NETWORK, ClientId(client), at_ms, notification, data).signed(by, Direction.DOWN)
    return Received(topics.down(NETWORK, NAME), frame)


def announcement(what: Broadcast, notification: Notification, data: bytes, at_ms: int) -> Received:
    frame = Frame(NETWORK, EVERYONE, at_ms, notification, data).signed(PROVIDER, Direction.DOWN)
    return Received(topics.broadcast(NETWORK, what), frame)


def announced(said: Roster, at_ms: int = START) -> Received:
    """A ROSTER, as the broker has it retained."""
    message = announcement(Broadcast.ROSTER, Notification.ROSTER, said.encode(), at_ms)
    return replace(message, is_retained=True)


def told(leaves: Sequence[Leaf], at_ms: int = START) -> list[Received]:
    """All leaves of a larger roster in LEAVES frames, as the broker has them retained."""
    messages: list[Received] = []
    for part, first in enumerate(range(0, len(leaves), LEAVES_PER_PART)):
        data = LeafPart(part, tuple(leaves[first : first + LEAVES_PER_PART])).encode()
        frame = Frame(NETWORK, EVERYONE, at_ms, Notification.LEAVES, data).signed(PROVIDER, Direction.DOWN)
        messages.append(Received(topics.leaves(NETWORK, part), frame, is_retained=True))
    return messages


def shown(said: Roster, at_ms: int = START) -> list[Received]:
    """A ROSTER of gateways 1 to n, and before it the leaves that it does not list."""
    count = 0 if said.at.is_mesh else said.at.leaves
    return [*told([leaf(number) for number in range(1, count + 1)], at_ms), announced(said, at_ms)]


def roster(parameters: Parameters = PARAMETERS, epoch: int = 1) -> Received:
    """The first roster of the network, or one of the same members with other rules or a later epoch."""
    if parameters is PARAMETERS and epoch == 1:
        return announced(roster_of(root()))
    epoch = max(epoch, 2)
    said = roster_of(root())
    for number in range(2, epoch + 1):
        rules_then = parameters if number == epoch else PARAMETERS
        said = roster_of(root(epoch=number), before=said, parameters=rules_then)
    return announced(said)


def final(
    number: int = ROUND - 1,
    *,
    expected: Iterable[int] = ALL,
    included: Iterable[int] = ALL,
    started: Sequence[TunnelId] = (),
    at_ms: int | None = None,
    at: RosterRoot | None = None,
    of_view: bytes = NO_VIEW,
) -> Received:
    closed, at = RoundNumber(number), at or root()
    sets = (members(included), members(expected))
    data = RoundFinal(BASIC.code, closed, of_view, closed, at.epoch, at.root, *sets, tuple(started))
    at_ms = SCHEDULE.deadline(closed, 0) if at_ms is None else at_ms
    return announcement(Broadcast.FINAL, Notification.FINAL, data.encode(), at_ms)


def view(said: Received) -> bytes:
    return view_of(said.payload)


VIEW: Final = view(final())
"""The name of the FINAL before `ROUND`."""


def correction(
    *missing: int, attempt: int = 1, number: int = ROUND, of_view: bytes = VIEW, suite: int = BASIC.code
) -> Received:
    data = Correction(suite, RoundNumber(number), of_view, attempt, members(missing)).encode()
    return announcement(Broadcast.CORRECTION, Notification.CORRECTION, data, SCHEDULE.deadline(ROUND, attempt - 1))


def opening(
    peer: int,
    role: Role,
    *,
    generation: int = 0,
    at_ms: int = START,
    kind: Kind = Kind.MESH,
    at: RosterRoot | None = None,
) -> Received:
    """TUNNEL_OPEN toward gateway `peer`."""
    member = proof(peer, at or root())
    data = TunnelOpen(tunnel(peer, generation), role, kind, 1, member)
    return order(Notification.TUNNEL_OPEN, data.encode(), at_ms=at_ms)


# What others and the gateway itself say


def of_neighbor(
    peer: int, notification: Notification, data: bytes = b"", *, by: Identity | None = None, at_ms: int = START
) -> Received:
    """A frame that a neighbor signed and the provider forwarded."""
    frame = Frame(NETWORK, ClientId(peer), at_ms, notification, data)
    return Received(topics.down(NETWORK, NAME), frame.signed(by or identity(peer), Direction.UP))


def said(notification: Notification, data: bytes, at_ms: int, lifetime_ms: int = 60_000) -> Publish:
    """What the gateway publishes, exactly."""
    bit = notification is Notification.SUPERPOSITION
    topic = topics.tunnel(NETWORK, NAME) if notification is Notification.TUNNEL else topics.up(NETWORK, NAME)
    frame = Frame(NETWORK, SELF, at_ms, notification, data, bit).signed(OWN, Direction.UP)
    return Publish(topic, frame, at_ms + lifetime_ms)


def asked(data: bytes, at_ms: int) -> Publish:
    """Notification 1, exactly."""
    frame = Frame(NO_NETWORK, EVERYONE, at_ms, Notification.REGISTER, data)
    return Publish(topics.register(NAME), frame.signed(OWN, Direction.UP), at_ms + 60_000)


def mask(peer: int, number: int = ROUND, generation: int = 0) -> Lanes:
    """The mask toward a neighbor with its sign, from the seed that the test knows."""
    day = SCHEDULE.day(RoundNumber(number))
    drawn = seed(peer, generation=generation).on(day).mask(NETWORK, RoundNumber(number))
    return toward(SELF, ClientId(peer), drawn)


def without(lanes: Lanes, *peers: int, number: int = ROUND) -> Lanes:
    """Lanes less the masks toward these neighbors."""
    for peer in peers:
        lanes = subtract(lanes, mask(peer, number))
    return lanes


def body(frame: bytes) -> Contribution:
    return BASIC.read(Superposition.decode(decode(frame).frame.data).body)


@dataclass(slots=True)
class Bench:
    """One member machine, its clock, and a vault that keeps what it stores. Each list of effects is checked.

    Questions for the provider's time are left out unless `asks_time`: they come at moments of their own.
    """

    start: VaultContents = field(default_factory=contents)
    rules: MemberRules = RULES
    now_ms: int = SCHEDULE.start(before(ROUND))
    asks_time: bool = False
    kept: VaultContents = field(init=False)
    member: Member = field(init=False)
    records: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kept = self.start
        self.restart()

    def restart(self) -> None:
        """A new machine from what the vault holds."""
        self.member = Member(OWN, self.rules, self.kept, random.Random(1), self.now_ms)

    def handle(self, *events: Event, at_ms: int | None = None) -> list[Effect]:
        """Give events to the machine, and return all effects."""
        self.now_ms = self.now_ms if at_ms is None else at_ms
        effects: list[Effect] = []
        for event in events:
            out = self.member.handle(event, self.now_ms)
            require_stored_first(out)
            for effect in out:
                if isinstance(effect, Store):
                    self.records.append(effect.record)
                    self.kept = remembered(self.kept, effect.record)
            effects += [effect for effect in out if self.asks_time or published([effect]) != [Notification.CLOCK]]
        return effects

    def tick(self, at_ms: int) -> list[Effect]:
        return self.handle(Tick(), at_ms=at_ms)

    def run(self, until_ms: int) -> list[Effect]:
        """Tick at every deadline up to this moment."""
        effects: list[Effect] = []
        while (due := self.member.deadline) is not None and due <= until_ms:
            effects += self.tick(max(due, self.now_ms))
        self.now_ms = until_ms
        return effects

    @property
    def sent(self) -> Sent:
        """What the vault holds of the last round that was sent."""
        return self.kept.sent[-1]


def require_stored_first(effects: Sequence[Effect]) -> None:
    """What is sent may depend on all that is stored: every Store stands before every other effect."""
    kinds = [isinstance(effect, Store) for effect in effects]
    assert kinds == sorted(kinds, reverse=True), effects


def settled(start: VaultContents | None = None, *, rules: MemberRules = RULES) -> Bench:
    """A member that FINAL expects in `ROUND`, shortly before it begins."""
    bench = Bench(start or contents(), rules)
    bench.handle(Connected(), roster())
    bench.handle(final(), at_ms=SCHEDULE.deadline(before(ROUND), 0))
    bench.now_ms = START - 1_000
    return bench


def reported(bench: Bench | None = None, reading: Reading | None = None) -> tuple[Bench, list[Effect]]:
    """A member that has its reading of `ROUND` and has come to its moment of sending; and what it did there."""
    bench = bench or settled()
    bench.tick(START)
    bench.handle(ReadingTaken(reading or valid()))
    return bench, bench.tick(SEND_AT)


def sent_by(effects: Iterable[Effect]) -> bytes:
    """The one frame that was published."""
    (frame,) = (effect.payload for effect in effects if isinstance(effect, Publish))
    return frame


def refusals(effects: Iterable[Effect]) -> list[str]:
    return [effect.reason.name for effect in effects if isinstance(effect, Refuse)]


def not_sent(reason: str, number: int = ROUND) -> list[Effect]:
    """What the gateway does instead of sending, exactly."""
    refusal = Refusal[reason]
    text = f"The reading of round {number} was not sent: {refusal.sentence}."
    return [Refuse(refusal, Notification.SUPERPOSITION), Notice(Level.TEMPORARY, text)]


def published(effects: Iterable[Effect]) -> list[Notification]:
    return [decode(effect.payload).frame.notification for effect in effects if isinstance(effect, Publish)]
