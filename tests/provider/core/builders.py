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
from common.parameters import Parameters
from common.payloads import NO_VIEW, Correction, Registration, RoundFinal, TunnelOpen
from common.schedule import Schedule
from common.secret import Secret
from common.signing import Direction, Identity
from common.suites import BASIC
from common.superposition import Lanes, vector
from common.topics import Broadcast
from provider.core.events import (
    EdgeRecord,
    EdgeState,
    Effect,
    MemberRecord,
    MemberState,
    Message,
    Publish,
    Refuse,
    RoundClosed,
    RoundResult,
    StoreContents,
)

NETWORK: Final = NetworkId(7)
SCHEDULE: Final = Schedule(period_ms=900_000, window_ms=60_000, grace_ms=30_000, correction_ms=60_000, attempts_max=3)
PARAMETERS: Final = Parameters(BASIC.code, "north", SCHEDULE)
ROUND: Final = RoundNumber(2_000_000)
START: Final = SCHEDULE.start(ROUND)
DEADLINE: Final = SCHEDULE.deadline(ROUND, 0)

Pairs = Collection[tuple[int, int]]


def identity(number: int) -> Identity:
    return Identity(Secret(number.to_bytes(32)))


PROVIDER: Final = identity(100_000)
STRANGER: Final = identity(200_000)


def after(number: int, rounds: int = 1) -> RoundNumber:
    return RoundNumber(number + rounds)


def name(client: int) -> str:
    return f"gw-{client}"


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
    number: int, *, at_ms: int = START, region: str = "north", by: Identity | None = None, called: str = ""
) -> Message:
    """Notification 1 of gateway `number`."""
    key, who = by or identity(number), called or name(number)
    data = Registration(key.public_key, region, who).encode()
    frame = Frame(NO_NETWORK, EVERYONE, at_ms, Notification.REGISTER, data)
    return Message(topics.register(who), frame.signed(key, Direction.UP))


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


def member(client: int, state: MemberState = MemberState.PRESENT) -> MemberRecord:
    return MemberRecord(NETWORK, ClientId(client), name(client), identity(client).public_key, state)


def edge(a: int, b: int, state: EdgeState = EdgeState.STARTED) -> EdgeRecord:
    return EdgeRecord(NETWORK, tunnel(a, b), ClientId(a), ClientId(b), state)


def stored(pairs: Pairs, expected: Iterable[int] | None = None, number: int = ROUND - 1) -> StoreContents:
    """A network that operates: who is in `pairs` is present, and the FINAL of the round before expects `expected`."""
    clients = sorted({client for pair in pairs for client in pair})
    who = members(*(clients if expected is None else expected))
    order = RoundFinal(BASIC.code, RoundNumber(number), NO_VIEW, RoundNumber(number), who, who, ())
    frame = final_frame(order, SCHEDULE.deadline(RoundNumber(number), 0))
    return StoreContents(tuple(member(c) for c in clients), tuple(edge(a, b) for a, b in pairs), frame)


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


def result_of(effects: Iterable[Effect]) -> RoundResult:
    """The one round that was closed."""
    (result,) = (effect.result for effect in effects if isinstance(effect, RoundClosed))
    return result
