"""How each reason to refuse a message that a provider can give is provoked."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from common import topics
from common.frames import DATA_BYTES_MAX, FRAME_BYTES_MAX, Notification
from common.identifiers import EVERYONE, ClientId, NetworkId, RoundNumber, TunnelId
from common.payloads import Entered, ExitConfirmed, Holdings
from common.refusal import Refusal
from common.signing import Direction
from common.suites import BASIC
from common.tunnels import Drawn, DrawnMember, TunnelMessage
from tests.credentials import shared
from tests.integration.impostors import Impostor, Impostors
from tests.integration.networks import NORTH
from tests.integration.stage import LIVE, NOTHING, SPEAKER, SPEAKER_UP, STRANGER, Stage

Said = tuple[str, bytes]
"""A topic and a payload."""


def changed(frame: bytes, at: int, octet: int) -> bytes:
    return frame[:at] + bytes([octet]) + frame[at + 1 :]


class Moment(Enum):
    """When something is said about one round."""

    BEFORE = auto()
    """It has not begun; the speaker is expected in it, but was stopped."""
    OPEN = auto()
    """A live gateway has sent its frame, and the speaker is awaited."""
    DECLARED = auto()
    """The speaker was declared missing."""
    CLOSED = auto()
    """Its FINAL is out; `Stage` is of the round after it."""
    AGAIN = auto()
    """What was retained by the broker comes again when the provider connects again."""


@dataclass(frozen=True)
class Provocation:
    """Messages that the provider refuses for one reason, but for the first `accepted` of them."""

    reason: Refusal
    moment: Moment
    messages: Callable[[Stage], list[Said]]
    accepted: int = 0


def own(*payloads: bytes) -> list[Said]:
    """On the speaker's own topic."""
    return [(SPEAKER_UP, payload) for payload in payloads]


def asks(*impostors: Impostor) -> list[Said]:
    """Each on the topic with its name."""
    return [(topics.register(each.name), each.registration()) for each in impostors]


def reports(stage: Stage) -> list[Said]:
    return own(stage.frame(Notification.ENTERED, Entered((), ()).encode())) * 3


def through(stage: Stage, tunnel: TunnelId) -> list[Said]:
    message = TunnelMessage(tunnel, 1, bytes(32)).encode()
    return [(topics.tunnel(NORTH, SPEAKER), stage.frame(Notification.TUNNEL, message))]


STRANGE_DRAW: Final = Drawn((DrawnMember(4_000, ClientId(1)),)).encode()
"""A neighbor drawn from a roster that never was."""

