"""What gateways and provider say and store, as tests of the provider need it.

Gateway n is client n, named gw-n. Two neighbors a < b share the tunnel 1000 a + b, and a toy mask that cancels only
when both are in the sum. The reading of client n in any round is n * 100 (import) and n (export).
"""

import random
from collections.abc import Collection, Iterable
from itertools import combinations
from typing import Final

from common import topics
from common.clients import ClientSet
from common.frames import Frame, Notification, decode
from common.identifiers import EVERYONE, NO_NETWORK, ClientId, NetworkId, RoundNumber, TunnelId
from common.merkle import Tree
from common.parameters import Parameters
from common.payloads import NO_VIEW, Correction, Registration, RoundFinal
from common.roster import MESH_MAX, NO_PREDECESSOR, Leaf, LeafPart, Roster, RosterRoot
from common.schedule import Schedule
from common.signing import Direction, Identity
from common.suites import BASIC
from common.superposition import Lanes, vector
from common.topics import Broadcast
from common.tunnels import Departure, Drawn, DrawnMember, TunnelOpen
from provider.core.events import (
    EdgeRecord,
    EdgeState,
    Effect,
    MemberRecord,
    MemberState,
    Message,
    Publish,
    Refuse,
    RosterRecord,
    RoundClosed,
    RoundResult,
    StoreContents,
)
from tests.provider.core.certified import certificate, draw_root, identity, name

NETWORK: Final = NetworkId(7)
SCHEDULE: Final = Schedule(period_ms=900_000, window_ms=60_000, grace_ms=30_000, correction_ms=60_000, attempts_max=3)
PARAMETERS: Final = Parameters(BASIC.code, "north", SCHEDULE)
ROUND: Final = RoundNumber(2_000_000)
START: Final = SCHEDULE.start(ROUND)
DEADLINE: Final = SCHEDULE.deadline(ROUND, 0)

Pairs = Collection[tuple[int, int]]


PROVIDER: Final = identity(100_000)
STRANGER: Final = identity(200_000)


def after(number: int, rounds: int = 1) -> RoundNumber:
    return RoundNumber(number + rounds)


def tunnel(a: int, b: int) -> TunnelId:
    return TunnelId(1000 * min(a, b) + max(a, b))


def members(*clients: int) -> ClientSet:
    return ClientSet.of(ClientId(client) for client in clients)


def everybody(count: int) -> Pairs:
    """The complete key graph of clients 1 to `count`."""
    return list(combinations(range(1, count + 1), 2))


def ring(count: int, reach: int = 2) -> Pairs:
    """Clients 1 to `count` in a circle, each with the `reach` next ones on either side."""
    return [(i + 1, (i + step) % count + 1) for i in range(count) for step in range(1, reach + 1)]


# What gateways say


def message(
    client: int,
    notification: Notification,
    data: bytes = b"",
    *,
    at_ms: int = START,
    by: Identity | None = None,
    network: NetworkId = NETWORK,
) -> Message:
    """A signed frame of a gateway on its topic."""
    bit = notification is Notification.SUPERPOSITION
    frame = Frame(network, ClientId(client), at_ms, notification, data, bit).signed(
        by or identity(client), Direction.UP
    )
    channel = topics.tunnel if notification is Notification.TUNNEL else topics.up
    return Message(channel(network, name(client)), frame)


def registration(
    number: int, *, at_ms: int = START, cert: bytes = b"", by: int = 0, topic: str = "", root: bytes = b""
) -> Message:
    """Notification 1 of gateway `number`, with its certificate or another, signed by its key or another."""
    data = Registration(root or draw_root(number), cert or certificate(number)).encode()
    frame = Frame(NO_NETWORK, EVERYONE, at_ms, Notification.REGISTER, data)
    return Message(topics.register(topic or name(number)), frame.signed(identity(by or number), Direction.UP))


def wanting(client: int, *drawn: int, epoch: int = 1, at_ms: int = START) -> Message:
    """DRAWN: this client lacks a seed to each of these."""
    data = Drawn(tuple(DrawnMember(epoch, ClientId(each)) for each in drawn)).encode()
    return message(client, Notification.DRAWN, data, at_ms=at_ms)


def reading(client: int) -> Lanes:
    return vector(client * 100, client)


def total(*clients: int) -> tuple[int, int, int]:
    """Import, export and contributors of these clients together."""
    return 100 * sum(clients), sum(clients), len(clients)


def toy_mask(of: TunnelId) -> Lanes:
    draw = random.Random(of)
    return draw.getrandbits(64), draw.getrandbits(64), draw.getrandbits(64)


# What the provider says


def announcement(notification: Notification, data: bytes, at_ms: int, network: NetworkId = NETWORK) -> bytes:
    return Frame(network, EVERYONE, at_ms, notification, data).signed(PROVIDER, Direction.DOWN)


def ordered(client: int, notification: Notification, data: bytes, at_ms: int) -> Publish:
    """An order to one member, exactly."""
    frame = Frame(NETWORK, ClientId(client), at_ms, notification, data).signed(PROVIDER, Direction.DOWN)
    return Publish(topics.down(NETWORK, name(client)), frame, at_ms + 60_000)


def forwarded(said: Message, client: int, at_ms: int) -> Publish:
    """Another's frame as it was, to one member, exactly."""
    return Publish(topics.down(NETWORK, name(client)), said.payload, at_ms + 60_000)