PROVOCATIONS: Final = (
    Provocation(Refusal.TOO_SHORT, Moment.BEFORE, lambda s: own(b"", b"nonsense", s.superposition()[:87])),
    Provocation(Refusal.TOO_LONG, Moment.BEFORE, lambda s: own(bytes(FRAME_BYTES_MAX + 1))),
    Provocation(Refusal.WRONG_PROTOCOL, Moment.BEFORE, lambda s: own(bytes(139), bytes(FRAME_BYTES_MAX), b"{} " * 50)),
    Provocation(Refusal.WRONG_VERSION, Moment.BEFORE, lambda s: own(changed(s.superposition(), 3, 2))),
    Provocation(Refusal.RESERVED_BIT, Moment.BEFORE, lambda s: own(changed(s.superposition(), 12, 0x81))),
    Provocation(Refusal.WRONG_LENGTH, Moment.BEFORE, lambda s: own(s.superposition() + b"\0", s.superposition()[:-1])),
    Provocation(Refusal.UNKNOWN_NOTIFICATION, Moment.BEFORE, lambda s: own(changed(s.superposition(), 21, 99))),
    Provocation(
        Refusal.BAD_DATA,
        Moment.BEFORE,
        lambda s: own(
            s.superposition(s.order(excess=b"\0")),
            s.superposition(s.order(excess=bytes(DATA_BYTES_MAX - len(s.order())))),
            s.frame(Notification.RELEASE, b"\xff\xff"),
            s.frame(Notification.ENTERED, b"\xff\xff"),
            s.frame(Notification.RESUME, b"\xff\xff"),
            s.frame(Notification.EXIT, b"\0"),
            s.frame(Notification.DRAWN, b"\xff\xff"),
            s.frame(Notification.CLOCK, b"\0"),
        ),
    ),
    Provocation(Refusal.RETAINED, Moment.AGAIN, lambda s: [(s.captured.topic, s.captured.payload)]),
    Provocation(
        Refusal.WRONG_TOPIC,
        Moment.BEFORE,
        lambda s: [
            (topics.up(NORTH, LIVE[0]), s.superposition()),
            (topics.up(NORTH, "Speaker"), s.superposition()),
            (topics.tunnel(NORTH, SPEAKER), s.superposition()),
            (topics.register(SPEAKER), s.superposition()),
            (f"dcnet/1/01/up/{SPEAKER}", s.superposition()),
            (topics.register("somebody-else"), s.impostors.somebody.registration()),
        ],
    ),
    Provocation(
        Refusal.WRONG_NETWORK,
        Moment.BEFORE,
        lambda s: [
            (SPEAKER_UP, s.superposition(network=NetworkId(99))),
            (topics.up(NetworkId(99), SPEAKER), s.superposition(network=NetworkId(99))),
            (topics.register("somebody"), s.impostors.somebody.registration(network=NORTH)),
        ],
    ),
    Provocation(
        Refusal.UNKNOWN_CLIENT,
        Moment.BEFORE,
        lambda s: own(
            s.superposition(client=ClientId(4_000)),
            s.frame(Notification.RESUME, Holdings(()).encode(), client=EVERYONE),
        ),
    ),
    Provocation(
        Refusal.BAD_SIGNATURE,
        Moment.BEFORE,
        lambda s: own(
            s.superposition(direction=Direction.DOWN),
            s.superposition(signer=STRANGER),
            changed(s.superposition(), 45, 0xFF),
            s.frame(Notification.EXIT, signer=STRANGER),
            s.frame(Notification.EXIT, direction=Direction.DOWN),
        ),
    ),
    Provocation(Refusal.STALE, Moment.BEFORE, lambda s: own(s.superposition(ahead_ms=-60_000))),
    Provocation(Refusal.FUTURE, Moment.BEFORE, lambda s: own(s.superposition(ahead_ms=60_000))),
    Provocation(Refusal.REPEATED, Moment.OPEN, lambda s: [(s.captured.topic, s.captured.payload)] * 3),
    Provocation(Refusal.REPEATED, Moment.OPEN, reports, accepted=1),
    Provocation(
        Refusal.UNEXPECTED,
        Moment.BEFORE,
        lambda s: own(
            s.impostors.twin(SPEAKER).registration(),
            s.frame(Notification.FINAL),
            s.frame(Notification.CORRECTION),
            s.frame(Notification.HOLD),
            s.superposition(s.order(attempt=1)),
            s.frame(Notification.EXIT_CONFIRMED, ExitConfirmed(ClientId(4_000)).encode()),
            s.frame(Notification.EXIT_CONFIRMED, ExitConfirmed(s.client).encode()),
        ),
    ),
    Provocation(Refusal.WRONG_SUITE, Moment.BEFORE, lambda s: own(s.superposition(s.order(suite=BASIC.code)))),
    Provocation(Refusal.WRONG_SUITE, Moment.BEFORE, lambda s: own(s.release(s.round, suite=BASIC.code))),
    Provocation(
        Refusal.WRONG_ROUND,
        Moment.BEFORE,
        lambda s: own(*(s.superposition(s.order(number=number)) for number in (s.round + 1, 2**64 - 1))),
    ),
    Provocation(Refusal.LATE, Moment.DECLARED, lambda s: own(s.superposition())),
    Provocation(Refusal.LATE, Moment.CLOSED, lambda s: [(s.captured.topic, s.captured.payload)] * 2),
    Provocation(Refusal.LATE, Moment.CLOSED, lambda s: own(*(s.release(number) for number in (0, s.round)))),
    Provocation(Refusal.NOT_INCLUDED, Moment.CLOSED, lambda s: own(s.release(s.round - 1))),
    Provocation(Refusal.NOT_EXPECTED, Moment.CLOSED, lambda s: own(s.superposition())),
    Provocation(Refusal.WRONG_VIEW, Moment.BEFORE, lambda s: own(s.superposition(s.order(view=bytes(8))))),
    Provocation(
        Refusal.WRONG_MASKS,
        Moment.BEFORE,
        lambda s: own(s.superposition(s.order(tunnels=())), s.superposition(s.order(tunnels=s.tunnels[1:]))),
    ),
    Provocation(
        Refusal.NAME_TAKEN,
        Moment.BEFORE,
        lambda s: asks(*map(s.impostors.twin, (SPEAKER, LIVE[0]))),
    ),
    Provocation(Refusal.UNKNOWN_REGION, Moment.BEFORE, lambda s: asks(s.impostors.nomad)),
    Provocation(Refusal.BAD_CERTIFICATE, Moment.BEFORE, lambda s: asks(s.impostors.foreigner)),
    Provocation(Refusal.CERTIFICATE_EXPIRED, Moment.BEFORE, lambda s: asks(s.impostors.expired, s.impostors.early)),
    Provocation(Refusal.CERTIFICATE_REVOKED, Moment.BEFORE, lambda s: asks(s.impostors.thief)),
    Provocation(Refusal.WRONG_SUBJECT, Moment.BEFORE, lambda s: asks(s.impostors.reader)),
    Provocation(Refusal.UNKNOWN_ROSTER, Moment.BEFORE, lambda s: own(s.frame(Notification.DRAWN, STRANGE_DRAW))),
    Provocation(Refusal.NOT_AN_END, Moment.BEFORE, lambda s: through(s, s.foreign_tunnel)),
    Provocation(
        Refusal.NOT_AN_END,
        Moment.BEFORE,
        lambda s: own(s.frame(Notification.ENTERED, Entered((s.foreign_tunnel,), ()).encode(), ahead_ms=1)),
    ),
    Provocation(Refusal.TUNNEL_CLOSED, Moment.BEFORE, lambda s: through(s, TunnelId(7))),
)
"""How each reason that a provider can give is provoked."""

GATEWAYS_ONLY: Final = frozenset(
    {
        Refusal.BAD_HANDSHAKE,
        Refusal.TOO_MANY_NEIGHBORS,
        Refusal.TOO_FEW_MASKS,
        Refusal.TOO_FEW_MEMBERS,
        Refusal.NAMES_ITSELF,
        Refusal.LIST_SHRINKS,
        Refusal.CONTRADICTION,
        Refusal.WEAKER_RULES,
        Refusal.ROUND_NOT_NEW,
        Refusal.ROUND_CLOSED,
        Refusal.STARTED_WITHIN_ROUND,
        Refusal.NO_FINAL,
        Refusal.CLOCK_WRONG,
        Refusal.STAYS_AWAY,
        Refusal.FORGOTTEN,
        Refusal.BAD_DRAW,
        Refusal.TWO_ROSTERS,
        Refusal.ROSTER_SHRINKS,
        Refusal.ROSTER_TOO_SMALL,
        Refusal.TOO_FEW_DRAWN,
    }
)
"""Reasons that only a gateway gives, for an order or for not sending its reading."""

ELSEWHERE: Final = frozenset({Refusal.NETWORK_FULL, Refusal.REVOCATIONS_EXPIRED})
"""One needs a store that has given all identifiers (see `test_provider.py`), the other a list so old that the broker
lets nobody in (see `tests/provider/core/test_registration.py`)."""


def wanted() -> Counter[Refusal]:
    """How often each reason must be counted."""
    tunnels, impostors = (TunnelId(1),), Impostors(shared())
    dummy = Stage(STRANGER, ClientId(1), RoundNumber(1), bytes(8), tunnels, TunnelId(2), impostors, NOTHING)
    counts = Counter[Refusal]()
    for each in PROVOCATIONS:
        counts[each.reason] += len(each.messages(dummy)) - each.accepted
    return counts