def corrects(number: int, view: bytes, attempt: int, *missing: int) -> Publish:
    """Notification 4, exactly."""
    at_ms = SCHEDULE.deadline(RoundNumber(number), attempt - 1)
    data = Correction(BASIC.code, RoundNumber(number), view, attempt, members(*missing)).encode()
    frame = announcement(Notification.CORRECTION, data, at_ms)
    due = SCHEDULE.deadline(RoundNumber(number), attempt)
    return Publish(topics.broadcast(NETWORK, Broadcast.CORRECTION), frame, due)


def final_frame(order: RoundFinal, at_ms: int) -> bytes:
    return announcement(Notification.FINAL, order.encode(), at_ms)


def retained(frame: bytes, at_ms: int) -> Publish:
    """A FINAL for everybody, exactly."""
    return Publish(topics.broadcast(NETWORK, Broadcast.FINAL), frame, at_ms + 1_800_000, is_retained=True)


def member(client: int, state: MemberState = MemberState.PRESENT, epoch: int = 1) -> MemberRecord:
    key, cert = identity(client).public_key, certificate(client)
    return MemberRecord(NETWORK, ClientId(client), name(client), key, draw_root(client), cert, state, epoch)


def edge(a: int, b: int, state: EdgeState = EdgeState.STARTED) -> EdgeRecord:
    return EdgeRecord(NETWORK, tunnel(a, b), ClientId(a), ClientId(b), state)


def leaf(client: int, epoch: int = 1) -> Leaf:
    return Leaf(ClientId(client), identity(client).public_key, draw_root(client), epoch)


def roster(count: int, live: int = 0, parameters: Parameters = PARAMETERS) -> Roster:
    """The first roster, of clients 1 to `count`."""
    leaves = tuple(leaf(client) for client in range(1, count + 1))
    at = RosterRoot(1, count, live or count, Tree(each.encode() for each in leaves).root())
    return Roster(at, RoundNumber(ROUND - 100), NO_PREDECESSOR, parameters, (), leaves if at.is_mesh else ())


def kept(of: Roster) -> RosterRecord:
    """A roster as the store keeps it."""
    return RosterRecord(NETWORK, of.at.epoch, of.at.leaves, of.at.live, of.encode())


def final(number: int, view: bytes, included: ClientSet, expected: ClientSet, leaves: int) -> RoundFinal:
    """The FINAL of a round in a network whose only roster has so many leaves, and that starts no edge."""
    at, closed = roster(leaves).at, RoundNumber(number)
    return RoundFinal(BASIC.code, closed, view, closed, at.epoch, at.root, included, expected, ())


def stored(
    pairs: Pairs,
    expected: Iterable[int] | None = None,
    number: int = ROUND - 1,
    *,
    others: Iterable[MemberRecord] = (),
    edges: Iterable[EdgeRecord] = (),
    parameters: Parameters = PARAMETERS,
) -> StoreContents:
    """A network that operates: who is in `pairs` is present, and the FINAL of the round before expects `expected`."""
    clients = sorted({client for pair in pairs for client in pair})
    people = tuple(sorted([*map(member, clients), *others], key=lambda each: each.client))
    who = members(*(clients if expected is None else expected))
    closed = final(number, NO_VIEW, who, who, len(people))
    frame = final_frame(closed, SCHEDULE.deadline(RoundNumber(number), 0))
    first = kept(roster(len(people), parameters=parameters))
    return StoreContents(people, (*(edge(a, b) for a, b in pairs), *edges), (first,), frame)


def beyond_mesh(pairs: Pairs) -> StoreContents:
    """The same of the second round before, in a roster of 26: who is not in `pairs` is away, and nobody counts them."""
    first_away = max(client for pair in pairs for client in pair) + 1
    away = [member(client, MemberState.AWAY) for client in range(first_away, MESH_MAX + 2)]
    return stored(pairs, number=ROUND - 2, others=away)


def published(effects: Iterable[Effect]) -> list[Notification]:
    return [decode(effect.payload).frame.notification for effect in effects if isinstance(effect, Publish)]


def refusals(effects: Iterable[Effect]) -> list[str]:
    return [effect.reason.name for effect in effects if isinstance(effect, Refuse)]


def opened(effects: Iterable[Effect]) -> list[tuple[str, TunnelOpen]]:
    """The tunnels that the provider opened: to whom it said so, and what."""
    found = []
    for effect in effects:
        if isinstance(effect, Publish) and published([effect]) == [Notification.TUNNEL_OPEN]:
            found.append((effect.topic.rsplit("/", 1)[1], TunnelOpen.decode(decode(effect.payload).frame.data)))
    return found


def departures(effects: Iterable[Effect]) -> list[tuple[str, Departure]]:
    """The departures that the provider told: to whom, and what."""
    found = []
    for effect in effects:
        if isinstance(effect, Publish) and published([effect]) == [Notification.DEPARTED]:
            found.append((effect.topic.rsplit("/", 1)[1], Departure.decode(decode(effect.payload).frame.data)))
    return found


def rosters(effects: Iterable[Effect]) -> list[Roster]:
    """The rosters that were announced."""
    frames = [decode(effect.payload).frame for effect in effects if isinstance(effect, Publish)]
    return [Roster.decode(frame.data) for frame in frames if frame.notification is Notification.ROSTER]


def parts(effects: Iterable[Effect]) -> dict[str, LeafPart]:
    """The parts of the leaves that were announced, by topic."""
    said = [effect for effect in effects if isinstance(effect, Publish)]
    frames = [(each.topic, decode(each.payload).frame) for each in said if each.is_retained]
    return {topic: LeafPart.decode(frame.data) for topic, frame in frames if frame.notification is Notification.LEAVES}


def result_of(effects: Iterable[Effect]) -> RoundResult:
    """The one round that was closed."""
    (result,) = (effect.result for effect in effects if isinstance(effect, RoundClosed))
    return result
